"""Long work: what was asked for, how far it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from distiller.schema.base import Record, now
from distiller.schema.usage import Usage


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    """Asked to stop, and stopping."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING})
AT_WORK = frozenset({JobState.RUNNING, JobState.CANCELLING})


class Job(Record):
    """One run of one stage, or of several that follow each other."""

    id: str
    project_id: str | None
    kind: str
    """`knowledge`, `queries`, `passages`, `judge`, `train`, `evaluate`, `pipeline`, …"""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """`stages` and `plan`, as `distiller.pipeline` takes them."""
    state: JobState = JobState.QUEUED
    stage: str = ""
    """The stage under way, or the last one that was."""
    done: int = 0
    total: int = 0
    message: str = ""
    usage: Usage = Field(default_factory=Usage)
    """Tokens and money of this job so far."""
    metrics: list[dict[str, Any]] = Field(default_factory=list)
    """Measured over time, oldest first; for training step, loss, ndcg@10, query_dims, passage_dims."""
    result: dict[str, Any] = Field(default_factory=dict)
    """What came of it: `stages` (reports), ids of `model` (the one that is kept), of the `models`
    of all rounds and of `reports`, `snapshot`'s hash; and of the stage `under_way` its name,
    `since` when, and `from` which count on."""
    worker: str = ""
    """`host:process` that runs it, or ran it last."""
    slot: str = ""
    """What no other job may use while this one runs: a device, the embedded model, a project."""
    attempts: int = 0
    """How often it was begun; it is begun again where its process died."""
    heartbeat: datetime | None = None
    created: datetime = Field(default_factory=now)
    started: datetime | None = None
    """When the last attempt began."""
    finished: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it waits, runs or is about to stop."""
        return self.state in ACTIVE


class Worker(Record):
    """A process that runs jobs, as it last said of itself."""

    id: str
    """`host:process`."""
    started: datetime = Field(default_factory=now)
    heartbeat: datetime = Field(default_factory=now)


class Failure(Record):
    """An item that a stage could not make; kept, so that it can be retried."""

    id: str
    project_id: str
    stage: str
    key: str
    """What was to be made, unique within project and stage: `q-…/positive/0`."""
    reason: str
    completion: str = ""
    """The raw completion, where there was one."""
    attempts: int = 1
    created: datetime = Field(default_factory=now)


class Progress(Record):
    """How far a stage is; given to whoever asked to be told."""

    stage: str
    done: int
    total: int
    message: str = ""
    usage: Usage = Field(default_factory=Usage)
    metrics: dict[str, Any] = Field(default_factory=dict)
    """Measured just now, where the stage measures: as one entry of `Job.metrics`."""


OnProgress = Callable[[Progress], None]


class StageReport(Record):
    """What one run of a stage did."""

    stage: str
    made: int
    """Items written by this run."""
    present: int
    """Items that were there before, and were not paid for again."""
    failed: int = 0
    usage: Usage = Field(default_factory=Usage)
    seconds: float = 0.0
    notes: list[str] = Field(default_factory=list)
