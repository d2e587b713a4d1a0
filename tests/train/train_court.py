"""Passages in a language that the packaged start model does not read."""

from __future__ import annotations

import random

from sentence_transformers import SparseEncoder

from distiller.evaluate.measures import NDCG, mean, per_query
from distiller.retrieve import SparseIndex
from distiller.splade import SpladeEncoder

STEMS = ["Vertrags", "Miet", "Kündigungs", "Schadens", "Berufungs", "Zustellungs", "Beweis"]
ENDS = ["strafe", "klausel", "frist", "ersatz", "antrag", "vollmacht", "würdigung"]
WORDS = [stem + end for stem in STEMS for end in ENDS]
"""German compounds, of which an English model sees pieces."""


def german(count: int = 120) -> dict[str, str]:
    """Passages of four compounds each, among words that stand in all of them."""
    draw = random.Random(13)
    return {
        f"p{number}": "Das Gericht hat über {} und {} sowie {} und {} entschieden.".format(
            *draw.sample(WORDS, 4)
        )
        for number in range(count)
    }


def questions(corpus: dict[str, str]) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """For some passages a query of two of their compounds."""
    queries, qrels = {}, {}
    for passage_id in sorted(corpus)[:40]:
        first, second, *_ = [word for word in corpus[passage_id].split() if word in WORDS]
        queries[f"q{passage_id}"] = f"Was hat das Gericht über {first} und {second} entschieden?"
        qrels[f"q{passage_id}"] = {
            other: 1 for other, text in corpus.items() if {first, second} <= set(text.split())
        }
    return queries, qrels


def found(model: SparseEncoder) -> float:
    """nDCG@10 on those."""
    corpus = german()
    queries, qrels = questions(corpus)
    index = SparseIndex(SpladeEncoder(model), corpus)
    run = index.rank(list(queries), index.encode_queries(list(queries.values())))
    return mean(per_query(run, qrels)[NDCG.name]) or 0.0
