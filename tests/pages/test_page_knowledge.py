"""The Knowledge page."""

from __future__ import annotations

import pytest

from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Query
from distiller.schema.knowledge import Concept
from distiller.store import Store

PAGE = "define/knowledge.py"
HOSTILE = "<script>x</script> **b** :red[r] שלום 🏠"


def press(test, label: str):
    button = next(b for b in test.button if b.label == label)
    return button.click().run()


def field(elements, label: str):
    return next(element for element in elements if element.label == label)


def opened(test, title: str, id_: str):
    return field(test.selectbox, f"Open one of the {title}").set_value(id_).run()


def test_an_empty_project_says_so_and_takes_what_is_added(run_page, store: Store):
    project = store.create_project(Domain(name="empty"))
    test = run_page(PAGE)
    assert not test.exception
    assert test.info
    field(test.text_area, "Term").set_value(HOSTILE)
    field(test.text_area, "Definition").set_value(HOSTILE)
    field(test.text_area, "Related terms, one per line").set_value("a\n\nb")
    press(test, "Add")
    assert not test.exception
    [concept] = store.items(project.id, Concept)
    assert (concept.term, concept.related_terms) == (HOSTILE, ["a", "b"])
    assert concept.provenance.editor == "ada"


def test_what_is_missing_is_said_and_nothing_is_added(run_page, store: Store):
    project = store.create_project(Domain(name="empty"))
    test = press(run_page(PAGE), "Add")
    assert "Term is missing" in test.error[0].value
    assert not store.items(project.id, Concept)


@pytest.mark.parametrize(
    ("view", "count"), [("Concepts", 50), ("Relationships", 12), ("Questions", 25), ("Facts", 25)]
)
def test_the_example_is_shown(run_page, example: Project, view: str, count: int):
    test = run_page(PAGE, view=view)
    assert not test.exception
    assert len(test.dataframe[0].value) == count


def test_the_graph_has_a_table(run_page, example: Project):
    test = run_page(PAGE, view="Graph")
    assert not test.exception
    assert len(test.dataframe[0].value) == 60


def test_all_shown_are_decided_and_undone_as_one_step(run_page, store, example: Project):
    test = run_page(PAGE)
    field(test.checkbox, "All 50 shown here (of 60)").check().run()
    press(test, "Approve")
    assert store.counts(example.id)["concept"]["approved"] == 50
    press(test, "Undo my last step")
    assert not test.exception
    assert store.counts(example.id)["concept"]["approved"] == 0


def test_an_edit_says_before_what_it_makes_stale(run_page, store: Store, example: Project):
    [concept] = store.items(example.id, Concept, limit=1)
    test = opened(run_page(PAGE), "concepts", concept.id)
    resting = store.count(example.id, Query, concept=concept.term)
    assert test.warning[0].value.startswith(f"{resting} queries rest on this")
    areas = [area for area in test.text_area if area.label == "Definition"]
    areas[0].set_value("another definition")
    press(test, "Save")
    assert not test.exception
    assert store.get(Concept, concept.id).definition == "another definition"
    assert store.count(example.id, Query, where={"stale": True}) == resting > 0


def test_the_second_editor_sees_both_texts(run_page, store: Store, example: Project):
    [concept] = store.items(example.id, Concept, limit=1)
    test = opened(run_page(PAGE), "concepts", concept.id)
    store.edit(concept.model_copy(update={"example": "theirs"}), who="bea")
    next(area for area in test.text_area if area.label == "Example").set_value("mine")
    press(test, "Save")
    assert {"mine", "theirs"} <= {text.value for text in test.text}
    assert store.get(Concept, concept.id).example == "theirs"


def test_five_thousand_concepts_are_a_page_at_a_time(run_page, store: Store):
    project = store.create_project(Domain(name="large"))
    store.add(
        project.id,
        [
            Concept(id=f"c{n}", term=f"term {n}", definition="d", related_terms=[f"term {n + 1}"])
            for n in range(5_000)
        ],
    )
    store.set_status(project.id, Concept, ["c1"], Status.REJECTED, who="bea")
    test = run_page(PAGE)
    assert not test.exception
    assert len(test.dataframe[0].value) == 50
    test = run_page(PAGE, view="Graph")
    assert "150 of 4,999 concepts" in " ".join(c.value for c in test.caption)
