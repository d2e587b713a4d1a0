"""Jobs: each change of state is conditional, so that two processes never both believe it theirs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from distiller.schema.base import now
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.jobs import ACTIVE, AT_WORK, Job, JobState, Worker
from distiller.store.database import Database
from distiller.store.items import known_project
from distiller.store.tables import jobs, projects, workers

MAX_ATTEMPTS = 3
"""After so many processes that died over it, a job is given up instead of begun again."""
_PROGRESS = ("stage", "done", "total", "message", "usage", "metrics", "result")


class Jobs:
    """Queue jobs, claim them, say how far they are, end them."""

    _database: Database

    def add_job(self, job: Job, *, alone: Collection[str] = ()) -> Job:
        """Write a new job.

        `alone` names kinds of which the project may have no active one besides. Raises Conflict
        where it has, and NotFound for an unknown project.
        """
        columns = jobs.c
        active = (columns.project_id == job.project_id, _in(ACTIVE))
        with self._database.write() as connection:
            if job.project_id is not None:
                known_project(connection, job.project_id)
                # Holds the row, so that of two requests at the same moment one sees the other.
                mine = select(projects.c.id).where(projects.c.id == job.project_id)
                connection.execute(mine.with_for_update())
            if alone:
                kinds = self._database.one_of(columns.kind, alone)
                other = connection.scalar(select(columns.kind).where(*active, kinds).limit(1))
                if other is not None:
                    raise Conflict(
                        f"a job of this project ({other}) waits or runs already; "
                        "let it end or stop it first"
                    )
            connection.execute(insert(jobs).values(_row(job)))
        return job

    def job(self, id: str) -> Job:
        """The job of that id. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == id)).mappings().first()
        if row is None:
            raise NotFound(f"there is no job {id!r}")
        return _job(row)

    def jobs(
        self,
        project_id: str | None = None,
        *,
        kind: str | None = None,
        active: bool = False,
        limit: int | None = None,
    ) -> list[Job]:
        """Jobs of a project (all projects when None), oldest first; `limit` keeps the newest."""
        chosen = select(jobs).order_by(jobs.c.position.desc()).limit(limit)
        if project_id is not None:
            chosen = chosen.where(jobs.c.project_id == project_id)
        if kind is not None:
            chosen = chosen.where(jobs.c.kind == kind)
        if active:
            chosen = chosen.where(_in(ACTIVE))
        with self._database.read() as connection:
            rows = connection.execute(chosen).mappings().all()
        return [_job(row) for row in reversed(rows)]

    def claim(self, id: str, *, worker: str, slot: str) -> Job | None:
        """Take a queued job to run it; None where it is not queued, or its slot is in use."""
        begun = now()
        claimed = (
            update(jobs)
            .where(jobs.c.id == id, jobs.c.state == JobState.QUEUED.value)
            .values(
                state=JobState.RUNNING.value,
                worker=worker,
                slot=slot,
                attempts=jobs.c.attempts + 1,
                started=begun,
                heartbeat=begun,
                finished=None,
            )
            .returning(jobs)
        )
        try:
            with self._database.write() as connection:
                row = connection.execute(claimed).mappings().first()
                return None if row is None else _job(row)
        except InputError as error:  # the index of slots refused
            if isinstance(error.__cause__, IntegrityError):
                return None
            raise

    def beat(self, job: Job, *, only_alive: bool = False) -> JobState:
        """Say that a job is alive and how far it is; returns its state, which may be `cancelling`.

        Raises Conflict when the job is no longer its worker's: it was thought dead and given away.
        """
        fields: dict[str, Any] = {"heartbeat": now()}
        if not only_alive:
            row = _row(job)
            fields |= {name: row[name] for name in _PROGRESS}
        beaten = (
            update(jobs)
            .where(jobs.c.id == job.id, jobs.c.worker == job.worker, _in(AT_WORK))
            .values(fields)
            .returning(jobs.c.state)
        )
        with self._database.write() as connection:
            state = connection.scalar(beaten)
        if state is None:
            raise Conflict(f"job {job.id} is no longer run by {job.worker}")
        return JobState(state)

    def finish(self, job: Job, state: JobState, message: str | None = None) -> bool:
        """End a job with all that is known of it; False where it is not its worker's any more."""
        row = _row(job)
        fields = {name: row[name] for name in _PROGRESS} | {"state": state.value, "finished": now()}
        if message is not None:
            fields["message"] = message
        ended = update(jobs).where(jobs.c.id == job.id, jobs.c.worker == job.worker, _in(AT_WORK))
        with self._database.write() as connection:
            return bool(connection.execute(ended.values(fields)).rowcount)

    def cancel(self, id: str) -> Job:
        """Ask a job to stop: one that waits is cancelled at once, one that runs will be.

        Raises NotFound. A job that ended stays as it is.
        """
        waits = update(jobs).where(jobs.c.id == id, jobs.c.state == JobState.QUEUED.value)
        runs = update(jobs).where(jobs.c.id == id, jobs.c.state == JobState.RUNNING.value)
        with self._database.write() as connection:
            connection.execute(waits.values(state=JobState.CANCELLED.value, finished=now()))
            connection.execute(runs.values(state=JobState.CANCELLING.value))
        return self.job(id)

    def give_up_orphans(self, silent_s: float, *, worker: str | None = None) -> list[Job]:
        """Find jobs whose process is silent for so long; returns them as they are now.

        They are queued again, for every stage goes on where it stopped; those that were to stop
        are cancelled; and those that were begun too often have failed. `worker` looks at that
        one's jobs only.
        """
        since = now() - timedelta(seconds=silent_s)
        # One that never beat is silent since it began: no comparison finds a heartbeat of NULL.
        heard = func.coalesce(jobs.c.heartbeat, jobs.c.started, jobs.c.created)
        silent = [_in(AT_WORK), heard <= since]
        if worker is not None:
            silent.append(jobs.c.worker == worker)
        stopping = jobs.c.state == JobState.CANCELLING.value
        often = jobs.c.attempts >= MAX_ATTEMPTS
        changes: list[tuple[Any, dict[str, Any]]] = [
            (stopping, {"state": JobState.CANCELLED.value, "finished": now()}),
            (
                often,
                {
                    "state": JobState.FAILED.value,
                    "finished": now(),
                    "message": f"its process ended without a word {MAX_ATTEMPTS} times; "
                    "the log may say why (often: too little memory)",
                },
            ),
            (~often, {"state": JobState.QUEUED.value, "worker": "", "slot": ""}),
        ]
        found: list[Job] = []
        with self._database.write() as connection:
            for which, fields in changes:
                changed = update(jobs).where(*silent, which).values(fields).returning(jobs)
                found += [_job(row) for row in connection.execute(changed).mappings()]
        return found

    def worker_beats(self, worker: Worker) -> None:
        """Say that a worker is alive."""
        values = dict(worker) | {"heartbeat": now()}
        said = self._database.insert(workers).values(values)
        said = said.on_conflict_do_update(
            index_elements=["id"], set_={"heartbeat": values["heartbeat"]}
        )
        with self._database.write() as connection:
            connection.execute(said)

    def worker_leaves(self, id: str) -> None:
        """Forget a worker, and those that have been silent for a day."""
        gone = workers.c.heartbeat < now() - timedelta(days=1)
        with self._database.write() as connection:
            connection.execute(delete(workers).where((workers.c.id == id) | gone))

    def workers(self, since: datetime) -> list[Worker]:
        """Workers that were heard of since a moment."""
        chosen = select(workers).where(workers.c.heartbeat >= since).order_by(workers.c.position)
        with self._database.read() as connection:
            rows = connection.execute(chosen).mappings().all()
        return [
            Worker.model_validate({name: row[name] for name in Worker.model_fields}) for row in rows
        ]


def _in(states: Collection[JobState]) -> Any:
    return jobs.c.state.in_([state.value for state in states])


def _row(job: Job) -> dict[str, Any]:
    return {**dict(job), "state": job.state.value, "usage": job.usage.model_dump(mode="json")}


def _job(row: RowMapping) -> Job:
    fields = {name: row[name] for name in Job.model_fields}
    # Rows of the first version know neither.
    return Job.model_validate(fields | {name: fields[name] or {} for name in ("usage", "result")})
