"""Which rule chooses the best model where the dev split has few queries.

python benchmarks/choosing_a_model.py COLLECTIONS_DIR --work DIR [--only NAME]… [--passages N]

Of each collection half of the human queries train a model: from the start model that met the
corpus, on their relevant passages. Every model that a training chooses among is measured on the
other half: the start model, it as it met the corpus, and what stands between it and the tuned one.
Then dev splits of a few queries are drawn from that half, again and again; each rule chooses on
them, and its choice is worth what it has on the half's other queries. The measured values are kept
in DIR, so that run again only rules are tried.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray
from recipe_study import measured
from scipy import stats
from sentence_transformers import SparseEncoder

from distiller.dataset import snapshot_of
from distiller.evaluate import load
from distiller.evaluate.measures import NDCG
from distiller.schema.dataset import Example, LabelledPassage
from distiller.splade import resolve
from distiller.splade.loading import load_model
from distiller.train import PRESETS, train
from distiller.train.acquaint import acquaint
from distiller.train.interpolation import Between
from distiller.train.start_language import for_language

SEED = 13
SHARES = (0.25, 0.5, 0.75, 1.0)
START, MET, TUNED = "start", "met", [f"{share:g}" for share in SHARES]
DEV = (2, 4, 10, 20, 30, 50)
DRAWS = 2_000
Values = Mapping[str, NDArray[np.float64]]
"""Model → nDCG@10 of each query of a dev split."""


def candidates(folder: Path, passages: int, cache: Path) -> dict[str, dict[str, float]]:
    """Model → query_id → nDCG@10, on the queries that trained nothing."""
    collection = load(folder)
    draw = random.Random(SEED)
    base = resolve("tiny", cache)
    recipe = for_language(PRESETS["balanced"], base.name, collection.language)
    texts = sorted(set(collection.corpus.values()))
    told = draw.sample(texts, min(len(texts), passages))
    queries = draw.sample(sorted(collection.queries), len(collection.queries))
    half = len(queries) // 2
    examples = [
        Example(
            query_id=query_id,
            query=collection.queries[query_id],
            positives=[
                LabelledPassage(passage_id=one, text=collection.corpus[one], grade=min(grade, 3))
                for one, grade in collection.qrels.get(query_id, {}).items()
                if grade > 0
            ][:1],
            negatives=[],
            split="train",
        )
        for query_id in queries[:half]
    ]
    model, _ = load_model(base.source, device="cpu")
    rest = {query_id: collection.queries[query_id] for query_id in queries[half:]}
    qrels = {query_id: collection.qrels[query_id] for query_id in rest}
    held_out = replace(collection, queries=rest, qrels=qrels)

    def values(one: SparseEncoder) -> dict[str, float]:
        return dict(measured(one, held_out, recipe.passage_length)[NDCG.name])

    found = {START: values(model)}
    if not acquaint(model, told, recipe, lambda *_: None):
        sys.exit(f"{collection.name}: the start model could not meet the corpus")
    found[MET] = values(model)
    with tempfile.TemporaryDirectory() as scratch:
        met, tuned = Path(scratch) / MET, Path(scratch) / "tuned"
        model.save_pretrained(str(met))
        unmet = recipe.model_copy(update={"rarity_power": 0.0, "corpus_steps": 0})
        data = snapshot_of([one for one in examples if one.positives], seed=SEED)
        train(
            data,
            unmet,
            base.model_copy(update={"source": str(met)}),
            tuned,
            language=collection.language,
        )
        between = Between(model, load_model(str(tuned), device="cpu")[0])
        for name, share in zip(TUNED, SHARES, strict=True):
            found[name] = values(between.at(share))
    return found


def best_tuned(dev: Values) -> str:
    """Of the tuned ones, the highest mean; of equals the one nearer to the start model."""
    return max(TUNED, key=lambda name: (dev[name].mean(), -TUNED.index(name)))


def highest(dev: Values) -> str:
    """The highest mean; of equals the one nearer to the start model."""
    best = best_tuned(dev)
    if max(dev[best].mean(), dev[MET].mean()) > dev[START].mean() + 0.005:
        return best if dev[best].mean() > dev[MET].mean() else MET
    return MET if dev[MET].mean() >= dev[START].mean() else START


def by_bar(
    bar: Callable[[NDArray[np.float64]], float], *, no_worse: bool = False
) -> Callable[[Values], str]:
    """Met, unless the start model is better, by more than the bar or at all; a tuned one if it is
    better by more than the bar than that."""

    def choose(dev: Values) -> str:
        def beats(one: str, other: str) -> bool:
            difference = dev[one] - dev[other]
            return bool(difference.mean() > max(0.005, bar(difference)))

        worse = dev[MET].mean() < dev[START].mean() if no_worse else beats(START, MET)
        chosen = START if worse else MET
        best = best_tuned(dev)
        return best if beats(best, chosen) else chosen

    return choose


def one_query(difference: NDArray[np.float64]) -> float:
    """The most that one query can change a mean."""
    return 1 / len(difference)


def error(difference: NDArray[np.float64]) -> float:
    """Standard error of a mean difference."""
    return float(difference.std(ddof=1) / np.sqrt(len(difference)))


def t_bound(level: float) -> Callable[[NDArray[np.float64]], float]:
    return lambda found: float(stats.t.ppf(level, len(found) - 1)) * error(found)


RULES: dict[str, Callable[[Values], str]] = {
    "always met": lambda dev: MET,
    "always tuned": lambda dev: TUNED[-1],
    "highest": highest,
    "half a query": by_bar(lambda found: 0.5 / len(found)),
    "one query": by_bar(one_query),
    "one query, met no worse": by_bar(one_query, no_worse=True),
    "one standard error": by_bar(error),
    "t, 90 %": by_bar(t_bound(0.9)),
    "t, 95 %": by_bar(t_bound(0.95)),
}


Outcome = tuple[float, float]
"""Points over the start model, and the share of draws that lost more than half a point."""


def outcomes(found: Mapping[str, Mapping[str, float]]) -> dict[str, dict[int, Outcome]]:
    """Rule → dev queries → outcome, where as many queries are left to measure on."""
    ids = sorted(found[START])
    table = {
        model: np.array([known[query_id] for query_id in ids]) for model, known in found.items()
    }
    made: dict[str, dict[int, Outcome]] = {rule: {} for rule in RULES}
    for rule, choose in RULES.items():
        for count in (count for count in DEV if 2 * count <= len(ids)):
            draw = np.random.default_rng(SEED)
            gains = []
            for _ in range(DRAWS):
                order = draw.permutation(len(ids))
                dev, rest = order[:count], order[count:]
                chosen = choose({model: known[dev] for model, known in table.items()})
                gains.append(table[chosen][rest].mean() - table[START][rest].mean())
            made[rule][count] = (
                100 * float(np.mean(gains)),
                float(np.mean(np.array(gains) < -0.005)),
            )
    return made


def mean(several: Sequence[dict[str, dict[int, Outcome]]]) -> dict[str, dict[int, Outcome]]:
    """The same over the collections that have enough queries."""
    made: dict[str, dict[int, Outcome]] = {}
    for rule in RULES:
        known = {
            count: [one[rule][count] for one in several if count in one[rule]] for count in DEV
        }
        made[rule] = {
            count: (
                float(np.mean([gain for gain, _ in all_])),
                float(np.mean([w for _, w in all_])),
            )
            for count, all_ in known.items()
            if all_
        }
    return made


def rows(name: str, made: dict[str, dict[int, Outcome]]) -> Iterator[str]:
    """Lines of the table."""
    for rule, known in made.items():
        cells = [
            f"{known[count][0]:+.1f} ({100 * known[count][1]:.0f} %)" if count in known else "–"
            for count in DEV
        ]
        yield f"| {name} | {rule} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collections", type=Path)
    parser.add_argument(
        "--work", type=Path, required=True, help="folder that keeps what was measured"
    )
    parser.add_argument("--only", action="append", help="collections")
    parser.add_argument("--passages", type=int, default=1_500, help="counted in, at most")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cache = Path(platformdirs.user_cache_path("domain-distiller"))
    options.work.mkdir(parents=True, exist_ok=True)
    made = {}
    print(f"| collection | rule | {' | '.join(f'{count} dev queries' for count in DEV)} |")
    print(f"|---|---|{'---|' * len(DEV)}")
    for folder in sorted(path.parent for path in options.collections.glob("*/queries.jsonl*")):
        if options.only and folder.name not in options.only:
            continue
        kept = options.work / f"{folder.name}.{options.passages}.json"
        if not kept.exists():
            kept.write_text(json.dumps(candidates(folder, options.passages, cache)))
        found = json.loads(kept.read_text())
        whole = " ".join(f"{model} {np.mean([*of.values()]):.3f}" for model, of in found.items())
        print(f"{folder.name}, {len(found[START])} queries: {whole}", file=sys.stderr)
        made[folder.name] = outcomes(found)
        print("\n".join(rows(folder.name, made[folder.name])), flush=True)
    print("\n".join(rows("mean", mean(list(made.values())))))


if __name__ == "__main__":
    main()
