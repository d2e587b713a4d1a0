"""Real workers, real jobs: run, waited for, stopped, killed and gone on with."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from job_probe import kill_job, wait_for

from distiller.jobs import cancel, log_tail, retry, run_here, submit, worker_alive
from distiller.jobs.broker import broker, enqueue, runner
from distiller.jobs.worker import slot_of
from distiller.pipeline import Journey, Plan
from distiller.schema.base import now
from distiller.schema.domain import Project
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.jobs import Job, JobState
from distiller.settings import Settings
from distiller.store import Store
from distiller.train.pace import Pace

SHORT = {"batch_size": 4.0, "passage_length": 32.0, "negatives_per_query": 1.0}
"""Steps that take little; there must be so many that the training is hit under way."""


def steps(count: int) -> Plan:
    return Plan(preset="quick", recipe=SHORT | {"epochs": 0.1, "min_steps": float(count)})


def ended(job: Job) -> bool:
    return not job.active


def learning(job: Job) -> bool:
    return job.stage == "train" and job.done > 1


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests start their workers themselves, so that they can kill them."""
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: False)


@pytest.mark.usefixtures("started")
def test_a_job_runs_in_the_worker_and_says_what_came_of_it(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    start_worker()
    job = submit(store, settings, project.id, ["snapshot"], Plan())
    done = wait_for(store, job.id, ended)
    assert done.state is JobState.DONE, done.message
    snapshot = store.snapshot(done.result["snapshot"])
    assert done.result["stages"][0]["made"] == len(snapshot.examples) > 0
    assert "snapshot" in log_tail(settings, job.id)
    assert worker_alive(store)


@pytest.mark.usefixtures("started")
def test_jobs_run_over_redis_too(
    store: Store, settings: Settings, project: Project, start_worker, redis_url: str
) -> None:
    over_redis = settings.model_copy(update={"broker_url": redis_url})
    start_worker(over_redis)
    job = submit(store, over_redis, project.id, ["snapshot"], Plan())
    assert wait_for(store, job.id, ended).state is JobState.DONE
    assert not (settings.workspace / "jobs.db").exists()


@pytest.mark.usefixtures("started")
def test_a_broker_that_is_not_there_is_said(
    store: Store, settings: Settings, project: Project
) -> None:
    nowhere = settings.model_copy(update={"broker_url": "redis://127.0.0.1:1/0"})
    with pytest.raises(InputError, match="cannot be reached"):
        submit(store, nowhere, project.id, ["snapshot"], Plan())
    with pytest.raises(InputError, match="must begin with redis"):
        broker(settings.model_copy(update={"broker_url": "amqp://x"}))


@pytest.mark.usefixtures("started")
def test_what_cannot_be_queued_is_refused(
    store: Store, settings: Settings, project: Project
) -> None:
    with pytest.raises(InputError, match="no stage"):
        submit(store, settings, project.id, ["rm -rf"], Plan())
    with pytest.raises(NotFound):
        submit(store, settings, "p-9", ["snapshot"], Plan())
    job = submit(store, settings, project.id, ["snapshot"], Plan())
    with pytest.raises(Conflict, match="waits or runs already"):
        submit(store, settings, project.id, ["snapshot"], Plan())
    with pytest.raises(Conflict, match="not ended"):
        retry(store, settings, job.id)
    assert cancel(store, job.id).state is JobState.CANCELLED


@pytest.mark.usefixtures("started")
def test_a_failed_job_says_why_and_can_be_tried_again(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    start_worker()
    plan = Plan(snapshot="nothing-of-that-hash")
    failed = wait_for(store, submit(store, settings, project.id, ["snapshot"], plan).id, ended)
    assert failed.state is JobState.FAILED
    assert "no dataset snapshot" in failed.message
    again = retry(store, settings, failed.id)
    assert again.parameters["retries"] == failed.id
    assert wait_for(store, again.id, ended).message == failed.message


@pytest.mark.usefixtures("started")
def test_one_training_at_a_time_and_the_second_begins_when_the_first_ends(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    other = store.create_project(project.domain, "other")
    start_worker()
    training = submit(store, settings, other.id, ["evaluate"], Plan())
    # Queued before the worker could claim it, or already failed: the slot is tested on its own.
    wait_for(store, training.id, ended)
    slot = slot_of(training, settings)
    holder = store.add_job(
        Job(
            id="job-holder",
            project_id=project.id,
            kind="train",
            state=JobState.RUNNING,
            worker="elsewhere",
            slot=slot,
            heartbeat=now(),
        )
    )
    second = submit(store, settings, other.id, ["evaluate"], Plan())
    until = time.monotonic() + 5
    while time.monotonic() < until:
        store.beat(store.job(holder.id), only_alive=True)
        assert store.job(second.id).state is JobState.QUEUED
        time.sleep(0.5)
    assert store.finish(store.job(holder.id), JobState.DONE)
    assert wait_for(store, second.id, ended).state is JobState.FAILED  # nothing to measure on


@pytest.mark.usefixtures("started")
def test_a_trial_tells_how_fast_this_computer_trains(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    start_worker()
    job = submit(store, settings, project.id, ["snapshot", "calibrate"], Plan())
    assert (job.kind, slot_of(job, settings).endswith("/device")) == ("calibrate", True)
    done = wait_for(store, job.id, ended, 200)
    assert done.state is JobState.DONE, done.message
    assert Pace.model_validate(done.metrics[-1]).seconds_per_text < 10
    assert done.result["under_way"]["stage"] == "calibrate"
    assert store.models(project.id) == []


@pytest.mark.usefixtures("started")
def test_a_message_that_the_broker_lost_is_sent_again(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    job = submit(store, settings, project.id, ["snapshot"], Plan())
    broker(settings).flush()
    start_worker()
    assert wait_for(store, job.id, ended).state is JobState.DONE


@pytest.mark.usefixtures("started")
def test_asking_twice_runs_a_job_once(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    job = submit(store, settings, project.id, ["snapshot"], Plan())
    for _ in range(3):
        enqueue(runner(broker(settings)), job.id)
    start_worker()
    done = wait_for(store, job.id, ended)
    time.sleep(2)
    assert (done.attempts, store.job(job.id)) == (1, done)


def test_submitting_starts_a_worker_that_leaves_when_idle(
    store: Store, settings: Settings, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.start.IDLE_EXIT_S", 3.0)
    job = submit(store, settings, project.id, ["snapshot"], Plan())
    assert wait_for(store, job.id, ended).state is JobState.DONE
    deadline = time.monotonic() + 30
    while worker_alive(store):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.usefixtures("started")
def test_a_second_worker_of_a_workspace_ends_at_once(start_worker, store: Store) -> None:
    start_worker()
    deadline = time.monotonic() + 60
    while not worker_alive(store):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert start_worker().wait(timeout=60) == 0


def test_a_run_in_a_terminal_is_a_job_too(
    store: Store, settings: Settings, project: Project
) -> None:
    reports = run_here(Journey(store, project, settings, Plan()), ["snapshot"])
    (job,) = store.jobs(project.id)
    assert (job.kind, job.state) == ("snapshot", JobState.DONE)
    assert job.result["stages"] == [report.model_dump(mode="json") for report in reports]


@pytest.mark.slow
@pytest.mark.usefixtures("started")
def test_training_is_stopped_within_seconds_and_goes_on_from_its_checkpoint(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    start_worker()
    job = submit(store, settings, project.id, ["snapshot", "train"], steps(200))
    wait_for(store, job.id, lambda job: job.done >= 40, 200)
    asked = time.monotonic()
    cancel(store, job.id)
    stopped = wait_for(store, job.id, ended, 30)
    assert stopped.state is JobState.CANCELLED
    assert time.monotonic() - asked < 12
    again = retry(store, settings, job.id)
    first = wait_for(store, again.id, lambda job: job.stage == "train" and job.done > 0, 100)
    assert first.done >= 20
    done = wait_for(store, again.id, ended, 200)
    assert done.state is JobState.DONE, done.message
    assert Path(store.models(project.id)[0].path).is_dir()


@pytest.mark.slow
@pytest.mark.usefixtures("started")
def test_kill_9_of_the_worker_does_not_touch_the_job_and_of_the_job_is_healed(
    store: Store, settings: Settings, project: Project, start_worker
) -> None:
    worker = start_worker()
    job = submit(store, settings, project.id, ["snapshot", "train"], steps(400))
    before = wait_for(store, job.id, learning, 200)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    after = wait_for(store, job.id, lambda job: job.done > before.done + 3, 60)
    assert (after.state, after.worker, after.attempts) == (JobState.RUNNING, before.worker, 1)
    start_worker()  # it leaves the running job alone
    time.sleep(4)
    assert store.job(job.id).worker == before.worker
    assert kill_job(job.id) == 1
    again = wait_for(store, job.id, lambda job: job.attempts == 2, 60)
    assert again.worker != before.worker
    done = wait_for(store, job.id, ended, 250)
    assert done.state is JobState.DONE, done.message
