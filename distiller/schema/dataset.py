"""Training data, frozen."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from distiller.schema.base import Record, SourceSpan, now
from distiller.schema.examples import Grade

SplitName = Literal["train", "val", "test"]


class LabelledPassage(Record):
    """A passage beside its query."""

    passage_id: str
    text: str
    title: str = ""
    grade: Grade
    explanation: str = ""
    strategy: str = "standard"
    score: float | None = None
    """A teacher's or the judge's soft score; on one scale within an example."""
    span: SourceSpan | None = None
    """Where it stands in a team's own document, if it does."""
    decided_by: str = ""
    """Who gave the grade: `reviewer`, `judge`, `generator`; empty where a file does not say."""


class UnlabelledPassage(Record):
    """A passage of a corpus that nobody graded for any query."""

    passage_id: str
    text: str
    title: str = ""


class Example(Record):
    """A query with its positives and hard negatives, best grade first."""

    query_id: str
    query: str
    type: str = ""
    complexity: str = ""
    answer_type: str = ""
    key_concepts: list[str] = Field(default_factory=list)
    positives: list[LabelledPassage] = Field(default_factory=list)
    negatives: list[LabelledPassage] = Field(default_factory=list)
    cluster: str = ""
    """Concept cluster; the split never parts one."""
    split: SplitName = "train"
    weight: float = Field(default=1.0, gt=0)
    """What it counts in training, beside others; less where a check found something."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """What a file carried in `_meta`."""


class DatasetSnapshot(Record):
    """Immutable training data. The same content has the same hash, whenever it was made."""

    id: str
    project_id: str | None
    content_hash: str
    """SHA-256 over the examples with their split, and over the background where there is one."""
    examples: list[Example]
    background: list[UnlabelledPassage] = Field(default_factory=list)
    """Passages of the corpus beside the labelled ones: dev and test queries are ranked among both,
    and nothing is learned from them."""
    seed: int
    filters: dict[str, Any] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    """Examples by split, and passages: `train`, `val`, `test`, `passages` (labelled ones), and
    `background` where there is one."""
    lineage: dict[str, Any] = Field(default_factory=dict)
    """Models, prompts, cost and reviewers behind the examples."""
    created: datetime = Field(default_factory=now)

    @property
    def ranked_passages(self) -> int:
        """Passages among which dev and test queries are ranked; known without the texts, too."""
        return self.counts.get("passages", 0) + self.counts.get("background", 0)

    @property
    def ranked_among(self) -> str:
        """The same in words."""
        background = self.counts.get("background", 0)
        said = f"ranked among {self.ranked_passages:,} passages"
        if not background:
            return f"{said}, those with a grade"
        return f"{said}: {self.counts['passages']:,} with a grade, {background:,} more of the documents"
