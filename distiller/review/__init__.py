"""What a reviewer does: look at what waits, decide, take it back, see who did what."""

from distiller.review.cells import MAX_TEXT as MAX_CELL
from distiller.review.cells import write_cells
from distiller.review.coverage import Coverage, coverage
from distiller.review.decisions import (
    ACTIONS,
    REASONS,
    Undone,
    decide,
    decide_all,
    decide_all_of,
    in_words,
    undo_last,
)
from distiller.review.filters import QueryFilter
from distiller.review.impact import impact, impact_words
from distiller.review.merging import merge_concepts
from distiller.review.pairs import (
    GRADES,
    PairCard,
    decide_all_pairs,
    decide_pairs,
    give_grade,
    pair_after,
    pair_card,
    pair_queue,
    reject_passage,
)
from distiller.review.queue import Card, queue
from distiller.review.similar import SimilarQueries, alike_queries
from distiller.store import By, Order, PairFilter, PairRow

__all__ = [
    "ACTIONS",
    "GRADES",
    "MAX_CELL",
    "REASONS",
    "By",
    "Card",
    "Coverage",
    "Order",
    "PairCard",
    "PairFilter",
    "PairRow",
    "QueryFilter",
    "SimilarQueries",
    "Undone",
    "alike_queries",
    "coverage",
    "decide",
    "decide_all",
    "decide_all_of",
    "decide_all_pairs",
    "decide_pairs",
    "give_grade",
    "impact",
    "impact_words",
    "in_words",
    "merge_concepts",
    "pair_after",
    "pair_card",
    "pair_queue",
    "queue",
    "reject_passage",
    "undo_last",
    "write_cells",
]
