"""Grading passages in a real Chromium: keys, undo after a reload, two reviewers, foreign text."""

from __future__ import annotations

import pytest
from app_probe import visit
from playwright.sync_api import Browser, Page, expect

from distiller.dataset import open_example
from distiller.schema.domain import Domain
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.store import Store

pytestmark = pytest.mark.browser
HOSTILE = "<script>document.title='x'</script> **bold** :red[r] $x^2$ [l](http://a.b) שלום 🏠"


def graded(store: Store, project_id: str) -> list[int]:
    given = store.judgments(project_id, sources=[JudgmentSource.REVIEWER])
    return [judgment.grade for judgment in given]


def pair_shown(page: Page) -> str:
    """The pair on the page, by its address; a card is there with its keys."""
    expect(page.get_by_role("button", name="Answers fully")).to_have_count(1)  # the old one is gone
    page.wait_for_function("new URL(location).searchParams.get('item')")
    return str(page.evaluate("new URL(location).searchParams.get('item')"))


def press_on(page: Page, key: str) -> str:
    """Press a key and wait for another pair."""
    before = pair_shown(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "before => new URL(location).searchParams.get('item') !== before", arg=before
    )
    return pair_shown(page)


def test_passages_are_graded_by_keys_and_undone_after_a_reload(
    chromium: Browser, address: str, store: Store
):
    project = open_example(store)
    page = visit(chromium, f"{address}/passages?project={project.name}&who=dan&written=negative")
    pairs = [pair_shown(page)]
    for number, key in enumerate("0y2", start=1):
        pairs.append(press_on(page, key))
        expect(page.get_by_text(f"{number} of 360 decided")).to_be_visible()
    assert sorted(graded(store, project.id)) == [0, 2, 3]
    assert press_on(page, "u") == pairs[2]
    page.reload()
    assert pair_shown(page) == pairs[2]
    assert press_on(page, "u") == pairs[1]
    assert graded(store, project.id) == [0]
    assert press_on(page, "s") == pairs[2]
    press_on(page, "4")
    expect(page.get_by_text("The passage before is rejected")).to_be_visible()
    assert store.counts(project.id)["passage"]["rejected"] == 1
    assert press_on(page, "u") == pairs[2]


def test_two_reviewers_of_a_passage_do_not_overwrite_each_other(
    chromium: Browser, address: str, store: Store
):
    project = open_example(store)
    link = f"{address}/passages?project={project.name}&written=positive"
    first, second = visit(chromium, f"{link}&who=eva"), visit(chromium, f"{link}&who=fin")
    assert pair_shown(first) == pair_shown(second)
    press_on(first, "3")
    second.keyboard.press("0")
    expect(second.get_by_text("Somebody else decided about this pair")).to_be_visible()
    assert not store.steps(project.id, who="fin")


def test_foreign_passages_are_text(chromium: Browser, address: str, store: Store):
    project = store.create_project(Domain(name="hostile passages"))
    about = {"query_id": "q", "explanation": HOSTILE}
    store.add(
        project.id,
        [
            Query(id="q", query=HOSTILE),
            Passage(id="p", text=HOSTILE, title=HOSTILE),
            Passage(id="n", text=f"{HOSTILE} {HOSTILE}"),
            Judgment(id="jp", passage_id="p", grade=3, **about),
            Judgment(id="jn", passage_id="n", grade=0, **about),
        ],
    )
    page = visit(chromium, f"{address}/passages?project={project.name}&item=jn")
    assert pair_shown(page) == "jn"
    assert page.locator("h3").first.inner_text() == HOSTILE
    expect(page.get_by_text(f"{HOSTILE} {HOSTILE}", exact=True)).to_be_visible()
    assert page.title() != "x"
