"""Which queries a page is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distiller.schema.base import Status
from distiller.schema.examples import Complexity


@dataclass(frozen=True)
class QueryFilter:
    """What a reviewer narrowed the queries down to; None and the empty text mean all."""

    status: Status | None = None
    stale: bool | None = None
    type: str | None = None
    complexity: Complexity | None = None
    concept: str | None = None
    text: str = ""
    check: str | None = None
    """Only queries about which, or about a passage beside which, this check found something."""

    def __bool__(self) -> bool:
        """Whether anything is narrowed down."""
        return self != QueryFilter()

    def arguments(self) -> dict[str, Any]:
        """As the store's `items`, `ids` and `count` take it."""
        columns = {"stale": self.stale, "type": self.type, "complexity": self.complexity}
        return {
            "status": self.status,
            "text": self.text or None,
            "concept": self.concept,
            "found": self.check,
            "where": {name: value for name, value in columns.items() if value is not None},
        }
