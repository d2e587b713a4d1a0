"""The worker: huey's consumer, which starts a process for each job and watches over it.

A job's process reports, heeds Stop and finishes by itself (`distiller.jobs.child`), so that the
death of the worker changes nothing about it. The worker decides who may begin, and finds the
jobs whose process died.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from filelock import FileLock, Timeout

from distiller.jobs.broker import broker, enqueue, runner, waiting
from distiller.jobs.control import log_file
from distiller.jobs.running import worker_id
from distiller.jobs.start import environment
from distiller.pipeline import LOCAL_STAGES
from distiller.schema.errors import DistillerError
from distiller.schema.jobs import Job, JobState, Worker
from distiller.settings import Settings
from distiller.store import Store

BEAT_S = 2.0
SILENT_S = 15.0
"""A job says every second that it is alive; after so long a silence its process is dead."""
JOBS_AT_ONCE = 4
SLOT_WAIT_S = 1.0
REPEAT_S = 15.0
"""How often the worker looks for queued jobs that the broker forgot."""
_log = logging.getLogger("distiller.worker")


def slot_of(job: Job, settings: Settings) -> str:
    """What the job needs for itself: the device to train, the embedded model, else its project."""
    host = socket.gethostname()
    stages = set(job.parameters.get("stages", []))
    if stages & {"train", "evaluate", "mine", "teach", "calibrate"}:
        return f"{host}/device"
    if stages and stages <= LOCAL_STAGES.keys():
        return f"project/{job.project_id}"
    url = job.parameters.get("llm", {}).get("llm_url", settings.llm_url)
    local = url == "local" or (not url and settings.uses_local_model)
    return f"{host}/language-model" if local else f"project/{job.project_id}"


class _Worker:
    def __init__(self, store: Store, settings: Settings, idle_exit_s: float) -> None:
        self.store, self.settings, self.idle_exit_s = store, settings, idle_exit_s
        self.me = Worker(id=worker_id())
        self.huey: Any = broker(settings)
        self.task = runner(self.huey, self.run)
        self._gone = threading.Event()

    def work(self) -> None:
        """Take jobs until the process is told to stop."""
        self.store.worker_beats(self.me)
        threading.Thread(target=self._watch, daemon=True).start()
        consumer = self.huey.create_consumer(
            workers=JOBS_AT_ONCE, periodic=False, initial_delay=0.1, backoff=1.2, max_delay=1.0
        )
        try:
            consumer.run()
        finally:
            self._gone.set()
            self.store.worker_leaves(self.me.id)

    def run(self, job_id: str) -> None:
        """One task of the queue: begin the job, or ask again while its slot is in use."""
        job = self.store.job(job_id)
        if job.state != JobState.QUEUED:
            return
        owner = worker_id()
        claimed = self.store.claim(job_id, worker=owner, slot=slot_of(job, self.settings))
        if claimed is None:
            if self.store.job(job_id).state == JobState.QUEUED:
                enqueue(self.task, job_id, SLOT_WAIT_S)
            return
        try:
            status = self._child(claimed)
        except OSError as error:
            words = f"its process could not be started ({error}); free space and try again"
            self.store.finish(claimed, JobState.FAILED, words)
            return
        _log.info("%s ended with status %s", job_id, status)
        # One that ended without a word has left its row at work.
        for orphan in self.store.give_up_orphans(0.0, worker=owner):
            if orphan.state == JobState.QUEUED:
                enqueue(self.task, orphan.id, SLOT_WAIT_S)

    def _child(self, job: Job) -> int:
        path = log_file(self.settings, job.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            command = [sys.executable, "-m", "distiller.jobs.child", job.id, job.worker]
            with subprocess.Popen(  # noqa: S603
                command,
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as child:
                return child.wait()

    def _watch(self) -> None:
        """Say that the worker is alive, find dead jobs and forgotten ones, leave when idle."""
        busy = looked = time.monotonic()
        while not self._gone.wait(BEAT_S):
            try:
                self.store.worker_beats(self.me)
                dead = self.store.give_up_orphans(SILENT_S)
                active = self.store.jobs(active=True)
                if dead or looked == busy or time.monotonic() - looked >= REPEAT_S:
                    looked = time.monotonic()
                    known = waiting(self.huey)
                    for job in active:
                        if job.state == JobState.QUEUED and job.id not in known:
                            enqueue(self.task, job.id)
            except DistillerError as error:  # a full disk, a busy database: the next round
                _log.warning("%s", error)
                continue
            if active:
                busy = time.monotonic()
            elif self.idle_exit_s and time.monotonic() - busy > self.idle_exit_s:
                os.kill(os.getpid(), signal.SIGINT)
                return


def work(settings: Settings, *, idle_exit_s: float = 0.0) -> bool:
    """Run a worker in this process until it is stopped; False where one runs here already.

    With the SQLite queue one worker of a workspace is enough, and a second one would only wait.
    """
    settings.workspace.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.workspace / "worker.lock", timeout=0)
    if not settings.broker_url:
        try:
            lock.acquire()
        except Timeout:
            return False
    try:
        with Store.open(settings.database) as store:
            _Worker(store, settings, idle_exit_s).work()
    finally:
        lock.release()
    return True


def main() -> None:
    """`python -m distiller.jobs.worker [SECONDS]`: end after so long without work."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if not work(Settings(), idle_exit_s=float(sys.argv[1]) if len(sys.argv) > 1 else 0.0):
        _log.info("another worker of this workspace runs; this one ends")


if __name__ == "__main__":
    main()
