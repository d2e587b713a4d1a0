"""What it earns to tell a start model how rare a corpus's words are, before any training.

python benchmarks/meeting_the_corpus.py COLLECTIONS_DIR [--only NAME]… [--power P]… [--passages N]
    [--written DIR]

Each collection is used as a corpus without its queries and qrels: at most so many of its passages,
drawn by a seed, are counted in, as in a frozen dataset; or, with the folder that
`grounded_study.py --variant words` worked in, those that were written from words alone. Its human
queries then measure BM25, the start model as it is, and the start model that met the corpus, once
for every power of rarity, or after learning from counting where it does not read the language.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import torch
from grounded_report import WORDS
from start_models import against

from distiller.evaluate import evaluate, load, systems
from distiller.evaluate.measures import NDCG, RECALL
from distiller.retrieve import SparseIndex
from distiller.schema.examples import Passage
from distiller.schema.retrieval import Collection, Retriever
from distiller.settings import Settings
from distiller.splade import SpladeEncoder, StartModel, resolve
from distiller.splade.loading import load_model
from distiller.store import Store
from distiller.train import PRESETS
from distiller.train.acquaint import acquaint
from distiller.train.start_language import for_language

SEED = 13


def met(
    base: StartModel, collection: Collection, passages: list[str], powers: list[float]
) -> Iterator[Retriever]:
    """The start model after it met the passages, in every way that is for its language."""
    recipe = for_language(PRESETS["balanced"], base.name, collection.language)
    for power in powers if recipe.reads else [0.0]:
        model, _ = load_model(base.source, device="cpu")
        begun = time.perf_counter()
        wanted = recipe.model_copy(update={"rarity_power": power, "seed": SEED})
        if not acquaint(model, passages, wanted, lambda *_: None):
            sys.exit(f"{collection.name}: the start model could not meet the corpus")
        took = time.perf_counter() - begun
        name = f"rarity^{power:g}" if recipe.reads else "counting"
        print(f"{collection.name} {name}: {took:.0f} s", file=sys.stderr, flush=True)
        yield SparseIndex(SpladeEncoder(model, name=name), collection.corpus)


def written(workspace: Path) -> list[str]:
    """Passages of the study's project from words."""
    with Store.open(Settings(workspace=workspace).database) as store:
        passages = store.items(store.project(WORDS).id, Passage)
    return sorted({passage.text for passage in passages})


def rows(folder: Path, options: argparse.Namespace, cache: Path) -> Iterator[str]:
    """Lines of the table, for one collection."""
    collection = load(folder)
    if options.written:
        texts = written(options.written / folder.name)
    else:
        texts = sorted(set(collection.corpus.values()))
    passages = random.Random(SEED).sample(texts, min(len(texts), options.passages))
    found = systems(["tiny", "bm25"], collection, cache)
    found += met(resolve("tiny", cache), collection, passages, options.power)
    report = evaluate(found, collection, baseline="tiny")
    compared = {one.other: one for one in report.comparisons if one.measure == NDCG.name}
    for system in report.systems:
        figures = [f"{system.measures[measure]:.3f}" for measure in (NDCG.name, RECALL.name)]
        dims = [
            "–" if count is None else f"{count:.0f}"
            for count in (system.query_dims, system.passage_dims)
        ]
        cells = [collection.name, system.name, *figures, *dims, against(compared.get(system.name))]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--only", action="append", help="collections")
    parser.add_argument("--power", type=float, action="append", help="0.15, 0.3 and 0.5")
    parser.add_argument("--passages", type=int, default=1_500, help="counted in, at most")
    parser.add_argument("--written", type=Path, help="folder of the study of generated data")
    options = parser.parse_args()
    options.power = options.power or [0.15, 0.3, 0.5]
    torch.set_num_threads(1)
    folders = sorted(path.parent for path in options.collections.glob("*/queries.jsonl*"))
    print(
        "| collection | system | nDCG@10 | recall@100 | query dims | passage dims | nDCG@10 points against the start model (95 %) |"
    )
    print("|---|---|---|---|---|---|---|")
    for folder in folders:
        if not options.only or folder.name in options.only:
            cache = Path(platformdirs.user_cache_path("domain-distiller"))
            print("\n".join(rows(folder, options, cache)), flush=True)


if __name__ == "__main__":
    main()
