from __future__ import annotations

import pytest

from distiller.schema.base import Provenance, Status
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import Judgment, JudgmentSource, Origin, Passage, Query, Strategy
from distiller.store import Given, PairFilter, Store


@pytest.fixture
def filled(store: Store, project: Project) -> Project:
    passages = [Passage(id=f"p-{n}", text=f"Text {n}", origin=Origin.CORPUS) for n in range(5)]
    store.add(project.id, [Query(id="q-1", query="one"), Query(id="q-2", query="two"), *passages])
    return project


def mined(passage: int, explanation: str = "rank 1", query: str = "q-1") -> Judgment:
    return Judgment(
        id=f"j-{query}-{passage}-{explanation}",
        query_id=query,
        passage_id=f"p-{passage}",
        grade=0,
        strategy=Strategy.MINED,
        explanation=explanation,
        provenance=Provenance(source="corpus", model="bm25"),
    )


def taught(passage: int, score: float) -> Judgment:
    return Judgment(
        id=f"j-t-{passage}-{score}",
        query_id="q-1",
        passage_id=f"p-{passage}",
        grade=0,
        source=JudgmentSource.TEACHER,
        score=score,
    )


def test_what_is_there_is_rewritten_only_where_it_says_something_else(
    store: Store, filled: Project
) -> None:
    assert store.put_judgments(filled.id, [mined(0), mined(1)]) == (2, 0)
    assert store.put_judgments(filled.id, [mined(0), mined(1, "rank 9"), mined(2)]) == (1, 1)
    assert store.put_judgments(filled.id, [taught(0, 0.5)]) == (1, 0)
    assert store.put_judgments(filled.id, [taught(0, 0.7)]) == (0, 1)
    found = store.judgments(filled.id)
    assert [(one.passage_id, one.explanation, one.version) for one in found[:3]] == [
        ("p-0", "rank 1", 1),
        ("p-1", "rank 9", 2),
        ("p-2", "rank 1", 1),
    ]
    assert found[3].score == 0.7


def test_other_judgments_and_decided_ones_are_left_as_they_are(
    store: Store, filled: Project
) -> None:
    written = mined(0).model_copy(update={"strategy": Strategy.POSITIVE, "grade": 3})
    imported = mined(1).model_copy(update={"provenance": Provenance(source="import")})
    store.add(filled.id, [written, imported, mined(2)])
    store.set_status(filled.id, Judgment, [mined(2).id], Status.APPROVED, who="expert")
    before = store.judgments(filled.id)
    assert store.put_judgments(filled.id, [mined(n, "other") for n in range(3)]) == (0, 0)
    assert store.judgments(filled.id) == before
    for wrong in (written, imported):
        with pytest.raises(InputError, match="only mined negatives"):
            store.put_judgments(filled.id, [wrong])
    with pytest.raises(InputError):
        store.put_judgments(filled.id, [mined(3), mined(3, query="q-none")])
    assert store.judgments(filled.id) == before


def test_retired_negatives_are_stale_but_those_that_somebody_decided_about(
    store: Store, filled: Project
) -> None:
    store.put_judgments(filled.id, [*(mined(n) for n in range(5)), mined(0, query="q-2")])
    store.set_status(filled.id, Judgment, [mined(1).id], Status.APPROVED, who="expert")
    store.grade(filled.id, [Given("q-1", "p-2", grade=0)], who="expert")
    assert store.retire_mined(filled.id, ["q-1"], keep=[("q-1", "p-3")]) == 2
    stale = [one.id for one in store.judgments(filled.id) if one.stale]
    assert stale == [mined(0).id, mined(4).id]
    (event,) = store.events(filled.id, mined(0).id)
    assert (event.action, event.who) == ("stale", "mining")
    assert store.put_judgments(filled.id, [mined(0)]) == (0, 1)
    assert not store.get(Judgment, mined(0).id).stale


def test_a_grade_that_was_taken_back_does_not_protect(store: Store, filled: Project) -> None:
    store.put_judgments(filled.id, [mined(0)])
    step = store.grade(filled.id, [Given("q-1", "p-0", grade=0)], who="expert")
    store.undo(filled.id, step)
    assert store.retire_mined(filled.id, ["q-1"], keep=[]) == 1


def test_scores_of_pairs_that_are_not_taught_any_more_become_stale(
    store: Store, filled: Project
) -> None:
    store.put_judgments(filled.id, [taught(0, 0.5), taught(1, 0.6), mined(2)])
    assert store.retire_taught(filled.id, keep=[("q-1", "p-1")]) == 1
    assert [one.stale for one in store.judgments(filled.id)] == [True, False, False]
    assert store.put_judgments(filled.id, [taught(0, 0.5)]) == (0, 1)


def test_retired_negatives_do_not_wait_for_a_reviewer(store: Store, filled: Project) -> None:
    store.put_judgments(filled.id, [mined(n) for n in range(3)])
    store.grade(filled.id, [Given("q-1", "p-2", grade=0)], who="expert")
    store.retire_mined(filled.id, ["q-1"], keep=[("q-1", "p-0")])
    rows = store.pairs(filled.id, PairFilter(strategy=Strategy.MINED))
    assert {row.passage_id for row in rows} == {"p-0", "p-2"}
    assert store.count_pairs(filled.id, PairFilter(decided=False)) == 1
