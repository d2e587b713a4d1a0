"""A ledger in memory, for tests of what the client does with one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from distiller.schema.usage import LedgerEntry, Outcome, Usage


class MemoryLedger:
    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.transactions = 0
        self._lock = threading.Lock()

    def find(self, request_hash: str) -> LedgerEntry | None:
        with self._lock:
            return next(
                (
                    entry
                    for entry in self.entries
                    if entry.request_hash == request_hash and entry.outcome is Outcome.OK
                ),
                None,
            )

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        with self._lock:
            self.entries.extend(entries)
            self.transactions += 1

    def spent(self, project_id: str | None = None, since: datetime | None = None) -> Usage:
        with self._lock:
            return sum(
                (e.usage for e in self.entries if project_id in (None, e.project_id)), Usage()
            )
