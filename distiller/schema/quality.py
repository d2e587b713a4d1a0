"""What checks find in a project's data."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from distiller.schema.base import Record, now


class Finding(Record):
    """One thing that a check found."""

    check: str
    """Name of the check, as the registry of `quality` has it."""
    item_kind: str
    """`query`, `passage`, `concept` or `project`."""
    item_id: str
    query_id: str = ""
    """The query beside which a passage fails; empty where it fails beside every query."""
    other: str = ""
    """A second item, such as the one that says the same."""
    score: float | None = None
    """How much: a similarity, a share, a place in a ranking; what it is stands in `reason`."""
    reason: str = ""
    """In words that a reviewer understands."""
    created: datetime = Field(default_factory=now)


class Worth(Record):
    """What a reviewer's look at an item is worth, so that the most useful ones come first."""

    item_kind: str
    """`query`, or `judgment`: the one that stands for its pair of query and passage."""
    item_id: str
    value: float
    """Higher comes first."""
    reason: str
    """In words that a reviewer understands."""
