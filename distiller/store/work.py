"""What could not be made, kept to be tried again."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import RowMapping, delete, select

from distiller.schema.base import new_id, now
from distiller.schema.jobs import Failure
from distiller.store.database import Database
from distiller.store.items import known_project
from distiller.store.tables import failures


class Work:
    """Record failures."""

    _database: Database

    def fail(
        self, project_id: str, stage: str, key: str, reason: str, completion: str = ""
    ) -> Failure:
        """Note that an item could not be made; another failure of the same item counts up."""
        insert = self._database.insert(failures).values(
            id=new_id("f"),
            project_id=project_id,
            stage=stage,
            key=key,
            reason=reason,
            completion=completion,
            attempts=1,
            created=now(),
        )
        counted = insert.on_conflict_do_update(
            index_elements=["project_id", "stage", "key"],
            set_={
                "attempts": failures.c.attempts + 1,
                "reason": insert.excluded.reason,
                "completion": insert.excluded.completion,
            },
        ).returning(failures)
        with self._database.write() as connection:
            known_project(connection, project_id)
            return _failure(connection.execute(counted).mappings().one())

    def failures(self, project_id: str, stage: str | None = None) -> list[Failure]:
        """Failures that nobody resolved yet, oldest first."""
        chosen = select(failures).where(failures.c.project_id == project_id)
        if stage is not None:
            chosen = chosen.where(failures.c.stage == stage)
        with self._database.read() as connection:
            rows = connection.execute(chosen.order_by(failures.c.position)).mappings()
            return [_failure(row) for row in rows]

    def resolve(self, project_id: str, stage: str, keys: Collection[str]) -> None:
        """Forget failures whose items were made after all."""
        if not keys:
            return
        with self._database.write() as connection:
            connection.execute(
                delete(failures).where(
                    failures.c.project_id == project_id,
                    failures.c.stage == stage,
                    self._database.one_of(failures.c.key, keys),
                )
            )


def _failure(row: RowMapping) -> Failure:
    return Failure.model_validate({name: row[name] for name in Failure.model_fields})
