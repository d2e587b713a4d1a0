"""From the example to a measured model in a real Chromium, with the app killed on the way."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from app_probe import Console, free_port, start_app, stop_app, visit
from playwright.sync_api import Browser, Page, expect

from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.examples import Query
from distiller.schema.jobs import JobState
from distiller.schema.knowledge import Concept
from distiller.store import Store

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]
BUSY_MS = 180_000
"""For a page while a training has all cores."""


def ten_by_keyboard_and_one_back(page: Page, store: Store, project: Project) -> None:
    page.get_by_role("link", name="Queries", exact=True).click()
    page.get_by_role("button", name="Approve").wait_for()
    for key in "axaaxaafa1":
        before = page.locator("h3").first.inner_text()
        page.keyboard.press(key)
        expect(page.locator("h3").first).not_to_have_text(before)
    assert store.counts(project.id)["query"]["proposed"] == 110
    before = page.locator("h3").first.inner_text()
    page.keyboard.press("u")
    expect(page.locator("h3").first).not_to_have_text(before)
    assert store.counts(project.id)["query"] == {
        "proposed": 111, "approved": 6, "rejected": 2, "flagged": 1,
    }  # fmt: skip


def a_filter_is_approved_at_once(page: Page, store: Store, project: Project) -> None:
    waiting = store.count(project.id, Query, status=Status.PROPOSED, where={"type": "eligibility"})
    page.goto(f"{page.url.split('?')[0]}?project={project.name}&who=ada&mode=Table"
              "&type=eligibility&status=proposed")  # fmt: skip
    page.get_by_text(f"Decide about all {waiting:,} that the filters find").click()
    page.get_by_role("button", name=f"Approve: all {waiting:,} queries").click()
    page.get_by_text("No query is like that").wait_for()
    assert store.counts(project.id)["query"]["approved"] == 6 + waiting


def a_concept_is_edited_and_its_queries_become_stale(
    page: Page, store: Store, project: Project
) -> None:
    concept = max(
        store.items(project.id, Concept),
        key=lambda item: store.count(project.id, Query, concept=item.term, status=Status.APPROVED),
    )
    resting = store.resting(project.id, concept)
    assert resting.approved
    page.get_by_role("link", name="Knowledge", exact=True).click()
    page.get_by_text("Add to the concepts").wait_for()
    page.goto(f"{page.url.split('?')[0]}?project={project.name}&who=ada&item={concept.id}")
    page.get_by_text("they will be marked stale").wait_for()
    form = page.get_by_label("Definition").and_(page.locator(":visible")).first
    form.fill("Changed by an expert.")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved").wait_for()
    changed = store.get(Concept, concept.id, project_id=project.id)
    assert changed.definition == "Changed by an expert."
    assert store.count(project.id, Query, where={"stale": True}) == resting.queries


def test_example_to_model_survives_reload_and_kill_of_the_app(
    chromium: Browser, workspace: Path, store: Store
) -> None:
    port = free_port()
    app = start_app(workspace, port)
    page = visit(chromium, f"http://127.0.0.1:{port}/?who=ada")
    page.set_default_timeout(BUSY_MS)
    console = Console(page)
    page.get_by_role("button", name="Open the example").click()
    page.get_by_text("This field").wait_for()
    project = store.project("example-tenancy")
    ten_by_keyboard_and_one_back(page, store, project)
    a_filter_is_approved_at_once(page, store, project)
    a_concept_is_edited_and_its_queries_become_stale(page, store, project)
    page.get_by_role("link", name="Training", exact=True).click()
    page.get_by_role("button", name="Freeze the data as they are").click()
    page.get_by_text("How shall it be trained?").wait_for()
    page.get_by_text("Quick", exact=True).click()
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("Training: runs").first.wait_for(timeout=400_000)

    (job,) = store.jobs(project.id, kind="train")
    deadline = time.monotonic() + 400
    while store.job(job.id).done < 5 or store.job(job.id).stage != "train":
        assert time.monotonic() < deadline, store.job(job.id)
        time.sleep(0.2)
    page.reload()
    page.get_by_text("Training: runs").first.wait_for()
    assert console.errors == []
    stop_app(app, signal.SIGKILL)
    before = store.job(job.id).done
    app = start_app(workspace, port)
    page = visit(chromium, "about:blank")
    page.set_default_timeout(BUSY_MS)
    console = Console(page)
    page.goto(f"http://127.0.0.1:{port}/training?project={project.name}&who=ada")
    page.get_by_text("Earlier trainings").wait_for(timeout=600_000)
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
    expect(page.get_by_text("1.", exact=True).first).to_be_visible()
    assert console.errors == []
    stop_app(app)
