"""From the example to a measured model in a real Chromium, with the app killed on the way."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from app_probe import free_port, start_app, stop_app, visit
from playwright.sync_api import Browser, expect

from distiller.schema.jobs import JobState
from distiller.store import Store

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
STREAMLITS_PROBES = ("_stcore/health", "_stcore/host-config")
"""Streamlit looks for its base path below a page's address first; those answers are 404."""


def test_example_to_model_survives_reload_and_kill_of_the_app(
    chromium: Browser, workspace: Path, store: Store
) -> None:
    port = free_port()
    app = start_app(workspace, port)
    page = visit(chromium, f"http://127.0.0.1:{port}/?who=ada")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("button", name="Open the example").click()
    page.get_by_text("This field").wait_for()
    page.get_by_role("link", name="Queries", exact=True).click()
    page.get_by_role("button", name="Approve").wait_for()
    page.get_by_role("link", name="Training", exact=True).click()
    page.get_by_role("button", name="Freeze the data as they are").click()
    page.get_by_text("How shall it be trained?").wait_for()
    page.get_by_text("Quick", exact=True).click()
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("Training: runs").first.wait_for(timeout=60_000)

    project = store.project("example-tenancy")
    (job,) = store.jobs(project.id)
    deadline = time.monotonic() + 240
    while store.job(job.id).done < 5 or store.job(job.id).stage != "train":
        assert time.monotonic() < deadline, store.job(job.id)
        time.sleep(0.2)
    page.reload()
    page.get_by_text("Training: runs").first.wait_for()
    stop_app(app, signal.SIGKILL)
    before = store.job(job.id).done
    app = start_app(workspace, port)
    page.goto(f"http://127.0.0.1:{port}/training?project={project.name}&who=ada")
    page.get_by_text("Earlier trainings").wait_for(timeout=300_000)
    done = store.job(job.id)
    assert (done.state, done.attempts) == (JobState.DONE, 1), done.message
    assert done.done >= before or done.stage != "train"
    page.get_by_role("link", name="See whether it searches better").click()
    page.get_by_text("Query by query").wait_for()
    expect(page.get_by_text("tuned against bm25")).to_be_visible()
    report = store.report(store.reports(project.id)[0].id)
    hardest = next(iter(report.shown))
    address = f"http://127.0.0.1:{port}/evaluation?project={project.name}&query={hardest}"
    page.goto(address)
    expect(page.get_by_text("1. ").first).to_be_visible()
    assert not errors
    stop_app(app)
