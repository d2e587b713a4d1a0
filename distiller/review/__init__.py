"""What a reviewer does: look at what waits, decide, take it back, see who did what."""

from distiller.review.coverage import Coverage, coverage
from distiller.review.decisions import (
    ACTIONS,
    REASONS,
    Undone,
    decide,
    decide_all,
    in_words,
    undo_last,
)
from distiller.review.filters import QueryFilter
from distiller.review.impact import Impact, impact
from distiller.review.queue import Card, queue
from distiller.review.similar import SimilarQueries

__all__ = [
    "ACTIONS",
    "REASONS",
    "Card",
    "Coverage",
    "Impact",
    "QueryFilter",
    "SimilarQueries",
    "Undone",
    "coverage",
    "decide",
    "decide_all",
    "impact",
    "in_words",
    "queue",
    "undo_last",
]
