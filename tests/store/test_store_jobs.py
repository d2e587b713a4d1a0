"""Jobs in the store: conditional changes of state, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from distiller.schema.base import now
from distiller.schema.domain import Project
from distiller.schema.errors import Conflict, NotFound
from distiller.schema.jobs import Job, JobState, Worker
from distiller.schema.usage import Usage
from distiller.store import Store
from distiller.store.jobs import MAX_ATTEMPTS


def queued(store: Store, project: Project, id_: str = "j-1", kind: str = "train") -> Job:
    return store.add_job(Job(id=id_, project_id=project.id, kind=kind))


def test_job_is_kept_as_it_goes(store: Store, project: Project) -> None:
    job = queued(store, project)
    assert store.job("j-1") == job
    claimed = store.claim("j-1", worker="w", slot="device")
    assert claimed is not None
    assert (claimed.state, claimed.worker, claimed.attempts) == (JobState.RUNNING, "w", 1)
    claimed.done, claimed.total, claimed.stage = 7, 9, "train"
    claimed.metrics = [{"step": 0, "ndcg@10": 0.5, "loss": float("nan")}]
    claimed.usage = Usage(prompt_tokens=3, cost=0.25)
    assert store.beat(claimed) is JobState.RUNNING
    read = store.job("j-1")
    assert (read.done, read.total, read.stage, read.usage) == (7, 9, "train", claimed.usage)
    assert read.metrics == [{"step": 0, "ndcg@10": 0.5, "loss": None}]
    claimed.result = {"model": "m-1"}
    assert store.finish(claimed, JobState.DONE, "saved")
    read = store.job("j-1")
    assert (read.state, read.message, read.result) == (JobState.DONE, "saved", {"model": "m-1"})
    assert read.finished is not None
    assert not read.active
    assert not store.finish(claimed, JobState.FAILED)
    assert store.job("j-1").state is JobState.DONE


def test_jobs_of_a_project_and_of_all(store: Store, project: Project) -> None:
    first = store.add_job(Job(id="j-1", project_id=None, kind="evaluate"))
    second = queued(store, project, "j-2")
    assert store.jobs() == [first, second]
    assert store.jobs(project.id) == [second]
    assert store.jobs(kind="evaluate") == [first]
    assert store.jobs(limit=1) == [second]
    store.cancel("j-2")
    assert store.jobs(active=True) == [first]
    with pytest.raises(NotFound, match="j-9"):
        store.job("j-9")
    with pytest.raises(NotFound, match="p-9"):
        store.add_job(Job(id="j-3", project_id="p-9", kind="train"))


def test_a_second_job_of_a_kind_waits_for_the_first_to_end(store: Store, project: Project) -> None:
    queued(store, project)
    again = Job(id="j-2", project_id=project.id, kind="train")
    with pytest.raises(Conflict, match="waits or runs already"):
        store.add_job(again, alone=["train"])
    store.add_job(Job(id="j-3", project_id=project.id, kind="judge"), alone=["judge"])
    store.cancel("j-1")
    store.add_job(again, alone=["train"])


def test_of_many_workers_one_claims_a_job_and_one_a_slot(store: Store, project: Project) -> None:
    for number in range(8):
        queued(store, project, f"j-{number}")
    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(lambda n: store.claim("j-0", worker=f"w{n}", slot=""), range(8)))
        others = list(
            pool.map(lambda n: store.claim(f"j-{n}", worker=f"w{n}", slot="device"), range(1, 8))
        )
    assert sum(job is not None for job in same) == 1
    (holder,) = [job for job in others if job is not None]
    assert store.finish(holder, JobState.DONE)
    waiting = next(job for job in store.jobs(active=True) if job.state is JobState.QUEUED)
    assert store.claim(waiting.id, worker="late", slot="device") is not None


def test_cancelling_is_told_with_the_next_beat(store: Store, project: Project) -> None:
    queued(store, project)
    job = store.claim("j-1", worker="w", slot="")
    assert job is not None
    assert store.cancel("j-1").state is JobState.CANCELLING
    assert store.beat(job, only_alive=True) is JobState.CANCELLING
    assert store.finish(job, JobState.CANCELLED)
    assert store.cancel("j-1").state is JobState.CANCELLED
    with pytest.raises(NotFound):
        store.cancel("j-9")


def test_silent_jobs_are_queued_again_until_they_were_begun_too_often(
    store: Store, project: Project
) -> None:
    queued(store, project)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = store.claim("j-1", worker=f"w{attempt}", slot="device")
        assert job is not None
        assert job.attempts == attempt
        assert store.give_up_orphans(60) == []
        assert store.give_up_orphans(0, worker="another") == []
        (orphan,) = store.give_up_orphans(0)
        with pytest.raises(Conflict, match="no longer run"):
            store.beat(job)
        assert not store.finish(job, JobState.DONE)
    assert orphan.state is JobState.FAILED
    assert "too little memory" in orphan.message


@pytest.mark.parametrize("begun", ["started", "created"])
def test_a_job_that_never_beat_is_silent_since_it_began(
    store: Store, project: Project, begun: str
) -> None:
    an_hour_ago = {begun: now() - timedelta(hours=1)}
    store.add_job(
        Job(
            id="j-1", project_id=project.id, kind="train", state=JobState.RUNNING,
            worker="w", slot="device", attempts=1, **an_hour_ago,
        )
    )  # fmt: skip
    assert store.give_up_orphans(7200) == []
    (orphan,) = store.give_up_orphans(60)
    assert (orphan.state, orphan.worker, orphan.slot) == (JobState.QUEUED, "", "")
    assert store.claim("j-1", worker="w2", slot="device") is not None


def test_a_silent_job_that_was_to_stop_is_cancelled(store: Store, project: Project) -> None:
    queued(store, project)
    store.claim("j-1", worker="w", slot="")
    store.cancel("j-1")
    (orphan,) = store.give_up_orphans(0)
    assert orphan.state is JobState.CANCELLED


def test_workers_are_known_as_long_as_they_speak(store: Store) -> None:
    store.worker_beats(Worker(id="host:1"))
    (first,) = store.workers(now() - timedelta(seconds=9))
    store.worker_beats(first)
    (again,) = store.workers(now() - timedelta(seconds=9))
    assert again.started == first.started
    assert again.heartbeat > first.heartbeat
    assert store.workers(now() + timedelta(seconds=1)) == []
    store.worker_leaves("host:1")
    assert store.workers(now() - timedelta(days=9)) == []
