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
    ("view", "count"), [("Concepts", 25), ("Relationships", 12), ("Questions", 25), ("Facts", 25)]
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
    test = run_page(PAGE, size="50")
    field(test.checkbox, "All 50 shown here").check().run()
    press(test, "Approve")
    assert store.counts(example.id)["concept"]["approved"] == 50
    press(test, "Undo my last step")
    assert not test.exception
    assert store.counts(example.id)["concept"]["approved"] == 0


def test_all_that_the_filters_find_are_decided_beyond_the_page(run_page, store, example: Project):
    test = run_page(PAGE, text="rent")
    found = store.count(example.id, Concept, text="rent")
    press(test, f"Approve: all {found} concepts")
    assert not test.exception
    approved = store.items(example.id, Concept, status=Status.APPROVED)
    assert len(approved) == found > 1
    assert all("rent" in concept.term.lower() for concept in approved)
    test = run_page(PAGE)
    field(test.radio, "Decision").set_value("reject").run()
    press(test, "Reject: all 60 concepts")
    assert store.counts(example.id)["concept"]["rejected"] == 60
    press(test, "Undo my last step")
    assert store.counts(example.id)["concept"]["approved"] == found


def test_a_number_that_changed_meanwhile_decides_nothing(run_page, store, example: Project):
    test = run_page(PAGE)
    store.add(example.id, [Concept(id="new", term="one more", definition="d")])
    press(test, "Approve: all 60 concepts")
    assert "look again" in test.error[0].value
    assert store.counts(example.id)["concept"]["approved"] == 0


def test_an_added_item_can_be_taken_back_and_is_not_lost(run_page, store: Store):
    project = store.create_project(Domain(name="empty"))
    test = run_page(PAGE)
    field(test.text_area, "Definition").set_value("money")
    press(test, "Add")
    assert "Term is missing" in test.error[0].value
    assert field(test.text_area, "Definition").value == "money"
    field(test.text_area, "Term").set_value("deposit")
    press(test, "Add")
    assert field(test.text_area, "Term").value == ""
    press(test, "Undo my last step")
    assert not test.exception
    [concept] = store.items(project.id, Concept)
    assert concept.status is Status.REJECTED
    assert [event.action for event in store.events(project.id)] == ["add", "undo"]


def test_filters_page_and_item_stand_in_the_address(run_page, store: Store, example: Project):
    test = run_page(PAGE, page="3", status="proposed")
    assert len(test.dataframe[0].value) == 10
    shown = test.dataframe[0].value.index[0]
    first = store.items(example.id, Concept, limit=1)[0].id
    test = run_page(PAGE, page="3", item=first)
    assert field(test.selectbox, "Open one of the concepts").value == first != shown
    for forged in ({"page": "9999999999"}, {"page": "-1"}, {"page": "x"}, {"size": "7"}):
        test = run_page(PAGE, status="owned", view="<b>", **forged)
        assert not test.exception
        assert len(test.dataframe[0].value) == 25


def test_another_projects_concept_is_not_opened(run_page, store: Store, example: Project):
    other = store.create_project(Domain(name="other"))
    store.add(other.id, [Concept(id="foreign", term="secret of another", definition="d")])
    test = run_page(PAGE, project=example.name, item="foreign")
    assert not test.exception
    assert "has no such item" in test.error[0].value
    assert all("secret of another" not in area.value for area in test.text_area)


def test_an_edit_says_before_what_it_makes_stale(run_page, store: Store, example: Project):
    [concept] = store.items(example.id, Concept, limit=1)
    test = opened(run_page(PAGE), "concepts", concept.id)
    resting = store.count(example.id, Query, concept=concept.term)
    assert test.warning[0].value.startswith(f"{resting} quer")
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
    assert len(test.dataframe[0].value) == 25
    test = run_page(PAGE, view="Graph")
    assert "150 of 4,999 concepts" in " ".join(c.value for c in test.caption)
