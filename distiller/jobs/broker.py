"""The queue: huey over a SQLite file of the workspace, or over Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from distiller.schema.errors import InputError
from distiller.settings import Settings

if TYPE_CHECKING:
    from huey.api import Huey

TASK = "run_job"
QUEUE = "distiller"


def broker(settings: Settings) -> Huey:
    """The queue in force.

    Raises:
        InputError: a broker that is neither SQLite nor Redis, or Redis without its driver.
    """
    from huey import RedisHuey, SqliteHuey  # noqa: PLC0415 - pages that start no job do without

    options: dict[str, Any] = {"results": False, "utc": True}
    if not settings.broker_url:
        settings.workspace.mkdir(parents=True, exist_ok=True)
        return SqliteHuey(QUEUE, filename=str(settings.workspace / "jobs.db"), **options)
    if not settings.broker_url.startswith(("redis://", "rediss://", "unix://")):
        raise InputError("DISTILLER_BROKER_URL must begin with redis://, or be left out for SQLite")
    try:
        return RedisHuey(QUEUE, url=settings.broker_url, **options)
    except (ImportError, AttributeError) as error:
        raise InputError(
            "Redis needs its driver; run: pip install 'domain-distiller[redis]'"
        ) from error


def runner(huey: Huey, run: Callable[[str], None] | None = None) -> Any:
    """The one task of the queue. Whoever only asks for it need not be able to run it."""

    def run_job(job_id: str) -> None:
        assert run is not None, "only the worker takes tasks from the queue"
        run(job_id)

    return huey.task(name=TASK)(run_job)


def enqueue(task: Any, job_id: str, delay_s: float = 0.0) -> None:
    """Ask for a job to be run; asking twice does no harm, for only one can claim it.

    Raises:
        InputError: the broker cannot be reached.
    """
    try:
        if delay_s:
            task.schedule((job_id,), delay=delay_s)
        else:
            task(job_id)
    except Exception as error:  # whatever the broker's driver raises
        raise InputError(
            f"the queue of jobs cannot be reached ({error}); check DISTILLER_BROKER_URL and the "
            "disk, then try again"
        ) from error


def waiting(huey: Huey) -> set[str]:
    """Ids of the jobs that the broker holds."""
    return {str(task.args[0]) for task in [*huey.pending(), *huey.scheduled()] if task.args}
