"""Two people on the same project at once: the second one sees the conflict and both texts."""

from __future__ import annotations

import pytest
from app_probe import Console, visit
from playwright.sync_api import Browser, Page, expect

from distiller.dataset import open_example
from distiller.schema.base import Item
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store

pytestmark = pytest.mark.browser


def opened(chromium: Browser, link: str, who: str, label: str, button: str | None) -> Page:
    page = visit(chromium, f"{link}&who={who}")
    if button:
        page.get_by_role("button", name=button, exact=False).first.click()
    expect(page.get_by_label(label, exact=True).first).to_be_visible()
    return page


@pytest.mark.parametrize(
    ("path", "kind", "label", "field", "button"),
    [
        ("knowledge?view=Concepts", Concept, "Definition", "definition", None),
        ("queries?mode=Table", Query, "Query", "query", None),
        ("passages?mode=Focus", Passage, "Passage", "text", "Edit"),
    ],
    ids=["knowledge", "queries", "passages"],
)
def test_the_second_to_save_sees_both_texts_and_overwrites_nothing(
    chromium: Browser,
    address: str,
    store: Store,
    path: str,
    kind: type[Item],
    label: str,
    field: str,
    button: str | None,
):
    project = open_example(store)
    item = store.items(project.id, kind, limit=1)[0]
    linked = item.id
    if kind is Passage:
        linked = store.judgments(project.id, passage_ids=[item.id])[0].id
        assert store.get(Judgment, linked, project_id=project.id).passage_id == item.id
    link = f"{address}/{path}&project={project.name}&item={linked}"
    first, second = (opened(chromium, link, who, label, button) for who in ("bea", "cem"))
    console = Console(second)
    for page, text in ((first, "what Bea wrote"), (second, "what Cem wrote")):
        page.get_by_label(label, exact=True).first.fill(text)
        page.get_by_role("button", name="Save").first.click()
        if page is first:
            expect(page.get_by_text("Saved").or_(page.get_by_text(text)).first).to_be_visible()
    expect(second.get_by_text("Somebody else changed this")).to_be_visible()
    for text in ("what Bea wrote", "what Cem wrote"):
        expect(second.get_by_test_id("stText").get_by_text(text, exact=True)).to_be_visible()
    stored = store.get(kind, item.id, project_id=project.id)
    assert getattr(stored, field) == "what Bea wrote"
    assert not store.steps(project.id, who="cem")
    assert console.errors == []
