"""See that a worker runs, whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

from distiller.schema.base import now
from distiller.schema.errors import InputError
from distiller.settings import Settings
from distiller.store import Store

ALIVE_S = 12.0
"""A worker says that it is alive every two seconds; after so long a silence it is not."""
IDLE_EXIT_S = 60.0
"""A worker that the app started ends after so long without work; the next job starts another."""


def worker_alive(store: Store) -> bool:
    """Whether a worker was heard of lately."""
    return bool(store.workers(now() - timedelta(seconds=ALIVE_S)))


def ensure_worker(store: Store, settings: Settings) -> bool:
    """Start a worker in the background where none is alive; returns whether one was started.

    It is in a session of its own: neither Ctrl-C nor the end of the app reaches it. Two that are
    started at the same moment do no harm: with SQLite the second ends at once, with Redis both
    work.
    """
    if worker_alive(store):
        return False
    logs = settings.workspace / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "worker.log").open("ab") as log:
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "distiller.jobs.worker", str(IDLE_EXIT_S)],
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise InputError(f"no worker can be started ({error}); free space and try again") from error
    return True


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which another process comes to the same settings."""
    given = {
        "DISTILLER_WORKSPACE": str(settings.workspace.absolute()),
        "DISTILLER_DATABASE_URL": settings.database_url,
        "DISTILLER_BROKER_URL": settings.broker_url,
        "DISTILLER_CACHE_DIR": str(settings.cache_dir),
    }
    return os.environ | {name: value for name, value in given.items() if value}
