"""Looking at jobs from outside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from distiller.schema.jobs import Job
from distiller.store import Store


def wait_for(store: Store, job_id: str, when: Callable[[Job], bool], seconds: float = 120) -> Job:
    """The job as soon as it is so."""
    deadline = time.monotonic() + seconds
    while not when(job := store.job(job_id)):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    return job


def kill_job(job_id: str) -> int:
    """kill -9 the process of a job; returns how many there were."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"distiller.jobs.child" in command and job_id.encode() in command:
            os.kill(int(process.name), signal.SIGKILL)
            found += 1
    return found
