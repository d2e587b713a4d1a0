"""The page of jobs, and work that is begun on the page Domain."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from distiller.dataset import open_example
from distiller.schema.base import now
from distiller.schema.jobs import Job, JobState
from distiller.schema.usage import Usage
from distiller.store import Store


def test_nothing_was_started(run_page, example) -> None:
    page = run_page("admin/jobs.py")
    assert not page.exception
    assert "Nothing has been started" in page.info[0].value


def test_a_running_job_can_be_stopped_and_gone_on_with(
    run_page, store: Store, example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: False)
    monkeypatch.setattr("distiller.jobs.ensure_worker", lambda *_: False)
    project = open_example(store)
    job = store.add_job(
        Job(
            id="job-1",
            project_id=project.id,
            kind="snapshot",
            parameters={"stages": ["snapshot"], "plan": {}},
            total=10,
            done=5,
            message="<b>5</b> of *10*",
        )
    )
    page = run_page("admin/jobs.py")
    assert not page.exception
    page.button(key=f"job/{job.id}/stop").click().run()
    assert store.job(job.id).state is JobState.CANCELLED
    page = run_page("admin/jobs.py")
    page.button(key=f"job/{job.id}/retry").click().run()
    assert not page.exception
    (again,) = store.jobs(project.id, active=True)
    assert again.parameters["retries"] == job.id


def test_writing_is_begun_on_the_domain_page(
    run_page, store: Store, example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: False)
    monkeypatch.setattr("distiller.jobs.ensure_worker", lambda *_: False)
    page = run_page("define/domain.py")
    button = next(b for b in page.button if b.label == "Have everything written")
    button.click().run()
    assert not page.exception
    (job,) = store.jobs(active=True)
    stages = ["knowledge", "queries", "passages", "judge", "check"]
    stages += ["repair", "judge", "remine", "check"] * 2
    assert job.parameters["stages"] == stages


def test_a_running_job_says_rate_time_left_tokens_and_money(
    run_page, store: Store, example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.ensure_worker", lambda *_: False)
    since = (now() - timedelta(seconds=60)).isoformat()
    store.add_job(
        Job(
            id="job-1",
            project_id=example.id,
            kind="pipeline",
            stage="queries",
            state=JobState.RUNNING,
            total=100,
            done=40,
            usage=Usage(completions=12, prompt_tokens=900, completion_tokens=100, cost=0.5),
            result={"under_way": {"stage": "queries", "since": since, "from": 10}},
        )
    )
    page = run_page("admin/jobs.py")
    assert not page.exception
    (bar,) = page.get("progress")
    # 30 in 60 s: 30 a minute, and the 60 that are left take two more.
    assert re.search(r"Queries: 40 of 100, (29|30)\.\d a minute, about 2 min left", bar.proto.text)
    assert any("12 answers" in c.value and "000 tokens so far" in c.value for c in page.caption)
    assert any("$0\\.50" in caption.value for caption in page.caption)
