"""What long work leaves behind: failures to retry, and jobs with their progress."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import RowMapping, delete, select

from distiller.schema.base import new_id, now
from distiller.schema.errors import NotFound
from distiller.schema.jobs import Failure, Job
from distiller.store.database import Database
from distiller.store.items import known_project
from distiller.store.tables import failures, jobs


class Work:
    """Record failures and jobs."""

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

    def save_job(self, job: Job) -> Job:
        """Write the job as it is now."""
        row = _job_row(job)
        insert = self._database.insert(jobs).values(row)
        saved = insert.on_conflict_do_update(index_elements=["id"], set_=row)
        with self._database.write() as connection:
            if job.project_id is not None:
                known_project(connection, job.project_id)
            connection.execute(saved)
        return job

    def job(self, id: str) -> Job:
        """The job of that id. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no job {id!r}")
        return _job(row)

    def jobs(self, project_id: str | None = None) -> list[Job]:
        """Jobs of a project (all projects when None), oldest first."""
        chosen = select(jobs).order_by(jobs.c.position)
        if project_id is not None:
            chosen = chosen.where(jobs.c.project_id == project_id)
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(chosen).mappings()]


def _failure(row: RowMapping) -> Failure:
    return Failure.model_validate({name: row[name] for name in Failure.model_fields})


def _job_row(job: Job) -> dict[str, Any]:
    return {**dict(job), "state": job.state.value}


def _job(row: RowMapping) -> Job:
    return Job.model_validate({name: row[name] for name in Job.model_fields})
