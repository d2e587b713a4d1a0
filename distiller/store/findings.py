"""What checks found, and what they looked at."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from distiller.schema.quality import Finding, Worth
from distiller.store.database import Database
from distiller.store.items import known_project
from distiller.store.tables import checked, findings, worth

Looked = Mapping[tuple[str, str], str]
"""Kind and id of an item → the state in which it was looked at."""
_AT_ONCE = 5_000
MEASURES = ("project", "measures")
"""Kind and id under which a run of the checks keeps what it measured, as JSON."""


class Findings:
    """Keep what checks found. Each run of the checks replaces what an earlier one found."""

    _database: Database

    def save_findings(
        self,
        project_id: str,
        found: Iterable[Finding],
        *,
        looked: Looked | None = None,
        worths: Iterable[Worth] = (),
    ) -> None:
        """Put findings in the place of all that were there, in one step. Raises NotFound."""
        seen = [
            {"item_kind": kind, "item_id": id_, "state": state}
            for (kind, id_), state in (looked or {}).items()
        ]
        with self._database.write() as connection:
            known_project(connection, project_id)
            _replace(connection, findings, project_id, [dict(finding) for finding in found])
            _replace(connection, checked, project_id, seen)
            _replace(connection, worth, project_id, [dict(one) for one in worths])

    def findings(
        self,
        project_id: str,
        *,
        checks: Collection[str] | None = None,
        item_kind: str | None = None,
        item_ids: Collection[str] | None = None,
        query_ids: Collection[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Finding]:
        """Findings of those checks, about those items and beside those queries, as they came."""
        chosen = select(*(findings.c[name] for name in Finding.model_fields)).where(
            *self._wanted(project_id, checks, item_kind, item_ids, query_ids)
        )
        ordered = chosen.order_by(findings.c.position).limit(limit).offset(offset)
        with self._database.read() as connection:
            return [
                Finding.model_validate(dict(row)) for row in connection.execute(ordered).mappings()
            ]

    def count_findings(
        self, project_id: str, *, item_kinds: Collection[str] | None = None
    ) -> dict[str, int]:
        """Check → findings, about items of those kinds; only checks that found something."""
        counted = (
            select(findings.c.check, func.count())
            .where(findings.c.project_id == project_id)
            .group_by(findings.c.check)
        )
        if item_kinds is not None:
            counted = counted.where(findings.c.item_kind.in_(list(item_kinds)))
        with self._database.read() as connection:
            return {check: int(count) for check, count in connection.execute(counted)}

    def looked_at(self, project_id: str) -> dict[tuple[str, str], str]:
        """What the checks looked at: kind and id of an item → its state then."""
        chosen = select(checked.c.item_kind, checked.c.item_id, checked.c.state)
        with self._database.read() as connection:
            rows = connection.execute(chosen.where(checked.c.project_id == project_id))
            return {(kind, id_): state for kind, id_, state in rows}

    def measures(self, project_id: str) -> dict[str, float] | None:
        """What the last run of the checks measured; None where there was none."""
        chosen = select(checked.c.state).where(
            checked.c.project_id == project_id,
            checked.c.item_kind == MEASURES[0],
            checked.c.item_id == MEASURES[1],
        )
        with self._database.read() as connection:
            kept = connection.scalar(chosen)
        return None if kept is None else {str(k): float(v) for k, v in json.loads(kept).items()}

    def worth(self, project_id: str, item_kind: str, item_id: str) -> Worth | None:
        """What a look at an item is worth, as the last run of the checks has it."""
        chosen = select(*(worth.c[name] for name in Worth.model_fields)).where(
            worth.c.project_id == project_id,
            worth.c.item_kind == item_kind,
            worth.c.item_id == item_id,
        )
        with self._database.read() as connection:
            row = connection.execute(chosen).mappings().first()
        return None if row is None else Worth.model_validate(dict(row))

    def _wanted(
        self,
        project_id: str,
        checks: Collection[str] | None,
        item_kind: str | None,
        item_ids: Collection[str] | None,
        query_ids: Collection[str] | None,
    ) -> list[ColumnElement[bool]]:
        wanted = [findings.c.project_id == project_id]
        if checks is not None:
            wanted.append(findings.c.check.in_(list(checks)))
        if item_kind is not None:
            wanted.append(findings.c.item_kind == item_kind)
        if item_ids is not None:
            wanted.append(self._database.one_of(findings.c.item_id, item_ids))
        if query_ids is not None:
            wanted.append(self._database.one_of(findings.c.query_id, query_ids))
        return wanted


def _replace(
    connection: Connection, table: Table, project_id: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    connection.execute(delete(table).where(table.c.project_id == project_id))
    for start in range(0, len(rows), _AT_ONCE):
        part = [{**row, "project_id": project_id} for row in rows[start : start + _AT_ONCE]]
        connection.execute(table.insert(), part)
