"""What grades and strategies mean, for somebody who has never trained a model."""

from __future__ import annotations

from distiller.review import GRADES
from distiller.schema.examples import POSITIVE_GRADE, Judgment, Strategy

HARD_NEGATIVE = (
    "A **hard negative** looks like an answer, yet does not answer the query. A model learns most "
    "from these, and it learns something wrong where one does answer after all: that is what you "
    "look for here. Words that query and passage share are marked."
)

STRATEGY_NAMES: dict[str, str] = {
    Strategy.POSITIVE: "written to answer",
    Strategy.STANDARD: "another detail",
    Strategy.TOPICAL_SHIFT: "neighbouring subject",
    Strategy.ENTITY_SUBSTITUTION: "another person or thing",
    Strategy.TEMPORAL_VARIANCE: "another time",
    Strategy.SCOPE_MISMATCH: "only a special case",
    Strategy.PREMISE_ALTERATION: "another condition",
    Strategy.PERSPECTIVE_SHIFT: "the other side",
    Strategy.MINED: "found by search",
    Strategy.IMPORTED: "imported",
}
"""How a passage came to stand beside its query, in a few words."""

_LIKE = "Written as a hard negative: it sounds like the answer, but"
_STRATEGIES = {
    Strategy.POSITIVE: "Written to answer the query.",
    Strategy.STANDARD: f"{_LIKE} tells another detail of the same subject.",
    Strategy.TOPICAL_SHIFT: f"{_LIKE} is about a neighbouring subject.",
    Strategy.ENTITY_SUBSTITUTION: f"{_LIKE} is about another person or thing.",
    Strategy.TEMPORAL_VARIANCE: f"{_LIKE} is about another time.",
    Strategy.SCOPE_MISMATCH: f"{_LIKE} covers a special case only.",
    Strategy.PREMISE_ALTERATION: f"{_LIKE} assumes another condition.",
    Strategy.PERSPECTIVE_SHIFT: f"{_LIKE} takes the other side's view.",
    Strategy.MINED: "Found in your own documents by a search for the query.",
    Strategy.IMPORTED: "Came with a file that was imported.",
}


def strategy_words(judgment: Judgment) -> str:
    """How the passage was made, and what it was meant as."""
    meant = "an answer" if judgment.grade >= POSITIVE_GRADE else "a hard negative"
    words = _STRATEGIES[judgment.strategy]
    if judgment.strategy in (Strategy.MINED, Strategy.IMPORTED):
        words = f"{words} It counts as {meant}."
    return f"{words} Its grade: {grade_words(judgment.grade)}."


def grade_words(grade: int) -> str:
    """`2, answers partly`."""
    return f"{grade}, {GRADES[grade]}"
