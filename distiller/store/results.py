"""What comes out: dataset snapshots, trained models, evaluation reports."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Column, RowMapping, Table, func, select

from distiller.schema.base import Record
from distiller.schema.dataset import DatasetSnapshot, Example, UnlabelledPassage
from distiller.schema.errors import NotFound
from distiller.schema.retrieval import EvaluationReport, TrainedModel
from distiller.store.database import Database, to_json
from distiller.store.items import known_project
from distiller.store.tables import models, reports, snapshots

_EXAMPLES = TypeAdapter(list[Example])


class _Content(Record):
    """What the column `examples` holds where there is a background, too; else it is a list."""

    examples: list[Example]
    background: list[UnlabelledPassage]


_BY_QUERY = {"shown", "passages_shown", "per_query", "rankings"}
"""What of a report and its systems grows with its queries."""


class Results:
    """Save and find snapshots, models and reports. Saving an id again replaces nothing."""

    _database: Database

    def save_snapshot(self, snapshot: DatasetSnapshot) -> DatasetSnapshot:
        """Keep a snapshot; where the project has one of the same content, return that one."""
        same = select(snapshots).where(
            snapshots.c.content_hash == snapshot.content_hash,
            snapshots.c.project_id.is_not_distinct_from(snapshot.project_id),
        )
        row = dict(snapshot) | {"examples": gzip.compress(_packed(snapshot), 5, mtime=0)}
        del row["background"]
        with self._database.write() as connection:
            if snapshot.project_id is not None:
                known_project(connection, snapshot.project_id)
            present = connection.execute(same).mappings().first()
            if present is not None:
                return _snapshot(present)
            connection.execute(snapshots.insert(), row)
        return snapshot

    def snapshot(self, id_or_hash: str) -> DatasetSnapshot:
        """The snapshot of that id or content hash (the oldest of several). Raises NotFound."""
        chosen = (
            select(snapshots)
            .where((snapshots.c.id == id_or_hash) | (snapshots.c.content_hash == id_or_hash))
            .order_by(snapshots.c.position)
        )
        with self._database.read() as connection:
            row = connection.execute(chosen).mappings().first()
        if row is None:
            raise NotFound(f"there is no dataset snapshot {id_or_hash!r}")
        return _snapshot(row)

    def snapshots(self, project_id: str, *, examples: bool = True) -> list[DatasetSnapshot]:
        """Snapshots of a project, oldest first; lists can do without the examples themselves."""
        columns = [column for column in snapshots.c if examples or column.name != "examples"]
        chosen = (
            select(*columns)
            .where(snapshots.c.project_id == project_id)
            .order_by(snapshots.c.position)
        )
        with self._database.read() as connection:
            return [_snapshot(row) for row in connection.execute(chosen).mappings()]

    def save_model(self, model: TrainedModel) -> TrainedModel:
        """Keep how a model came to be."""
        self._save(models, dict(model), model.project_id)
        return model

    def models(self, project_id: str | None) -> list[TrainedModel]:
        """Models of a project (those of no project when None), oldest first."""
        return [
            TrainedModel.model_validate(_fields(TrainedModel, row))
            for row in self._rows(models, project_id)
        ]

    def outcomes(self, project_id: str) -> tuple[int, int]:
        """How many models and reports a project has."""
        counted = [
            select(func.count()).select_from(table).where(table.c.project_id == project_id)
            for table in (models, reports)
        ]
        with self._database.read() as connection:
            trained, measured = (int(connection.scalar(count) or 0) for count in counted)
        return trained, measured

    def save_report(self, project_id: str | None, report: EvaluationReport) -> EvaluationReport:
        """Keep an evaluation."""
        whole = to_json(report.model_dump(mode="json"))
        row = {
            "id": report.id,
            "project_id": project_id,
            "collection": report.collection,
            "created": report.created,
            "report": _light(report.model_dump(mode="json")),
            "details": gzip.compress(whole.encode(), 5, mtime=0),
        }
        self._save(reports, row, project_id)
        return report

    def report(self, id: str) -> EvaluationReport:
        """The report of that id, with everything by query. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(reports).where(reports.c.id == id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no report {id!r}")
        if row["details"] is None:
            return EvaluationReport.model_validate(row["report"])
        return EvaluationReport.model_validate_json(gzip.decompress(row["details"]))

    def reports(self, project_id: str | None) -> list[EvaluationReport]:
        """Evaluations of a project (those of no project when None), oldest first.

        They are without what is by query; `report` gives all.
        """
        light = [column for column in reports.c if column.name != "details"]
        return [
            EvaluationReport.model_validate(_light(row["report"]))
            for row in self._rows(reports, project_id, light)
        ]

    def _save(self, table: Table, row: dict[str, Any], project_id: str | None) -> None:
        insert = self._database.insert(table).on_conflict_do_nothing(index_elements=["id"])
        with self._database.write() as connection:
            if project_id is not None:
                known_project(connection, project_id)
            connection.execute(insert.values(row))

    def _rows(
        self, table: Table, project_id: str | None, columns: Sequence[Column[Any]] = ()
    ) -> list[RowMapping]:
        chosen = (
            select(*(columns or table.c))
            .where(table.c.project_id.is_not_distinct_from(project_id))
            .order_by(table.c.position)
        )
        with self._database.read() as connection:
            return list(connection.execute(chosen).mappings())


def _fields(record: type[Record], row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in record.model_fields}


def _light(report: dict[str, Any]) -> dict[str, Any]:
    """A report as lists give it, also where an old version wrote all into the one column."""
    systems = [_without(_BY_QUERY, system) for system in report["systems"]]
    return {**_without(_BY_QUERY, report), "systems": systems}


def _without(names: set[str], fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _snapshot(row: RowMapping) -> DatasetSnapshot:
    fields: dict[str, Any] = {
        name: row[name] for name in DatasetSnapshot.model_fields if name in row
    }
    packed = fields.pop("examples", None)
    content = _unpacked(gzip.decompress(packed)) if packed else _Content(examples=[], background=[])
    return DatasetSnapshot.model_validate({**fields, **dict(content)})


def _packed(snapshot: DatasetSnapshot) -> bytes:
    if not snapshot.background:
        return _EXAMPLES.dump_json(snapshot.examples)
    content = _Content(examples=snapshot.examples, background=snapshot.background)
    return content.model_dump_json().encode()


def _unpacked(content: bytes) -> _Content:
    if content.startswith(b"["):
        return _Content(examples=_EXAMPLES.validate_json(content), background=[])
    return _Content.model_validate_json(content)
