"""Passages that repeat their query: they teach to match words instead of answers."""

from __future__ import annotations

from distiller.quality.duplicates import shingles
from distiller.quality.texts import words

RUN = 4
"""Words of a run: a passage that holds most runs of the query repeats it rather than answers it."""
COPIED_SHARE = 0.8


def copied_share(query: str, passage: str) -> float:
    """Share of the query's runs of four words that the passage holds; 0 for shorter queries."""
    if len(words(query)) < RUN:
        return 0.0
    runs = shingles(query, RUN)
    held = f" {' '.join(words(passage))} "
    return sum(f" {run} " in held for run in runs) / len(runs)


def copies(query: str, passage: str) -> bool:
    """Whether a passage repeats a query of at least four words."""
    return copied_share(query, passage) >= COPIED_SHARE
