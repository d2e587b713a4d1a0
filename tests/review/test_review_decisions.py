"""Decisions, bulk decisions and taking them back; the store's own tests cover both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.review import (
    QueryFilter,
    SimilarQueries,
    coverage,
    decide,
    decide_all,
    impact,
    impact_words,
    queue,
    undo_last,
)
from distiller.schema.base import Status
from distiller.schema.domain import Domain
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path / 'review.db'}")


@pytest.fixture
def project_id(store: Store) -> str:
    project = store.create_project(Domain(name="tenancy"))
    store.add(
        project.id,
        [
            Concept(id="c1", term="Deposit", definition="money"),
            Concept(id="c2", term="Rent", definition="more money"),
            Query(id="q1", query="when must a deposit come back", key_concepts=["deposit"]),
            Query(id="q2", query="may my rent go up", key_concepts=["Rent"], type="eligibility"),
            Query(id="q3", query="when must my deposit come back", key_concepts=["Deposit"]),
        ],
    )
    return project.id


def test_the_queue_gives_each_query_once_and_ends(store: Store, project_id: str):
    seen = []
    while card := queue(store, project_id, QueryFilter()):
        assert (card.left, card.total) == (3 - len(seen), 3)
        seen.append(card.query.id)
        decide(store, project_id, card.query, "approve", who="ada")
    assert seen == ["q1", "q2", "q3"]


def test_what_was_skipped_comes_last_and_in_turn(store: Store, project_id: str):
    skipped = ["q2", "q1"]
    card = queue(store, project_id, QueryFilter(), skip=skipped)
    assert card
    assert card.query.id == "q3"
    decide(store, project_id, card.query, "flag", who="ada")
    card = queue(store, project_id, QueryFilter(), skip=skipped)
    assert card
    assert card.query.id == "q2"


def test_a_filter_narrows_the_queue(store: Store, project_id: str):
    card = queue(store, project_id, QueryFilter(type="eligibility"))
    assert card
    assert (card.query.id, card.left, card.total) == ("q2", 1, 1)
    assert queue(store, project_id, QueryFilter(status=Status.FLAGGED)) is None


def test_the_second_reviewer_of_the_same_card_is_told(store: Store, project_id: str):
    card = queue(store, project_id, QueryFilter())
    assert card
    decide(store, project_id, card.query, "approve", who="ada")
    with pytest.raises(Conflict):
        decide(store, project_id, card.query, "reject", who="bea")
    assert store.get(Query, card.query.id).status is Status.APPROVED


@pytest.mark.parametrize("action", ["delete", "", "APPROVED"])
def test_an_unlisted_action_changes_nothing(store: Store, project_id: str, action: str):
    with pytest.raises(InputError):
        decide(store, project_id, store.get(Query, "q1"), action, who="ada")
    with pytest.raises(InputError):
        decide_all(store, project_id, QueryFilter(), action, who="ada", expected=3)
    assert store.counts(project_id)["query"]["proposed"] == 3


def test_an_item_of_another_project_is_refused(store: Store, project_id: str):
    other = store.create_project(Domain(name="other"))
    with pytest.raises(NotFound):
        decide(store, other.id, store.get(Query, "q1"), "approve", who="ada")


def test_all_filtered_is_one_step_and_undone_as_one(store: Store, project_id: str):
    decide(store, project_id, store.get(Query, "q2"), "reject", who="ada")
    wanted = QueryFilter(status=Status.PROPOSED)
    decide_all(store, project_id, wanted, "approve", who="ada", expected=2)
    assert store.counts(project_id)["query"] == {
        "proposed": 0, "approved": 2, "rejected": 1, "flagged": 0,
    }  # fmt: skip
    undone = undo_last(store, project_id, "ada")
    assert (undone.count, undone.words) == (2, "Taken back: 2 queries approved")
    assert undo_last(store, project_id, "ada").words == "Taken back: 1 query rejected"
    assert store.counts(project_id)["query"]["proposed"] == 3
    with pytest.raises(NotFound):
        undo_last(store, project_id, "ada")


def test_all_filtered_is_refused_where_the_number_is_not_what_was_said(store, project_id: str):
    with pytest.raises(Conflict, match="3 items now, not 2"):
        decide_all(store, project_id, QueryFilter(), "approve", who="ada", expected=2)
    with pytest.raises(InputError):
        decide_all(store, project_id, QueryFilter(text="zzz"), "approve", who="ada", expected=0)
    assert store.counts(project_id)["query"]["proposed"] == 3


def test_undo_takes_back_ones_own_step_only(store: Store, project_id: str):
    decide(store, project_id, store.get(Query, "q1"), "approve", who="ada")
    decide(store, project_id, store.get(Query, "q2"), "approve", who="bea")
    undo_last(store, project_id, "ada")
    assert store.get(Query, "q1").status is Status.PROPOSED
    assert store.get(Query, "q2").status is Status.APPROVED


def test_impact_counts_what_the_edit_then_marks(store: Store, project_id: str):
    decide(store, project_id, store.get(Query, "q1"), "approve", who="ada")
    concept = store.get(Concept, "c1")
    told = impact(store, project_id, concept)
    assert (told.queries, told.approved) == (2, 1)
    store.edit(concept.model_copy(update={"definition": "other"}), who="ada")
    assert store.count(project_id, Query, where={"stale": True}) == told.queries


def test_what_is_told_is_what_is_marked_also_with_odd_white_space(store: Store, project_id: str):
    odd = Concept(id="c9", term="Notice  period", definition="time")
    spellings = ["notice period", "NOTICE\tPERIOD ", "Notice  period"]
    asked = [
        Query(id=f"n{number}", query=f"how long is it {number}", key_concepts=[term])
        for number, term in enumerate(spellings)
    ]
    judged = Judgment(id="j9", query_id="n0", passage_id="p9", grade=3)
    store.add(project_id, [odd, *asked, Passage(id="p9", text="Three months."), judged])
    told = impact(store, project_id, odd)
    assert (told.queries, told.approved, told.judgments) == (3, 0, 1)
    assert "3 queries rest on this, 0 of them approved, with 1 judgments" in impact_words(told)
    store.edit(odd.model_copy(update={"definition": "other"}), who="ada")
    assert store.count(project_id, Query, where={"stale": True}) == told.queries
    assert [one.id for one in store.judgments(project_id) if one.stale] == ["j9"]
    again = store.get(Concept, "c9")
    assert impact_words(impact(store, project_id, again)) == ""


def test_an_addition_is_taken_back_as_a_rejection_and_comes_again(store: Store, project_id: str):
    added = Concept(id="new", term="Sublet", definition="to let again")
    store.add(project_id, [added], by="ada")
    assert undo_last(store, project_id, "ada").words == "Taken back: 1 concept added"
    assert store.get(Concept, "new").status is Status.REJECTED
    step = store.steps(project_id, who="ada")[0]
    assert step.undone
    store.undo(project_id, store.events(project_id, "new")[-1].group)
    assert store.get(Concept, "new").status is Status.PROPOSED


def test_coverage_counts_by_concept_and_type_without_rejected(store: Store, project_id: str):
    decide(store, project_id, store.get(Query, "q3"), "reject", who="ada")
    found = coverage(store, project_id)
    assert found.types == ["eligibility", "factual"]
    assert {term: dict(found.counts[term]) for term in found.concepts} == {
        "Deposit": {"factual": 1},
        "Rent": {"eligibility": 1},
    }


def test_similar_queries_are_others_best_first(store: Store, project_id: str):
    index = SimilarQueries(store, project_id, "en")
    assert index.like("q1", store.get(Query, "q1").query)[0] == "q3"
    assert "q1" not in index.like("q1", store.get(Query, "q1").query)
