"""Queries edited in the cells of the table, in a real Chromium: the grid is a canvas."""

from __future__ import annotations

import pytest
from app_probe import until, visit
from playwright.sync_api import Browser, Page, expect

from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Complexity, Query
from distiller.store import Store

pytestmark = pytest.mark.browser
ROW_PX, TOP_PX = 35, 53
"""Of the grid: a row's height, and the middle of its first row."""
COLUMNS_PX = {"Query": 100, "Type": 515}


@pytest.fixture
def project(store: Store, request: pytest.FixtureRequest) -> Project:
    made = store.create_project(Domain(name=request.node.name))
    store.add(made.id, [Query(id=f"q{n}", query=f"query {n:02}", type="rule") for n in range(60)])
    return made


def opened(chromium: Browser, address: str, project: Project, more: str = "") -> Page:
    page = visit(chromium, f"{address}/queries?project={project.name}&who=ada&mode=Table{more}")
    page.get_by_text("Edit in the table").click()
    page.get_by_text("the judgments of its passages become stale").wait_for()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_text("0 selected:")).to_have_count(0)
    return page


def write(page: Page, row: int, column: str, text: str) -> None:
    """Type into a cell, as people do: two clicks, the words, Enter."""
    grid = page.get_by_test_id("stDataFrame")
    expect(grid).to_have_count(1)  # the one before is gone
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + COLUMNS_PX[column], box["y"] + TOP_PX + ROW_PX * row)
    field = page.locator("#portal textarea, #portal input").first
    field.fill(text)
    page.keyboard.press("Enter")


def test_cells_are_written_to_the_rows_that_were_shown(
    chromium: Browser, address: str, store: Store, project: Project
):
    page = opened(chromium, address, project)
    # Fast, one after the other: the second must not be lost while the first is being written.
    write(page, 0, "Query", "first")
    write(page, 1, "Query", "second")
    until(lambda: store.get(Query, "q1", project_id=project.id).query, "second")
    assert store.get(Query, "q0", project_id=project.id).query == "first"
    write(page, 1, "Type", "deadline")
    until(lambda: store.get(Query, "q1", project_id=project.id).type, "deadline")

    # What is changed on page 2 goes to the rows of page 2, and page 1 stays as it was.
    number = page.get_by_label("Page, of 3")
    number.fill("2")
    number.press("Enter")
    page.wait_for_url("**page=2**")
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(500)
    write(page, 0, "Query", "of the second page")
    until(lambda: store.get(Query, "q25", project_id=project.id).query, "of the second page")
    assert store.get(Query, "q0", project_id=project.id).query == "first"
    assert len(store.steps(project.id, who="ada")) == 4

    page.get_by_role("button", name="Undo my last step").click()
    until(lambda: store.get(Query, "q25", project_id=project.id).query, "query 25")
    page.reload()
    expect(page.get_by_label("Page, of 3")).to_have_value("2")


def test_a_cell_that_another_changed_shows_both_texts(
    chromium: Browser, address: str, store: Store, project: Project
):
    page = opened(chromium, address, project)
    theirs = store.get(Query, "q2", project_id=project.id)
    store.edit(theirs.model_copy(update={"query": "theirs"}), who="bea", project_id=project.id)
    write(page, 2, "Query", "mine")
    expect(page.get_by_text("Somebody else changed that query meanwhile")).to_be_visible()
    for text in ("mine", "theirs"):
        expect(page.get_by_test_id("stText").get_by_text(text, exact=True)).to_be_visible()
    stored = store.get(Query, "q2", project_id=project.id)
    assert (stored.query, stored.status) == ("theirs", Status.PROPOSED)
    assert stored.complexity in Complexity
