"""The Queries page."""

from __future__ import annotations

import pytest

from distiller.schema.base import Provenance, SourceSpan, Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Origin, Passage, Query
from distiller.store import Store

PAGE = "curate/queries.py"


def press(test, label: str):
    button = next(b for b in test.button if b.label == label)
    return button.click().run()


def shown(test) -> str:
    return test.subheader[0].value


def test_without_a_project_it_says_how_to_begin(run_page):
    test = run_page(PAGE)
    assert not test.exception
    assert "no project yet" in test.info[0].value


def test_without_queries_it_says_what_they_are(run_page, store: Store):
    store.create_project(Domain(name="empty"))
    test = run_page(PAGE)
    assert not test.exception
    assert "No query is written yet" in test.info[0].value


def test_decisions_go_to_the_next_card_and_undo_comes_back(run_page, store, example: Project):
    test = run_page(PAGE)
    assert not test.exception
    first = shown(test)
    press(test, "Approve")
    assert shown(test) != first
    assert store.counts(example.id)["query"]["approved"] == 1
    press(test, "too vague")
    [event] = [e for e in store.events(example.id) if e.action == "reject"]
    assert (event.who, event.reason) == ("ada", "too vague")
    assert event.seconds is not None
    press(test, "Undo")
    press(test, "Undo")
    assert store.counts(example.id)["query"]["proposed"] == 120
    assert shown(test) == first


def test_undo_works_in_a_new_session(run_page, store: Store, example: Project):
    press(run_page(PAGE), "Reject")
    press(run_page(PAGE), "Undo")
    assert store.counts(example.id)["query"]["proposed"] == 120


def test_another_reviewers_decision_is_not_overwritten(run_page, store: Store, example: Project):
    test = run_page(PAGE)
    [query] = store.items(example.id, Query, limit=1)
    store.set_status(example.id, Query, [query.id], Status.REJECTED, who="bea")
    press(test, "Approve")
    assert "Somebody else" in test.warning[0].value
    assert store.get(Query, query.id).status is Status.REJECTED


def test_filters_stand_in_the_address(run_page, example: Project):
    test = run_page(PAGE, mode="Table", type="scenario", text="rent")
    assert not test.exception
    frame = test.dataframe[0].value
    assert set(frame["Type"]) == {"scenario"}
    assert frame["Query"].str.contains("rent", case=False).all()


def test_forged_filters_are_ignored(run_page, example: Project):
    test = run_page(PAGE, mode="Nothing", type="<b>", status="owned")
    assert not test.exception
    assert test.subheader


def test_all_filtered_are_decided_as_one_step(run_page, store: Store, example: Project):
    test = run_page(PAGE, mode="Table", type="eligibility")
    press(test, "Approve: all 19 queries")
    assert not test.exception
    assert store.counts(example.id)["query"]["approved"] == 19
    [step] = store.steps(example.id, who="ada")
    assert step.count == 19


def test_a_number_that_changed_meanwhile_decides_nothing(run_page, store, example: Project):
    test = run_page(PAGE, mode="Table", text="deposit")
    label = next(b.label for b in test.button if b.label.startswith("Approve: all"))
    store.add(example.id, [Query(id="new", query="one more about a deposit")])
    press(test, label)
    assert "look again" in test.error[0].value
    assert store.counts(example.id)["query"]["approved"] == 0


def test_an_edit_is_kept_with_its_history(run_page, store: Store, example: Project):
    [query] = store.items(example.id, Query, limit=1)
    test = run_page(PAGE, item=query.id)
    area = next(area for area in test.text_area if area.label == "Query")
    area.set_value("what may a deposit be at most")
    press(test, "Save")
    assert not test.exception
    assert store.get(Query, query.id).query == "what may a deposit be at most"


def test_the_second_editor_sees_both_texts(run_page, store: Store, example: Project):
    [query] = store.items(example.id, Query, limit=1)
    test = run_page(PAGE, item=query.id)
    store.edit(query.model_copy(update={"query": "theirs"}), who="bea")
    area = next(area for area in test.text_area if area.label == "Query")
    area.set_value("mine")
    press(test, "Save")
    texts = {text.value for text in test.text}
    assert {"mine", "theirs"} <= texts
    assert store.get(Query, query.id).query == "theirs"


def test_a_query_of_another_project_is_refused(run_page, store: Store, example: Project):
    other = store.create_project(Domain(name="other"))
    store.add(other.id, [Query(id="foreign", query="of another project")])
    test = run_page(PAGE, project=example.name, item="foreign")
    assert not test.exception
    assert any("foreign" in error.value for error in test.error)
    assert all("of another project" not in text.value for text in [*test.text, *test.subheader])


def test_coverage_names_bare_concepts_and_has_a_table(run_page, example: Project):
    test = run_page(PAGE, mode="Coverage")
    assert not test.exception
    assert "Each of the 60 concepts has a query" in " ".join(m.value for m in test.markdown)
    assert len(test.dataframe[0].value) == 40


def test_coverage_shows_what_documents_are_about(run_page, store: Store):
    project = store.create_project(Domain(name="documents"))
    texts = [
        "The deposit is returned two months after the tenant has left, less repairs and with "
        f"interest, to account number {n} of the tenant who paid it."
        for n in range(6)
    ]
    span = SourceSpan(document="lease", start=0, end=9)
    store.add(
        project.id,
        [
            Passage(
                id=f"p{n}",
                text=text,
                origin=Origin.CORPUS,
                provenance=Provenance(source="corpus", span=span),
            )
            for n, text in enumerate(texts)
        ],
    )
    store.add(project.id, [Query(id="q", query="when is a deposit due")])
    test = run_page(PAGE, mode="Coverage", project=project.name)
    assert not test.exception
    assert not test.dataframe
    test.toggle[0].set_value(True).run()
    assert not test.exception
    [frame] = [table.value for table in test.dataframe]
    assert frame["Passages"].sum() == 6
    assert frame["Queries"].sum() == 0
    assert "have no query yet; new ones begin there" in " ".join(m.value for m in test.markdown)


@pytest.mark.parametrize("mode", ["Focus", "Table", "Coverage"])
def test_ten_thousand_queries_are_a_page_at_a_time(run_page, store: Store, mode: str):
    project = store.create_project(Domain(name="large"))
    store.add(
        project.id,
        [Query(id=f"q{n}", query=f"query number {n} <b>x</b>") for n in range(10_000)],
    )
    test = run_page(PAGE, mode=mode)
    assert not test.exception
    if mode == "Table":
        assert len(test.dataframe[0].value) == 25
