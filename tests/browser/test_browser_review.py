"""The app in a real Chromium: reviewing by keyboard, two reviewers, reloads, foreign text."""

from __future__ import annotations

import pytest
from app_probe import visit
from playwright.sync_api import Browser, Page, expect

from distiller.dataset import open_example
from distiller.schema.domain import Domain
from distiller.schema.examples import Query
from distiller.store import Store

pytestmark = pytest.mark.browser
HOSTILE = (
    "<script>document.title='x'</script> **bold** :red[r] :tada: $x^2$ `c` [l](http://a.b) "
    "-> שלום 🏠"
)


def card(page: Page) -> str:
    expect(page.get_by_role("button", name="Approve")).to_have_count(1)  # the old one is gone
    return page.locator("h3").first.inner_text()


def press(page: Page, key: str) -> str:
    before = card(page)
    page.keyboard.press(key)
    expect(page.locator("h3").first).not_to_have_text(before)
    return card(page)


def test_a_link_to_a_page_opens_on_a_server_that_nobody_visited(chromium: Browser, address: str):
    page = visit(chromium, f"{address}/queries?who=ada")
    expect(page.get_by_text("There is no project yet")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_from_the_example_to_ten_decisions_undo_and_reload(
    chromium: Browser, address: str, store: Store
):
    page = visit(chromium, f"{address}/?who=ada")
    page.get_by_role("button", name="Open the example").click()
    page.get_by_text("This field").wait_for()
    page.get_by_role("link", name="Queries", exact=True).click()
    for key in "axaxaxaxa1":
        last = press(page, key)
    project = store.project("example-tenancy")
    assert store.counts(project.id)["query"] == {
        "proposed": 110, "approved": 5, "rejected": 5, "flagged": 0,
    }  # fmt: skip
    undone = press(page, "u")
    assert store.counts(project.id)["query"]["proposed"] == 111
    page.reload()
    assert card(page) == undone != last
    press(page, "u")
    assert store.counts(project.id)["query"]["proposed"] == 112
    assert {event.who for event in store.events(project.id) if event.action == "undo"} == {"ada"}


def test_two_reviewers_do_not_overwrite_each_other(chromium: Browser, address: str, store: Store):
    project = open_example(store)
    link = f"{address}/queries?project={project.name}"
    first, second = visit(chromium, f"{link}&who=bea"), visit(chromium, f"{link}&who=cem")
    assert card(first) == card(second)
    press(first, "f")
    second.keyboard.press("a")
    expect(second.get_by_text("Somebody else changed that query")).to_be_visible()
    assert store.counts(project.id)["query"]["flagged"] == 1
    assert not store.steps(project.id, who="cem")


def test_a_deep_link_opens_cold_and_foreign_text_is_text(
    chromium: Browser, address: str, store: Store
):
    project = store.create_project(Domain(name="hostile <b>field</b>"))
    store.add(project.id, [Query(id="q1", query=HOSTILE, key_concepts=[HOSTILE], type=HOSTILE)])
    page = visit(chromium, f"{address}/queries?project={project.name}&mode=Focus")
    shown = card(page).replace("\u200b", "")
    assert shown == HOSTILE
    assert page.title() != "x"
    page.goto(f"{address}/queries?project={project.name}&item=q1")
    expect(page.get_by_label("Query", exact=True)).to_have_value(HOSTILE)
