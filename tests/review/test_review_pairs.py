"""The queue of pairs, grades, bulk decisions and taking them back."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.review import (
    PairFilter,
    decide_all_pairs,
    decide_pairs,
    give_grade,
    impact,
    pair_after,
    pair_card,
    pair_queue,
    reject_passage,
    undo_last,
)
from distiller.schema.base import Status
from distiller.schema.domain import Domain
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.store import Store

ALL = PairFilter()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path / 'review.db'}")


@pytest.fixture
def project_id(store: Store) -> str:
    """One query with a positive and two negatives, the last of which answers after all."""
    project = store.create_project(Domain(name="tenancy"))
    query = Query(id="q", query="when must a deposit come back")
    grades = {"yes": 3, "no": 0, "hidden": 1}
    passages = [Passage(id=id_, text=f"Text of {id_}.") for id_ in grades]
    labels = [
        Judgment(
            id=f"j-{id_}",
            query_id="q",
            passage_id=id_,
            grade=grade,
            strategy=Strategy.POSITIVE if grade == 3 else Strategy.SCOPE_MISMATCH,
        )
        for id_, grade in grades.items()
    ]
    judge = Judgment(
        id="judge", query_id="q", passage_id="hidden", grade=2, source=JudgmentSource.JUDGE
    )
    store.add(project.id, [query, *passages, *labels, judge])
    return project.id


def test_likely_false_negatives_come_first_and_the_queue_ends(store: Store, project_id: str):
    seen = []
    while card := pair_queue(store, project_id, ALL):
        assert (card.left, card.total) == (3 - len(seen), 3)
        seen.append(card.passage.id)
        give_grade(store, project_id, card, 2, who="ada")
    assert seen == ["hidden", "yes", "no"]
    decided = pair_queue(store, project_id, PairFilter(decided=True))
    assert decided
    assert (decided.passage.id, decided.left) == ("hidden", 3)


def test_skipped_ones_come_last_and_in_turn(store: Store, project_id: str):
    skipped = ["j-yes", "j-hidden"]
    card = pair_queue(store, project_id, ALL, skip=skipped)
    assert card
    assert card.passage.id == "no"
    give_grade(store, project_id, card, 0, who="ada")
    card = pair_queue(store, project_id, ALL, skip=skipped)
    assert card
    assert card.passage.id == "yes"


def test_a_card_shows_what_answers_but_not_what_the_judge_says(store: Store, project_id: str):
    card = pair_card(store, project_id, "j-no")
    assert [(passage.id, grade) for passage, grade in card.positives] == [("yes", 3)]
    give_grade(store, project_id, pair_card(store, project_id, "j-hidden"), 2, who="ada")
    card = pair_card(store, project_id, "j-no")
    assert [passage.id for passage, _ in card.positives] == ["yes", "hidden"]
    reject_passage(store, project_id, pair_card(store, project_id, "j-yes"), who="ada")
    card = pair_card(store, project_id, "j-no")
    assert [passage.id for passage, _ in card.positives] == ["hidden"]


def test_a_grade_is_kept_with_its_reason_and_strategy(store: Store, project_id: str):
    card = pair_card(store, project_id, "j-no")
    give_grade(store, project_id, card, 1, who="ada", reason="names no term", seconds=4.0)
    card = pair_card(store, project_id, "j-no")
    assert card.graded
    assert (card.graded.grade, card.graded.explanation) == (1, "names no term")
    assert card.graded.strategy is Strategy.SCOPE_MISMATCH
    [event] = [e for e in store.events(project_id) if e.action == "grade"]
    assert (event.who, event.reason, event.seconds) == ("ada", "names no term", 4.0)


def test_undoing_a_first_grade_brings_the_pair_back(store: Store, project_id: str):
    card = pair_queue(store, project_id, ALL)
    assert card
    give_grade(store, project_id, card, 3, who="ada")
    undone = undo_last(store, project_id, "ada")
    assert undone.words == "Taken back: 1 passage graded"
    back = pair_queue(store, project_id, ALL)
    assert back
    assert (back.row.id, back.left, back.graded) == (card.row.id, 3, None)
    shown = pair_after(store, project_id, undone)
    assert shown
    assert pair_card(store, project_id, shown).row.id == card.row.id
    with pytest.raises(NotFound):
        undo_last(store, project_id, "ada")


def test_undoing_a_rejection_brings_the_passage_back(store: Store, project_id: str):
    card = pair_card(store, project_id, "j-no")
    reject_passage(store, project_id, card, who="ada", reason="wrong facts")
    assert store.get(Passage, "no").status is Status.REJECTED
    undone = undo_last(store, project_id, "ada")
    assert store.get(Passage, "no").status is Status.PROPOSED
    assert pair_after(store, project_id, undone) == "j-no"


def test_the_second_reviewer_of_the_same_card_is_told(store: Store, project_id: str):
    card = pair_queue(store, project_id, ALL)
    assert card
    give_grade(store, project_id, card, 3, who="ada")
    with pytest.raises(Conflict, match="somebody else"):
        give_grade(store, project_id, card, 0, who="bea")
    again = pair_card(store, project_id, card.row.id)
    assert again.graded
    assert (again.graded.grade, again.graded.provenance.editor) == (3, "ada")
    give_grade(store, project_id, again, 0, who="bea")
    assert undo_last(store, project_id, "bea").count == 1
    with pytest.raises(Conflict):
        reject_passage(
            store,
            project_id,
            card.__class__(
                card.row, card.query, card.passage.model_copy(update={"version": 9}), {}, []
            ),
            who="bea",
        )


def test_a_changed_passage_waits_again_without_the_old_grades(store: Store, project_id: str):
    card = pair_card(store, project_id, "j-hidden")
    give_grade(store, project_id, card, 3, who="ada")
    passage = store.get(Passage, "hidden")
    assert impact(store, project_id, passage).judgments == 3
    store.edit(passage.model_copy(update={"text": "Another text."}), who="ada")
    card = pair_card(store, project_id, "j-hidden")
    assert not card.row.decided
    assert card.judged is None
    give_grade(store, project_id, card, 0, who="ada")
    card = pair_card(store, project_id, "j-hidden")
    assert card.row.decided
    assert card.graded
    assert (card.graded.grade, card.graded.stale) == (0, False)


def test_all_filtered_agree_as_one_step(store: Store, project_id: str):
    wanted = PairFilter(positive=False)
    with pytest.raises(Conflict, match="2 passages now, not 3"):
        decide_all_pairs(store, project_id, wanted, "agree", who="ada", expected=3)
    decide_all_pairs(store, project_id, wanted, "agree", who="ada", expected=2)
    given = store.judgments(project_id, sources=[JudgmentSource.REVIEWER])
    assert {one.passage_id: one.grade for one in given} == {"no": 0, "hidden": 1}
    undone = undo_last(store, project_id, "ada")
    assert undone.words == "Taken back: 2 passages graded"
    assert pair_after(store, project_id, undone) is None
    assert store.judgments(project_id, sources=[JudgmentSource.REVIEWER]) == []


def test_rejecting_a_selection_is_one_step(store: Store, project_id: str):
    rows = store.pairs(project_id, PairFilter(positive=False))
    decide_pairs(store, project_id, rows, "reject", who="ada", reason="off topic")
    assert store.counts(project_id)["passage"]["rejected"] == 2
    undo_last(store, project_id, "ada")
    assert store.counts(project_id)["passage"]["rejected"] == 0


@pytest.mark.parametrize("action", ["agree", "reject"])
def test_a_selection_that_changed_since_it_was_shown_is_refused(store, project_id, action: str):
    rows = store.pairs(project_id, ALL)
    passage = store.get(Passage, "no")
    store.edit(passage.model_copy(update={"text": "Another text."}), who="bea")
    with pytest.raises(Conflict):
        decide_pairs(store, project_id, rows, action, who="ada")
    assert not store.steps(project_id, who="ada")


def test_what_nobody_wrote_as_anything_cannot_be_agreed_with(store: Store, project_id: str):
    store.add(project_id, [Passage(id="x", text="x")])
    judge = JudgmentSource.JUDGE
    store.add(project_id, [Judgment(id="jx", query_id="q", passage_id="x", grade=2, source=judge)])
    rows = [row for row in store.pairs(project_id, ALL) if row.passage_id == "x"]
    with pytest.raises(InputError, match="agree"):
        decide_pairs(store, project_id, rows, "agree", who="ada")


@pytest.mark.parametrize("action", ["approve", "", "AGREE"])
def test_an_unlisted_action_changes_nothing(store: Store, project_id: str, action: str):
    with pytest.raises(InputError):
        decide_all_pairs(store, project_id, ALL, action, who="ada", expected=3)
    with pytest.raises(InputError):
        give_grade(store, project_id, pair_card(store, project_id, "j-no"), 7, who="ada")
    assert not store.events(project_id)


def test_a_pair_of_another_project_is_refused(store: Store, project_id: str):
    other = store.create_project(Domain(name="other"))
    card = pair_card(store, project_id, "j-no")
    with pytest.raises(NotFound):
        pair_card(store, other.id, "j-no")
    with pytest.raises(NotFound):
        give_grade(store, other.id, card, 0, who="ada")
