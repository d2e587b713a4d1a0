"""Each check fails exactly what it should, and the summary adds up."""

from __future__ import annotations

import pytest

from distiller.dataset import validate
from distiller.quality import Pair
from distiller.schema.base import Provenance, Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.store import Store

GENERATOR, JUDGE = JudgmentSource.GENERATOR, JudgmentSource.JUDGE


def pair(
    intended: int, judged: int | None = None, *, origin: str = "model", text: str = "text"
) -> Pair:
    def one(source: JudgmentSource, grade: int) -> Judgment:
        return Judgment(
            id=f"j-{source}",
            query_id="q",
            passage_id="p",
            grade=grade,
            source=source,
            provenance=Provenance(source=origin),
        )

    judgments = {GENERATOR: one(GENERATOR, intended)}
    if judged is not None:
        judgments[JUDGE] = one(JUDGE, judged)
    return Pair(Query(id="q", query="query"), Passage(id="p", text=text), judgments)


@pytest.mark.parametrize(
    ("given", "judged", "disagreement"),
    [
        (pair(3), False, None),
        (pair(3, origin="import"), True, None),
        (pair(3, 2), True, None),
        (pair(3, 1), True, "positive_not_confirmed"),
        (pair(0, 1), True, None),
        (pair(0, 2), True, "negative_answers"),
    ],
)
def test_pairs_know_whether_and_how_they_were_judged(
    given: Pair, judged: bool, disagreement: str | None
) -> None:
    assert given.judged is judged
    assert given.disagreement == disagreement


@pytest.mark.parametrize(
    ("given", "doubted"), [(pair(3, 1), True), (pair(3, 0), False), (pair(0, 1), False)]
)
def test_what_is_on_the_topic_and_no_answer_is_doubted(given: Pair, doubted: bool) -> None:
    assert given.doubted is doubted
    assert given.label == given.judgments[GENERATOR if doubted else JUDGE]


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project(Domain(name="residential tenancy law"))


LONG = "The landlord must return the deposit within thirty days after the tenancy number {} ended."
OTHER = "Repairs that number {} needs are ordered by the owner, who pays for them within a year."


def fill(
    store: Store,
    project: Project,
    number: int,
    judge: tuple[int, int] | None,
    texts: tuple[str, str] = (LONG, OTHER),
) -> None:
    query = Query(id=f"q{number}", query=f"When is the deposit number {number} returned?")
    positive = Passage(id=f"p{number}", text=texts[0].format(number))
    negative = Passage(id=f"n{number}", text=texts[1].format(number))
    judgments = [
        Judgment(
            id=f"{source}-{number}-{passage.id}",
            query_id=query.id,
            passage_id=passage.id,
            grade=grade,
            source=source,
        )
        for source, grades in ((GENERATOR, (3, 0)), (JUDGE, judge or ()))
        for passage, grade in zip((positive, negative), grades, strict=False)
    ]
    store.add(project.id, [query, positive, negative, *judgments])


def test_the_summary_counts_by_check(store: Store, project: Project) -> None:
    fill(store, project, 0, (3, 0))  # good
    fill(store, project, 1, (0, 0))  # positive not confirmed, so no positive either
    fill(store, project, 2, (2, 3))  # the only negative answers
    fill(store, project, 3, None)  # not judged
    fill(store, project, 4, (0, 3))
    store.set_status(project.id, Query, ["q4"], Status.REJECTED, who="Ana")
    summary = validate(store, project)
    assert {name: (c.checked, c.failed) for name, c in summary.checks.items()} == {
        "current": (12, 0),
        "judged": (8, 2),
        "positives_confirmed": (3, 1),
        "negatives_do_not_answer": (3, 1),
        "has_positive": (4, 1),
        "enough_negatives": (4, 1),
        "distinct_queries": (4, 0),
        "distinct_passages": (8, 0),
        "own_words": (8, 0),
        "query_language": (4, 0),
        "passage_language": (8, 0),
        "query_length": (4, 0),
        "passage_length": (8, 0),
        "query_form": (4, 0),
        "passage_form": (8, 0),
        "no_twins_answer": (4, 0),
        "negatives_rank_below": (4, 0),
        "found_again": (4, 0),
        "covered_concepts": (0, 0),
        "usual_length": (0, 0),
        "unseen": (0, 0),
    }
    assert summary.checks["has_positive"].query_ids == ["q1"]
    assert (summary.examples, summary.passed, summary.pass_rate) == (4, 1, 1 / 4)
    assert summary.acceptable
    assert not validate(store, project, strict=True).acceptable
    assert summary.model_dump(mode="json")["pass_rate"] == 0.25


def test_texts_fail_the_examples_that_hold_them(store: Store, project: Project) -> None:
    fill(store, project, 0, (3, 0), (LONG, "Too short."))
    fill(store, project, 1, (3, 0), (LONG, LONG.format(0)))
    fill(store, project, 2, (3, 0), ("Der Vermieter zahlt die Kaution zurück. " * 3, OTHER))
    fill(store, project, 3, (3, 0), (f"When is the deposit number 3 returned? {LONG}", OTHER))
    fill(store, project, 4, (3, 0))
    edited = store.get(Passage, "p4").model_copy(update={"text": LONG.format("four")})
    store.edit(edited, who="Ana")
    summary = validate(store, project)
    failing = {name: check.query_ids for name, check in summary.checks.items() if check.query_ids}
    assert failing == {
        "passage_length": ["q0"],
        "distinct_passages": ["q1"],
        "passage_language": ["q2"],
        "own_words": ["q3"],
        "negatives_rank_below": ["q2"],
        "current": ["q4"],
        "has_positive": ["q4"],
    }


def test_an_empty_project_has_no_pass_rate(store: Store, project: Project) -> None:
    summary = validate(store, project, strict=True)
    assert (summary.examples, summary.passed, summary.pass_rate) == (0, 0, None)
    assert summary.acceptable
