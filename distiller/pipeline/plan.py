"""What was asked for, and how far a project is on its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from distiller.corpus.chunking import Chunking
from distiller.corpus.mining import Mining
from distiller.generate import (
    PER_PASSAGE,
)
from distiller.llm import Client
from distiller.schema.base import Record
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.domain import Project
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.retrieval import EvaluationReport, TrainedModel
from distiller.settings import Settings
from distiller.store import Store


class Plan(Record):
    """How much of what the user asked for."""

    concepts: int = Field(default=50, ge=1, le=5_000)
    knowledge_from: Literal["words", "corpus", "both"] | None = None
    """Where concepts come from; None: from both where there are documents."""
    queries: int = Field(default=100, ge=1, le=1_000_000)
    complexity: Literal["simple", "mixed", "complex"] = "mixed"
    per_passage: int = Field(default=PER_PASSAGE, ge=1, le=20)
    """Queries of different kinds that each passage of the user's documents is asked for."""
    grounded_share: float | None = Field(default=None, ge=0, le=1)
    """Of the queries, those written from documents; None: all where there are any."""
    positives_per_query: int = Field(default=1, ge=1, le=10)
    negatives_per_query: int = Field(default=3, ge=0, le=20)
    grounded_negatives: int = Field(default=0, ge=0, le=20)
    """Hard negatives written for a query that was written from a document; more are mined."""
    length: Literal["short", "medium", "long"] = "medium"
    contrastive: bool = False
    preset: str = "balanced"
    base: str = "tiny"
    output: Path | None = None
    """Folder of the trained model; None puts it among the workspace's models."""
    collection: Path | None = None
    """A BEIR folder to measure on, besides the held-out split."""
    snapshot: str | None = None
    """Frozen dataset to train on, by content hash or id; None freezes the project as it is."""
    model: str | None = None
    """Trained model to measure, by id; None takes the one that this run trains."""
    targets: list[str] = Field(default_factory=list)
    """Items that a stage is about, by id, where it is not about all."""
    corpus: list[Path] = Field(default_factory=list)
    """Files and folders of the team's own documents; one may stand for itself."""
    chunking: Chunking = Field(default_factory=Chunking)
    mine_with: list[str] = Field(default_factory=list)
    """Searches to mine hard negatives with; none means BM25 and the start model."""
    mining: Mining = Field(default_factory=Mining)
    rounds: int = Field(default=1, ge=1, le=4)
    """Trainings, each on negatives that the model before it mined; see `pipeline.rounds`."""
    checks: list[str] | None = None
    """Checks whose findings are mended; None means all that are more than hints."""
    attempts: int = Field(default=2, ge=1, le=10)
    """How often one item is mended at most, over all runs."""
    teacher: str = ""
    """Whose scores are distilled, such as `dense+bm25`; see `corpus.teacher`. Without a name, the
    usual one of the project's language."""
    query_type: str = ""
    """The only type of query to write; empty means all of the template's."""
    recipe: dict[str, float] = Field(default_factory=dict)
    """Settings of a training that differ from the preset's, by their names in `Recipe`."""

    @field_validator("corpus", mode="before")
    @classmethod
    def _one_or_more(cls, given: Any) -> list[Path]:
        paths = [given] if isinstance(given, str | Path) else given or []
        # A job is run by another process, which may stand in another folder.
        return [Path(path).expanduser().absolute() for path in paths]


@dataclass
class Journey:
    """One project on its way; `client`, `snapshot`, `model` and `reports` fill as stages pass."""

    store: Store
    project: Project
    settings: Settings
    plan: Plan
    on_progress: OnProgress | None = None
    client: Client | None = None
    snapshot: DatasetSnapshot | None = None
    model: TrainedModel | None = None
    trained: list[TrainedModel] = field(default_factory=list)
    """The model of each round, the newest last."""
    earlier: list[str] | None = None
    """Hashes of what earlier runs froze in each round but the last; None: not looked for yet."""
    reports: list[EvaluationReport] = field(default_factory=list)
    done: list[StageReport] = field(default_factory=list)
    """What each stage did that is over."""


Stage = Callable[[Journey, OnProgress], Awaitable[StageReport]]
