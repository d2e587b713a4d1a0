"""A report in a real Chromium: a query chosen by mouse or keyboard shows both rankings."""

from __future__ import annotations

import re

import pytest
from app_probe import visit
from playwright.sync_api import Browser, Page, expect

from distiller.dataset import freeze, open_example
from distiller.evaluate import evaluate, held_out
from distiller.evaluate.reading import differences
from distiller.retrieve import BM25
from distiller.schema.domain import Project
from distiller.schema.retrieval import EvaluationReport
from distiller.store import Store

pytestmark = pytest.mark.browser
AXIS_TITLES = ["Model", "nDCG@10, points of 100"]


@pytest.fixture(scope="module")
def project(store: Store) -> Project:
    return open_example(store)


@pytest.fixture(scope="module")
def report(store: Store, project: Project) -> EvaluationReport:
    collection = held_out(freeze(store, project))
    ranked = [BM25(collection.corpus, "en", "stemmed"), BM25(collection.corpus, "ja", "whole")]
    return store.save_report(project.id, evaluate(ranked, collection))


def both_rankings(page: Page, report: EvaluationReport, query_id: str) -> None:
    for system in report.systems:
        best, score = system.rankings[query_id][0]
        expect(page.get_by_text(f"{best}, score {score:.2f}")).to_be_visible()
    expect(page).to_have_url(re.compile(f"query={query_id}"))


def test_a_row_or_its_words_show_both_rankings(
    chromium: Browser, address: str, project: Project, report: EvaluationReport
) -> None:
    page = visit(chromium, f"{address}/evaluation?project={project.name}&who=ada")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    expect(page.get_by_text("whole against stemmed")).to_be_visible()
    for title in AXIS_TITLES:
        expect(page.locator("svg text", has_text=title).first).to_be_visible()
    found = differences(report, "stemmed", "whole")
    grid = page.locator("[data-testid=stDataFrame]").filter(has_text="Difference").last
    grid.scroll_into_view_if_needed()
    grid.locator(".dvn-scroller").click(position={"x": 16, "y": 52})  # it lies over the canvas
    both_rankings(page, report, found[0].query_id)

    other = found[-1]
    box = page.get_by_role("combobox", name="Open one query")
    box.focus()
    page.keyboard.type(other.query[:20])
    page.keyboard.press("Enter")
    both_rankings(page, report, other.query_id)
    page.reload()
    both_rankings(page, report, other.query_id)
    assert not errors


@pytest.mark.parametrize("width", [800, 1280])
def test_the_page_does_not_scroll_sideways(
    chromium: Browser, address: str, project: Project, report: EvaluationReport, width: int
) -> None:
    chosen = next(iter(report.shown))
    page = visit(chromium, f"{address}/evaluation?project={project.name}&query={chosen}")
    page.set_viewport_size({"width": width, "height": 900})
    both_rankings(page, report, chosen)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
