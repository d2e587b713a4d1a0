"""What the app does with jobs: queue them, stop them, try them again, read their log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from distiller.jobs.broker import broker, enqueue, runner
from distiller.jobs.running import new_job
from distiller.jobs.start import ensure_worker
from distiller.pipeline import ALL_STAGES, Journey, Plan
from distiller.schema.base import new_id
from distiller.schema.errors import Conflict, InputError
from distiller.schema.jobs import Job
from distiller.settings import Settings
from distiller.store import Store

LOG_BYTES = 200_000
"""Read of a log at most, from its end."""


def submit(
    store: Store, settings: Settings, project_id: str, stages: Sequence[str], plan: Plan
) -> Job:
    """Queue work, and see that a worker runs.

    Raises:
        Conflict: work of the same kind waits or runs in the project already.
        InputError: a stage that is not there; a queue that cannot be reached.
        NotFound: there is no such project.
    """
    unknown = [name for name in stages if name not in ALL_STAGES]
    if unknown or not stages:
        raise InputError(f"no stage {unknown or '?'}; there are {', '.join(ALL_STAGES)}")
    project = store.project(project_id)
    job = new_job(Journey(store, project, settings, plan), stages)
    job.parameters["llm"] = {
        "llm_url": settings.llm_url,
        "llm_model": settings.llm_model,
        "budget": settings.budget,
    }
    return _queue(store, settings, job)


def cancel(store: Store, job_id: str) -> Job:
    """Stop a job within seconds; what it has done is kept. Raises NotFound."""
    return store.cancel(job_id)


def retry(store: Store, settings: Settings, job_id: str) -> Job:
    """The same work again, as a new job: it does only what is missing or failed.

    Raises:
        Conflict: the job has not ended, or work of its kind is under way.
        NotFound: there is no such job.
    """
    old = store.job(job_id)
    if old.active:
        raise Conflict("that job has not ended yet; stop it first")
    try:
        Plan.model_validate(old.parameters["plan"])
    except (KeyError, ValidationError):
        raise InputError("that job was made by another version; start it anew") from None
    assert old.project_id is not None
    stages = [name for name in old.parameters["stages"] if name in ALL_STAGES]
    fresh = Job(
        id=new_id("job"),
        project_id=old.project_id,
        kind=old.kind,
        parameters={**old.parameters, "stages": stages, "retries": old.id},
    )
    return _queue(store, settings, fresh)


def _queue(store: Store, settings: Settings, job: Job) -> Job:
    task = runner(broker(settings))
    store.add_job(job, alone=[job.kind])
    enqueue(task, job.id)
    ensure_worker(store, settings)
    return job


def log_file(settings: Settings, job_id: str) -> Path:
    """Where a job's process writes what it says."""
    return settings.workspace / "logs" / f"{Path(job_id).name}.log"


def log_tail(settings: Settings, job_id: str, lines: int = 200) -> str:
    """The end of a job's log; empty where there is none."""
    try:
        with log_file(settings, job_id).open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - LOG_BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
