"""A run of stages whose row in the store stays true, whatever ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from distiller import pipeline
from distiller.pipeline import Journey
from distiller.schema.base import new_id, now
from distiller.schema.errors import Conflict, DistillerError
from distiller.schema.jobs import Job, JobState, Progress, StageReport
from distiller.schema.usage import Usage

BEAT_S = 1.0
"""How often a running job says that it is alive, and looks whether it shall stop."""
AGAIN_S = 4.0
"""A step that does not heed the first interrupt gets another one after so long."""
KILL_AFTER_S = 20.0
"""After so long a job that shall stop is ended; whatever it finished is in the store."""


def worker_id() -> str:
    """A name that no other process has had."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id('w')[-6:]}"


def kind_of(stages: Sequence[str]) -> str:
    """What a job of these stages is called."""
    if "calibrate" in stages:
        return "calibrate"
    if "train" in stages:
        return "train" if stages[0] == "snapshot" else "pipeline"
    if "repair" in stages[:2] or "settle" in stages[:2]:
        return "repair"
    return stages[0] if len(stages) == 1 else "pipeline"


def new_job(journey: Journey, stages: Sequence[str]) -> Job:
    """A job that waits to be run."""
    return Job(
        id=new_id("job"),
        project_id=journey.project.id,
        kind=kind_of(stages),
        parameters={"stages": list(stages), "plan": journey.plan.model_dump(mode="json")},
    )


def run_here(journey: Journey, stages: Sequence[str]) -> list[StageReport]:
    """Run stages in this process, as a job that the app shows as well.

    Raises what `pipeline.run` raises, and KeyboardInterrupt also when somebody stops the job
    from another process.
    """
    begun = now()
    job = new_job(journey, stages).model_copy(
        update={
            "state": JobState.RUNNING,
            "worker": worker_id(),
            "attempts": 1,
            "heartbeat": begun,
            "started": begun,
        }
    )
    journey.store.add_job(job)
    return run_job(journey, job, stages)


def run_job(journey: Journey, job: Job, stages: Sequence[str]) -> list[StageReport]:
    """Run the stages of a job that this process has claimed."""
    with _Row(journey, job):
        return asyncio.run(pipeline.run(journey, stages))


class _Row:
    """Writes the job's row from a thread of its own, so that a long step is not taken for death."""

    def __init__(self, journey: Journey, job: Job) -> None:
        self._journey = journey
        self._job = job
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._dirty = False
        self._current = Usage()
        self._under_way: dict[str, Any] = {}
        self._told = journey.on_progress
        self._asked: float | None = None
        self._interrupted = 0.0
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._journey.on_progress = self._on_progress
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._journey.on_progress = self._told
        with self._lock:
            self._gather(ended=True)
            state, message = JobState.DONE, "; ".join(self._notes())
            if error is not None:
                failed = isinstance(error, Exception) and self._asked is None
                state = JobState.FAILED if failed else JobState.CANCELLED
                message = self._why(error) if failed else "stopped; what was done is kept"
            with contextlib.suppress(Conflict):
                self._journey.store.finish(self._job, state, message)

    def _on_progress(self, progress: Progress) -> None:
        with self._lock:
            job = self._job
            if self._under_way.get("stage") != progress.stage:
                self._under_way = {
                    "stage": progress.stage,
                    "since": now().isoformat(),
                    "from": progress.done,
                }
            job.stage, job.done, job.total = progress.stage, progress.done, progress.total
            job.message = progress.message
            self._current = progress.usage
            if progress.metrics:
                job.metrics = [*job.metrics, progress.metrics]
            self._dirty = True
        if self._told:
            self._told(progress)

    def _gather(self, *, ended: bool = False) -> None:
        """What is known of the run, into the job."""
        journey, job = self._journey, self._job
        over = {report.stage for report in journey.done}
        usage = Usage() if ended or job.stage in over else self._current
        for report in journey.done:
            usage += report.usage
        job.usage = usage
        result: dict[str, Any] = {
            "stages": [report.model_dump(mode="json") for report in journey.done],
            "snapshot": journey.snapshot.content_hash if journey.snapshot else None,
            "model": journey.model.id if journey.model else None,
            "models": [model.id for model in journey.trained],
            "reports": [report.id for report in journey.reports],
            "under_way": self._under_way,
        }
        job.result = result

    def _notes(self) -> list[str]:
        return [note for report in self._journey.done for note in report.notes]

    def _why(self, error: BaseException) -> str:
        words = " ".join(str(error).split())
        if isinstance(error, DistillerError):
            return words
        return f"unexpected: {type(error).__name__}: {words}"[:500]

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            with self._lock:
                dirty, self._dirty = self._dirty, False
                if dirty:
                    self._gather()
                job = self._job.model_copy()
            try:
                state = self._journey.store.beat(job, only_alive=not dirty)
            except Conflict:  # given to another worker: two must not do the same work
                state = JobState.CANCELLING
            except DistillerError:  # a full disk or a busy database; the next beat may get through
                self._dirty = self._dirty or dirty
                continue
            if state == JobState.CANCELLING:
                self._interrupt()

    def _interrupt(self) -> None:
        moment = time.monotonic()
        self._asked = self._asked or moment
        if moment - self._asked > KILL_AFTER_S:
            with contextlib.suppress(DistillerError):
                self._journey.store.finish(self._job, JobState.CANCELLED, "stopped")
            os._exit(1)
        if moment - self._interrupted >= AGAIN_S:
            self._interrupted = moment
            os.kill(os.getpid(), signal.SIGINT)
