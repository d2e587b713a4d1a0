"""The append-only record of what reviewers did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from distiller.schema.base import Record, now


class ReviewEvent(Record):
    """One decision or edit. Nothing is ever removed from this log; undo appends."""

    id: str
    item_kind: str
    """`concept`, `relationship`, `typical_question`, `document_type`, `fact`, `query`, `passage`, `judgment`."""
    item_id: str
    who: str
    action: str
    """`approve`, `reject`, `flag`, `reset`, `edit`, `grade`, `add`, `create`, `copy`, `stale`,
    `fresh`, `undo`."""
    old: dict[str, Any] = Field(default_factory=dict)
    """The fields that changed, before."""
    new: dict[str, Any] = Field(default_factory=dict)
    """The same fields, after."""
    reason: str = ""
    seconds: float | None = None
    """How long the reviewer looked at the item."""
    group: str | None = None
    """Events of one bulk action share it, and are undone as one step."""
    undoes: str | None = None
    """The event that this one takes back."""
    created: datetime = Field(default_factory=now)
