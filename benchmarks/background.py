"""What a background costs, and how like the whole corpus it is.

python benchmarks/background.py COLLECTION [--passages 1000] [--corpus 100000] [--queries 60]

Queries of the collection, with one right passage each, are ranked among backgrounds of several
sizes and among all passages: a part is enough where models come as far apart as among all. The collection's passages are encoded by the packaged model at the length that training reads. The
large corpus is made of their sentences, shuffled, so that its words are real. Times are of the
processor, so that whatever else runs does not count.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from distiller.dataset.background import choose_background, unlabelled
from distiller.evaluate import load
from distiller.evaluate.measures import NDCG, mean, per_query
from distiller.retrieve import BM25, SparseIndex
from distiller.schema.dataset import Example, LabelledPassage
from distiller.schema.retrieval import Collection
from distiller.settings import Settings
from distiller.splade import SpladeEncoder
from distiller.splade.start import resolve
from distiller.store.documents import CorpusText
from distiller.train import PRESETS
from distiller.train.pace import measurings
from distiller.train.recipe import Recipe

SIZES = (0, 200, 500, 1_000, 2_000)
SENTENCES = 6
"""Of a made-up passage."""


def examples_of(collection: Collection, count: int) -> list[Example]:
    """The first queries with their best passage, as dev queries."""
    return [
        Example(
            query_id=query_id,
            query=collection.queries[query_id],
            positives=[LabelledPassage(passage_id=best, text=collection.corpus[best], grade=3)],
            split="val",
        )
        for query_id, grades in list(collection.qrels.items())[:count]
        for best in [max(grades, key=lambda id_: (grades[id_], id_))]
    ]


def by_size(collection: Collection, examples: list[Example], encoder: SpladeEncoder) -> None:
    """nDCG@10 of BM25 and the packaged model among backgrounds of several sizes."""
    texts = [CorpusText(id_, "", text, False) for id_, text in collection.corpus.items()]
    qrels = {one.query_id: {one.positives[0].passage_id: 3} for one in examples}
    queries = {one.query_id: one.query for one in examples}
    free = unlabelled(texts, examples)
    whole = len(free)
    for most in sorted({size for size in SIZES if size < whole} | {whole}):
        found = choose_background(free, examples, most=most, language=collection.language)
        corpus = {p.passage_id: p.text for one in examples for p in one.positives}
        corpus |= {one.passage_id: one.text for one in found.passages} if most else {}
        systems = (BM25(corpus, collection.language), SparseIndex(encoder, corpus))
        values = [mean(per_query(s.retrieve(queries), qrels)[NDCG.name]) or 0.0 for s in systems]
        print(f"background {len(found.passages):>5}: bm25 {values[0]:.3f}, tiny {values[1]:.3f}")


def made_up(collection: Collection, count: int) -> Iterator[CorpusText]:
    """Passages of sentences from anywhere in the corpus."""
    sentences = [s for text in collection.corpus.values() for s in text.split(". ") if s]
    draw = random.Random(13)
    for number in range(count):
        yield CorpusText(f"m{number}", "", ". ".join(draw.choices(sentences, k=SENTENCES)), False)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("collection", type=Path)
    parser.add_argument("--passages", type=int, default=1_000)
    parser.add_argument("--corpus", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=60)
    asked = parser.parse_args()
    collection = load(asked.collection)
    examples = examples_of(collection, asked.queries)
    base = resolve("tiny", Settings().cache_dir)
    encoder = SpladeEncoder(base.source, passage_length=Recipe().passage_length)
    texts = list(collection.corpus.values())[:600]
    encoder.encode_passages(texts[:32])
    begun = time.process_time()
    encoder.encode_passages(texts)
    rate = len(texts) / (time.process_time() - begun)
    print(f"{rate:.0f} passages a second, {asked.passages / rate:.1f} s to rank once")
    for name, recipe in PRESETS.items():
        times = measurings(recipe)
        print(f"{name}: {times} times, {times * asked.passages / rate:.0f} s in all")
    by_size(collection, examples, encoder)
    begun = time.process_time()
    free = unlabelled(made_up(collection, asked.corpus), examples)
    found = choose_background(free, examples, most=asked.passages, language=collection.language)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{len(found.passages):,} of {found.of:,} passages chosen in "
        f"{time.process_time() - begun:.0f} s, the making of the corpus included; "
        f"{memory:.1f} GB at most"
    )


if __name__ == "__main__":
    main()
