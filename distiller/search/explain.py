"""Why a passage was found: a SPLADE score is a sum over terms, so every part of it can be named."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from distiller.retrieve import SparseIndex
from distiller.schema.base import Record
from distiller.splade import SpladeEncoder


class QueryTerm(Record):
    """One dimension of the query."""

    term: str
    weight: float
    typed: bool
    """False: the model added it, it stands in no word of the query (expansion)."""


class Match(Record):
    """What one term adds to a score."""

    term: str
    contribution: float
    """Weight in the query times weight in the passage."""
    typed: bool


class Hit(Record):
    """A passage that was found."""

    passage_id: str
    score: float
    """Dot product of query and passage; equals the sum of all contributions."""
    text: str
    matches: list[Match] = Field(default_factory=list)
    """Largest contribution first."""


class Explanation(Record):
    """A query, as the model reads it, and what it finds."""

    query: str
    model: str
    terms: list[QueryTerm]
    """Heaviest first."""
    hits: list[Hit]


def explain(
    query: str, corpus: Mapping[str, str], encoder: SpladeEncoder, *, k: int = 5
) -> Explanation:
    """Search a corpus and take every score apart.

    Args:
        query: What to search for.
        corpus: passage_id → text.
        encoder: The model.
        k: Most passages to return.
    """
    typed = set(encoder.tokens(query))
    weights = encoder.encode_queries([query])
    run = SparseIndex(encoder, corpus).retrieve({"query": query}, k=k)["query"]
    ranked = sorted(run.items(), key=lambda hit: (-hit[1], hit[0]))
    passages = encoder.encode_passages([corpus[passage_id] for passage_id, _ in ranked])
    hits = []
    for row, (passage_id, score) in enumerate(ranked):
        shared = encoder.terms(passages[row].multiply(weights))
        matches = [
            Match(term=term, contribution=value, typed=term in typed) for term, value in shared
        ]
        hits.append(
            Hit(passage_id=passage_id, score=score, text=corpus[passage_id], matches=matches)
        )
    terms = [
        QueryTerm(term=term, weight=weight, typed=term in typed)
        for term, weight in encoder.terms(weights)
    ]
    return Explanation(query=query, model=encoder.name, terms=terms, hits=hits)
