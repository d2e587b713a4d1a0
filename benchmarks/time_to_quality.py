"""How long the same training takes to the same dev nDCG@10, by our head and by the usual modules.

python benchmarks/time_to_quality.py COLLECTIONS_DIR [--pairs 500] [--seed 13] [--reach 0.9]
    [--passage-length N] [--evaluations N] [--threads N]

Trains the balanced preset on human pairs of `medquad_train` (as benchmarks/recipe_study.py has
them) twice, in one process after another's end: data, seed, steps and recipe are the same, only the
modules differ: the start model does not meet the corpus first (decision 27), for that needs our
head. The clock counts everything: loading, steps, measuring the dev split, saving.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest import mock

import platformdirs
import torch
from recipe_study import pairs, snapshot

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.jobs import Progress
from distiller.splade import StartModel, resolve
from distiller.train import PRESETS, Recipe, train
from distiller.train.measure import CRITERION

OURS, USUAL = "ours", "sentence-transformers' modules"


@contextmanager
def usual_modules() -> Iterator[None]:
    """Models load as sentence-transformers has them."""
    with mock.patch("distiller.splade.loading.install", return_value=False):
        yield


def marks(
    way: str, data: DatasetSnapshot, recipe: Recipe, base: StartModel
) -> list[tuple[float, int, float]]:
    """Seconds, step and dev nDCG@10 of every measured step."""
    found: list[tuple[float, int, float]] = []
    begun = time.perf_counter()

    def told(progress: Progress) -> None:
        if CRITERION in progress.metrics:
            passed = time.perf_counter() - begun
            found.append((passed, progress.done, progress.metrics[CRITERION]))

    with (
        tempfile.TemporaryDirectory() as folder,
        usual_modules() if way == USUAL else nullcontext(),
    ):
        train(data, recipe, base, Path(folder) / "model", device="cpu", on_progress=told)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder of collection folders")
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--reach", type=float, default=0.9, help="share of what ours gains in all")
    parser.add_argument("--passage-length", type=int, default=PRESETS["balanced"].passage_length)
    parser.add_argument("--evaluations", type=int, default=PRESETS["balanced"].evaluations)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    data = snapshot(pairs(options.folder), options.pairs, options.seed)
    base = resolve("tiny", Path(platformdirs.user_cache_dir("distiller")))
    recipe = PRESETS["balanced"].model_copy(
        update={
            "seed": options.seed,
            "rarity_power": 0.0,
            "passage_length": options.passage_length,
            "evaluations": options.evaluations,
        }
    )
    found = {way: marks(way, data, recipe, base) for way in (OURS, USUAL)}
    start, best = found[OURS][0][2], max(value for *_, value in found[OURS])
    goal = start + options.reach * (best - start)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; dev nDCG@10 {goal:.3f}")
    print("| way | reached at step | seconds to it | × ours | last step, seconds | best |")
    print("|---|---|---|---|---|---|")
    base_seconds = 0.0
    for way, measured in found.items():
        reached = next(((s, step) for s, step, value in measured if value >= goal), None)
        cells = ["never", "–", "–"]
        if reached:
            base_seconds = base_seconds or reached[0]
            cells = [str(reached[1]), f"{reached[0]:.0f}", f"{reached[0] / base_seconds:.1f}"]
        last = f"{measured[-1][0]:.0f}"
        print(f"| {way} | {' | '.join(cells)} | {last} | {max(v for *_, v in measured):.3f} |")


if __name__ == "__main__":
    main()
