"""Queues by value, by age and at random, with the reason why."""

from __future__ import annotations

import pytest

from distiller.dataset import check_project
from distiller.review import By, Order, PairFilter, QueryFilter, decide, pair_queue, queue
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.schema.knowledge import Concept
from distiller.schema.quality import Worth
from distiller.store import Store

JUDGE = JudgmentSource.JUDGE
TEXT = "Rule {0} of chapter{0} says that the tenant of house{0} owes rent{0} on the first day."
OTHER = "The owner of barn{0} has the roof{0} mended within week{0} at the latest."


@pytest.fixture
def project(store: Store) -> Project:
    project = store.create_project(Domain(name="rent"))
    for n in range(6):
        store.add(
            project.id,
            [
                Query(id=f"q{n}", query=f"when is rent{n} of house{n} due"),
                Passage(id=f"p{n}", text=TEXT.format(n)),
                Passage(id=f"n{n}", text=OTHER.format(n)),
                Judgment(id=f"jp{n}", query_id=f"q{n}", passage_id=f"p{n}", grade=3),
                Judgment(id=f"jn{n}", query_id=f"q{n}", passage_id=f"n{n}", grade=0),
            ],
        )
    return project


def judge(store: Store, project: Project, n: int, passage: str, grade: int, score: float) -> None:
    given = Judgment(
        id=f"{passage}{n}",
        query_id=f"q{n}",
        passage_id=f"{passage}{n}",
        grade=grade,
        source=JUDGE,
        score=score,
    )
    store.add(project.id, [given])


def queries(store: Store, project: Project, order: Order) -> list[str]:
    """All in the order in which a reviewer who skips each sees them."""
    seen: list[str] = []
    for _ in range(6):
        card = queue(store, project.id, QueryFilter(), skip=seen, order=order)
        assert card is not None
        seen.append(card.query.id)
    return seen


def test_what_is_worth_most_comes_first_with_its_reason(store: Store, project: Project) -> None:
    worths = [
        Worth(item_kind="query", item_id="q4", value=0.9, reason="unsure"),
        Worth(item_kind="query", item_id="q2", value=0.3, reason="odd"),
        Worth(item_kind="judgment", item_id="jn3", value=1.0, reason="overlooked"),
        Worth(item_kind="query", item_id="jn1", value=5.0, reason="another kind"),
    ]
    store.save_findings(project.id, [], worths=worths)
    assert queries(store, project, Order()) == ["q4", "q2", "q0", "q1", "q3", "q5"]
    card = queue(store, project.id, QueryFilter())
    assert card is not None
    assert (card.reason, card.left, card.total) == ("unsure", 6, 6)
    pair = pair_queue(store, project.id, PairFilter())
    assert pair is not None
    assert (pair.row.id, pair.reason, pair.left, pair.total) == ("jn3", "overlooked", 12, 12)
    decide(store, project.id, card.query, "approve", who="ada")
    after = queue(store, project.id, QueryFilter())
    assert after is not None
    assert after.query.id == "q2"


def test_by_age_nothing_else_counts(store: Store, project: Project) -> None:
    store.save_findings(
        project.id, [], worths=[Worth(item_kind="query", item_id="q4", value=1, reason="r")]
    )
    judge(store, project, 3, "n", 3, 0.9)
    assert queries(store, project, Order(By.AGE)) == [f"q{n}" for n in range(6)]
    card = queue(store, project.id, QueryFilter(), order=Order(By.AGE))
    pair = pair_queue(store, project.id, PairFilter(), order=Order(By.AGE))
    assert card is not None
    assert pair is not None
    assert (card.reason, pair.row.id, pair.reason) == ("", "jp0", "")


def test_a_random_order_stays_for_its_seed(store: Store, project: Project) -> None:
    orders = {tuple(queries(store, project, Order(By.RANDOM, seed))) for seed in range(8)}
    assert len(orders) >= 6
    assert all(set(order) == {f"q{n}" for n in range(6)} for order in orders)
    again = queries(store, project, Order(By.RANDOM, 3))
    assert again == queries(store, project, Order(By.RANDOM, 3))
    assert pair_queue(store, project.id, PairFilter(), order=Order(By.RANDOM)) is not None


def test_the_checks_say_what_a_look_is_worth(store: Store, project: Project) -> None:
    for n in range(6):
        judge(store, project, n, "p", 3, 0.9)
        judge(store, project, n, "n", 0, 0.1)
    store.add(project.id, [Concept(id="c", term="rent", definition="d")])
    edited = store.get(Query, "q5").model_copy(update={"key_concepts": ["Rent"]})
    store.edit_all(project.id, [edited], who="ada", reason="named")
    overlooked = store.get(Judgment, "n2").model_copy(update={"grade": 3, "score": 0.95})
    close = store.get(Judgment, "n4").model_copy(update={"grade": 1, "score": 0.8})
    store.edit_all(project.id, [overlooked, close], who="model", reason="again")
    check_project(store, project)
    pair = pair_queue(store, project.id, PairFilter())
    assert pair is not None
    assert pair.row.id == "jn2"
    assert pair.reason.startswith("likely an answer that was overlooked")
    second = pair_queue(store, project.id, PairFilter(), skip=["jn2"])
    assert second is not None
    assert (second.row.id, second.reason) == ("jn4", "the judge hardly tells it from an answer")
    card = queue(store, project.id, QueryFilter())
    assert card is not None
    assert (card.query.id, card.reason) == ("q5", "no query about “Rent” is approved yet")


def test_queues_can_be_narrowed_to_what_a_check_found(store: Store, project: Project) -> None:
    edited = store.get(Query, "q3").model_copy(update={"query": "rent"})
    store.edit_all(project.id, [edited], who="ada", reason="r")
    check_project(store, project)
    card = queue(store, project.id, QueryFilter(check="query_length"))
    assert card is not None
    assert (card.query.id, card.left, card.total) == ("q3", 1, 1)
    assert pair_queue(store, project.id, PairFilter(check="passage_form")) is None
