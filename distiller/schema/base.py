"""What every record shares: identity, provenance, review status."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


def now() -> datetime:
    """The present moment, with its zone (UTC)."""
    return datetime.now(UTC)


def new_id(kind: str) -> str:
    """A fresh identifier that sorts by time of creation: `q-0644f2a1b3c4d5-9f3a1c`."""
    return f"{kind}-{time.time_ns() // 1000:014x}-{secrets.token_hex(3)}"


class Record(BaseModel):
    """Base of all records: unknown fields are errors, assignments are validated."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Status(StrEnum):
    """Review status. It is derived from the review events; undo appends an event."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    FLAGGED = "flagged"


LEFT_OUT = frozenset({Status.REJECTED, Status.FLAGGED})
"""What neither counts nor is searched; as texts too, which is how the store gives a column."""


class SourceSpan(Record):
    """Where in a team's own document a text stands; offsets count characters from 0."""

    document: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Provenance(Record):
    """Where an item came from."""

    source: str = "model"
    """`model` (a completion), `import` (a file), `corpus` (a team's document), `reviewer`."""
    model: str | None = None
    prompt: str | None = None
    """Prompt and version, `passages.positive@1`."""
    request_hash: str | None = None
    """Key of the ledger entry whose completion this is, with its cost."""
    run_id: str | None = None
    """The job that wrote it."""
    span: SourceSpan | None = None
    editor: str | None = None
    created: datetime = Field(default_factory=now)


class Item(Record):
    """A record that an expert can review."""

    id: str
    status: Status = Status.PROPOSED
    stale: bool = False
    """Something upstream was changed after this was written."""
    version: int = 1
    """Counts writes; a write names the version it read, so that nobody overwrites another."""
    provenance: Provenance = Field(default_factory=Provenance)
