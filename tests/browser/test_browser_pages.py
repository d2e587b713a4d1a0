"""Every page in a real Chromium, with something on it: console, width, accessibility, text."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import pytest
from app_probe import Console, until, visit
from furnished import furnished
from playwright.sync_api import Browser, Page, expect

from distiller.dataset import check_project
from distiller.schema.corpus import Document
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.jobs import Job, JobState
from distiller.schema.knowledge import Concept
from distiller.store import Store

pytestmark = pytest.mark.browser
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
STREAMLITS_OWN = {"list", "listitem"}
"""The sidebar's navigation nests its headings between list items; not ours to mend."""
PAGES = {
    "": "New project",
    "knowledge": "Add to the concepts",
    "knowledge?view=Facts": "Add to the facts",
    "knowledge?view=Graph": "The same as a table",
    "queries?mode=Focus": "Queries that look alike",
    "queries?mode=Table": "Open one query",
    "queries?mode=Coverage": "The same as a table",
    "queries?mode=Alike": "Duplicates teach nothing new",
    "passages?mode=Focus": "Where it comes from, and who did what",
    "passages?mode=Table": "Open one passage",
    "quality": "Variety and coverage",
    "training": "The numbers",
    "evaluation": "Collections of your own",
    "settings": "Hide the language model's grade",
    "jobs": "Before",
}
"""Address → words at the page's end."""
CUT_OFF = """() => [...document.querySelectorAll('[data-testid=stMain] *')]
    .filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1
      && !e.closest('[data-testid=stDataFrame], .js-plotly-plot'))
    .map(e => e.outerHTML.slice(0, 120))"""
HOSTILE = (
    "<img src=x onerror='window.ran=1'><script>window.ran=1</script> **hostile** :red[hostile] "
    "$x^2$ `hostile` [hostile](http://a.b) שלום 🏠"
)


@pytest.fixture(scope="module")
def project(store: Store) -> Project:
    return furnished(store)


def drawn(page: Page, address: str, path: str, project: Project, last: str) -> None:
    """The page, to its end."""
    sign = "&" if "?" in path else "?"
    page.goto(f"{address}/{path}{sign}project={project.name}&who=ada")
    page.get_by_text(last).first.wait_for()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


@pytest.mark.parametrize("path", PAGES)
def test_it_fits_at_both_widths_and_the_console_is_silent(
    chromium: Browser, address: str, project: Project, path: str
):
    page = visit(chromium, "about:blank")
    console = Console(page)
    for width in (800, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        drawn(page, address, path, project, PAGES[path])
        until(lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"), True)
        until(lambda: page.evaluate(CUT_OFF), [])
    assert console.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_serious_is_inaccessible(
    chromium: Browser, address: str, project: Project, scheme: str, path: str
):
    page = visit(chromium, "about:blank", color_scheme=scheme)
    drawn(page, address, path, project, PAGES[path])
    page.evaluate(AXE.read_text())
    serious = {
        violation["id"]: [node["html"][:200] for node in violation["nodes"]]
        for violation in page.evaluate("axe.run()")["violations"]
        if violation["impact"] in {"serious", "critical"}
    }
    assert {id_: nodes for id_, nodes in serious.items() if id_ not in STREAMLITS_OWN} == {}


@pytest.fixture(scope="module")
def hostile(store: Store) -> Project:
    project = store.create_project(
        Domain(name=HOSTILE, description=HOSTILE, audience=HOSTILE, example_queries=[HOSTILE]),
        "hostile-everywhere",
    )
    store.add(
        project.id,
        [
            Concept(id="c", term=HOSTILE, definition=HOSTILE, related_terms=[f"{HOSTILE} 2"]),
            Concept(id="d", term=f"{HOSTILE} 2", definition=HOSTILE),
            Query(id="q", query=HOSTILE, type=HOSTILE, key_concepts=[HOSTILE], persona=HOSTILE),
            Passage(id="p", text=HOSTILE, title=HOSTILE),
            Passage(id="n", text=f"{HOSTILE} 2", title=HOSTILE),
            Judgment(id="jp", query_id="q", passage_id="p", grade=3, explanation=HOSTILE),
            Judgment(id="jn", query_id="q", passage_id="n", grade=0, explanation=HOSTILE),
        ],
    )
    about = {"project_id": project.id, "state": JobState.FAILED, "message": HOSTILE}
    plan = {"plan": {"preset": HOSTILE}}
    metrics = [{"step": 1, "loss": 1.0}]
    store.add_job(Job(id="h1", kind="train", parameters=plan, metrics=metrics, **about))
    store.add_job(Job(id="h2", kind=HOSTILE, stage=HOSTILE, **about))
    named = {"id": "d-1", "digest": "1", "format": "txt", "characters": 0}
    store.add_document(project.id, Document(name=HOSTILE, problem=HOSTILE, **named))
    check_project(store, project)
    return project


@pytest.mark.parametrize("path", PAGES)
def test_foreign_text_is_text(chromium: Browser, address: str, hostile: Project, path: str):
    page = visit(chromium, "about:blank")
    console = Console(page)
    last = PAGES[path] if path != "training" else "Earlier trainings"
    last = "Measure" if path == "evaluation" else last
    drawn(page, address, path, hostile, last)
    assert page.evaluate("window.ran") is None
    for made in ("strong", "code", "a", "span[style*=color]", ".katex"):
        named = page.locator("[data-testid=stMain]").locator(made)
        found = [text for text in named.all_inner_texts() if text.strip() in {"hostile", "x2"}]
        assert found == [], made
    assert console.errors == []
