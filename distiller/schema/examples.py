"""Queries, passages and the judgments that join them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from distiller.schema.base import Item

Grade = Annotated[int, Field(ge=0, le=3)]
"""3 answers fully, 2 answers partly, 1 on topic only, 0 not relevant."""

POSITIVE_GRADE = 2
"""Judgments of this grade and above are positives."""


class Complexity(StrEnum):
    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


class Origin(StrEnum):
    GENERATED = "generated"
    CORPUS = "corpus"


class Strategy(StrEnum):
    """How a passage came to stand beside a query."""

    POSITIVE = "positive"
    STANDARD = "standard"
    TOPICAL_SHIFT = "topical_shift"
    ENTITY_SUBSTITUTION = "entity_substitution"
    TEMPORAL_VARIANCE = "temporal_variance"
    SCOPE_MISMATCH = "scope_mismatch"
    PREMISE_ALTERATION = "premise_alteration"
    PERSPECTIVE_SHIFT = "perspective_shift"
    MINED = "mined"
    IMPORTED = "imported"


CONTRASTIVE_STRATEGIES = (
    Strategy.TOPICAL_SHIFT,
    Strategy.ENTITY_SUBSTITUTION,
    Strategy.TEMPORAL_VARIANCE,
    Strategy.SCOPE_MISMATCH,
    Strategy.PREMISE_ALTERATION,
    Strategy.PERSPECTIVE_SHIFT,
)


class JudgmentSource(StrEnum):
    """Who gave the grade. Later in this list outranks earlier; `teacher` gives a score only."""

    TEACHER = "teacher"
    GENERATOR = "generator"
    JUDGE = "judge"
    REVIEWER = "reviewer"


class Query(Item):
    """What a searcher types."""

    query: str = Field(min_length=1)
    type: str = "factual"
    """One of the template's query types."""
    complexity: Complexity = Complexity.MODERATE
    answer_type: str = ""
    key_concepts: list[str] = Field(default_factory=list)
    """Terms of the knowledge base that it asks about."""
    persona: str = ""


class Passage(Item):
    """A retrievable piece of text."""

    text: str = Field(min_length=1)
    title: str = ""
    origin: Origin = Origin.GENERATED


class Judgment(Item):
    """How well a passage answers a query, and who says so."""

    query_id: str
    passage_id: str
    grade: Grade
    strategy: Strategy = Strategy.STANDARD
    explanation: str = ""
    source: JudgmentSource = JudgmentSource.GENERATOR
    score: float | None = None
    """Soft relevance: probability of Yes for a judge, retrieval score for a teacher."""
