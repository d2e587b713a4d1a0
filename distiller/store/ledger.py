"""The ledger: every request to a language model, kept for good, and the cache of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from distiller.schema.usage import LedgerEntry, Outcome, Usage
from distiller.store.database import Database
from distiller.store.tables import ledger

_USAGE = tuple(Usage.model_fields)
_FIELDS = tuple(name for name in LedgerEntry.model_fields if name != "usage")
_PAID_TWICE = "this request was answered already; this second completion is not used"


class DatabaseLedger:
    """`distiller.schema.usage.Ledger` in the database. Safe from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, request_hash: str) -> LedgerEntry | None:
        """The entry with outcome OK for that request, if it was ever paid for."""
        paid = select(ledger).where(
            ledger.c.request_hash == request_hash, ledger.c.outcome == Outcome.OK
        )
        with self._database.read() as connection:
            row = connection.execute(paid).mappings().first()
        return None if row is None else _entry(row)

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        """Write all entries in one transaction; on return they are durable.

        An entry that is there already is left alone. When two processes paid for the same request
        at once, the first answer stands; the second is kept with outcome `error`, for its cost.
        """
        if not entries:
            return
        with self._database.write() as connection:
            new = self._insert(connection, [_row(entry) for entry in entries])
            rest = {entry.id: entry for entry in entries if entry.id not in new}
            if not rest:
                return
            present = select(ledger.c.id).where(self._database.one_of(ledger.c.id, rest))
            for id in connection.execute(present).scalars():
                rest.pop(id)
            again = [
                {**_row(entry), "outcome": Outcome.ERROR.value, "error": _PAID_TWICE}
                for entry in rest.values()
            ]
            if again:
                self._insert(connection, again)

    def spent(self, project_id: str | None = None, since: datetime | None = None) -> Usage:
        """Sum over the entries of a project (all projects when None), from a moment on."""
        sums = select(*(func.coalesce(func.sum(ledger.c[name]), 0).label(name) for name in _USAGE))
        if project_id is not None:
            sums = sums.where(ledger.c.project_id == project_id)
        if since is not None:
            sums = sums.where(ledger.c.created >= since)
        with self._database.read() as connection:
            return Usage.model_validate(dict(connection.execute(sums).mappings().one()))

    def entries(
        self, project_id: str | None = None, *, limit: int | None = None
    ) -> list[LedgerEntry]:
        """Entries of a project (all projects when None), newest first."""
        chosen = select(ledger).order_by(ledger.c.position.desc()).limit(limit)
        if project_id is not None:
            chosen = chosen.where(ledger.c.project_id == project_id)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(chosen).mappings()]

    def _insert(self, connection: Connection, rows: list[dict[str, Any]]) -> set[str]:
        statement = self._database.insert(ledger).on_conflict_do_nothing().returning(ledger.c.id)
        return set(connection.execute(statement, rows).scalars())


def _row(entry: LedgerEntry) -> dict[str, Any]:
    row = {name: getattr(entry, name) for name in _FIELDS}
    return {**row, **dict(entry.usage), "outcome": entry.outcome.value}


def _entry(row: RowMapping) -> LedgerEntry:
    usage = {name: row[name] for name in _USAGE}
    return LedgerEntry.model_validate({**{name: row[name] for name in _FIELDS}, "usage": usage})
