"""How fast completions come."""

from __future__ import annotations

import time

from distiller.schema.usage import Usage


class Meter:
    """Tokens per second while at least one request is under way."""

    def __init__(self) -> None:
        self.completion_tokens = 0
        self._under_way = 0
        self._since = 0.0
        self._busy = 0.0

    def __enter__(self) -> None:
        if self._under_way == 0:
            self._since = time.monotonic()
        self._under_way += 1

    def __exit__(self, *_: object) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self._busy += time.monotonic() - self._since

    def count(self, usage: Usage) -> None:
        self.completion_tokens += usage.completion_tokens

    @property
    def tokens_per_second(self) -> float | None:
        """Completion tokens per second over all requests; None before the first."""
        current = time.monotonic() - self._since if self._under_way else 0.0
        busy = self._busy + current
        return self.completion_tokens / busy if busy and self.completion_tokens else None
