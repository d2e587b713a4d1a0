"""Reviewers' grades and the pairs that they are given to."""

from __future__ import annotations

import pytest

from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.errors import Conflict, InputError
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.store import Given, PairFilter, Store

GENERATOR, JUDGE = JudgmentSource.GENERATOR, JudgmentSource.JUDGE
ALL = PairFilter()


def judgment(query: str, passage: str, grade: int, source: JudgmentSource = GENERATOR) -> Judgment:
    return Judgment(
        id=f"{query}-{passage}-{source}",
        query_id=query,
        passage_id=passage,
        grade=grade,
        source=source,
        strategy=Strategy.POSITIVE if grade > 1 else Strategy.TOPICAL_SHIFT,
    )


@pytest.fixture
def filled(store: Store, project: Project) -> Store:
    """Two queries, each with a positive and a negative."""
    for name, words in (("a", "who keeps the deposit"), ("b", "when is rent due")):
        store.add(
            project.id,
            [
                Query(id=name, query=words),
                Passage(id=f"{name}+", text=f"{words} answered"),
                Passage(id=f"{name}-", text=f"{words} not answered"),
                judgment(name, f"{name}+", 3),
                judgment(name, f"{name}-", 0),
            ],
        )
    return store


def ids(store: Store, project: Project, wanted: PairFilter = ALL) -> list[str]:
    found = store.pairs(project.id, wanted)
    assert len(found) == store.count_pairs(project.id, wanted)
    return [row.passage_id for row in found]


def test_a_first_grade_counts_until_it_is_taken_back(filled: Store, project: Project) -> None:
    group = filled.grade(project.id, [Given("a", "a-", 2, explanation="it does")], who="Ada")
    [given] = filled.judgments(project.id, sources=[JudgmentSource.REVIEWER])
    assert (given.grade, given.status, given.provenance.editor) == (2, "approved", "Ada")
    [step] = filled.steps(project.id)
    assert (step.action, step.item_kind, step.count) == ("grade", "judgment", 1)
    assert filled.undo(project.id, group) == 1
    assert filled.judgments(project.id, sources=[JudgmentSource.REVIEWER]) == []
    [kept] = filled.judgments(project.id, sources=[JudgmentSource.REVIEWER], withdrawn=True)
    assert kept.status is Status.PROPOSED


def test_undoing_a_second_grade_brings_the_first_one_back(filled: Store, project: Project) -> None:
    filled.grade(project.id, [Given("a", "a-", 2)], who="Ada")
    second = filled.grade(project.id, [Given("a", "a-", 0)], who="Bob")
    filled.undo(project.id, second)
    [given] = filled.judgments(project.id, sources=[JudgmentSource.REVIEWER])
    assert (given.grade, given.provenance.editor) == (2, "Ada")


def test_a_grade_can_be_given_again_after_it_was_taken_back(
    filled: Store, project: Project
) -> None:
    filled.undo(project.id, filled.grade(project.id, [Given("a", "a-", 2)], who="Ada"))
    filled.grade(project.id, [Given("a", "a-", 1, read=0)], who="Bob")
    [given] = filled.judgments(project.id, sources=[JudgmentSource.REVIEWER])
    assert (given.grade, given.provenance.editor) == (1, "Bob")


@pytest.mark.parametrize("read", [0, 1, 3])
def test_who_did_not_see_the_others_grade_changes_nothing(
    filled: Store, project: Project, read: int
) -> None:
    filled.grade(project.id, [Given("a", "a-", 2)], who="Ada")
    with pytest.raises(Conflict, match="somebody else"):
        filled.grade(
            project.id, [Given("b", "b-", 1, read=0), Given("a", "a-", 0, read=read)], who="Bob"
        )
    [given] = filled.judgments(project.id, sources=[JudgmentSource.REVIEWER], withdrawn=True)
    assert (given.grade, given.version) == (2, 2)
    filled.grade(project.id, [Given("a", "a-", 0, read=2)], who="Bob")


def test_a_text_that_was_changed_meanwhile_is_not_graded(filled: Store, project: Project) -> None:
    read = filled.get(Passage, "a-")
    filled.edit(read.model_copy(update={"text": "other"}), who="Bob")
    with pytest.raises(Conflict, match="changed since"):
        filled.grade(project.id, [Given("a", "a-", 0)], who="Ada", unchanged=[read])
    assert filled.judgments(project.id, sources=[JudgmentSource.REVIEWER], withdrawn=True) == []


@pytest.mark.parametrize(
    "given",
    [
        [],
        [Given("a", "a-", 4)],
        [Given("a", "a-", -1)],
        [Given("a", "a-", 1), Given("a", "a-", 2)],
        [Given("a", "missing", 1)],
        [Given("missing", "a-", 1)],
    ],
)
def test_a_wrong_grade_is_refused(filled: Store, project: Project, given: list[Given]) -> None:
    with pytest.raises(InputError):
        filled.grade(project.id, given, who="Ada")
    assert filled.events(project.id) == []


def test_pairs_that_the_judge_contradicts_come_first(filled: Store, project: Project) -> None:
    filled.add(project.id, [judgment("b", "b-", 3, JUDGE), judgment("a", "a-", 1, JUDGE)])
    assert ids(filled, project) == ["b-", "a+", "a-", "b+"]
    assert ids(filled, project, PairFilter(disagrees=True)) == ["b-"]
    found, left, total = filled.next_pairs(project.id, ALL, 1)
    assert ([row.passage_id for row in found], left, total) == (["b-"], 4, 4)


def test_each_filter_narrows(filled: Store, project: Project) -> None:
    assert ids(filled, project, PairFilter(positive=True)) == ["a+", "b+"]
    assert ids(filled, project, PairFilter(strategy=Strategy.TOPICAL_SHIFT)) == ["a-", "b-"]
    assert ids(filled, project, PairFilter(text="DEPOSIT")) == ["a+", "a-"]
    assert ids(filled, project, PairFilter(query_id="b", positive=False)) == ["b-"]
    filled.set_status(project.id, Query, ["a"], Status.REJECTED, who="Ada")
    filled.set_status(project.id, Passage, ["b+"], Status.FLAGGED, who="Ada")
    assert ids(filled, project) == ["b+", "b-"]
    assert ids(filled, project, PairFilter(query_status=Status.REJECTED)) == ["a+", "a-"]
    assert ids(filled, project, PairFilter(passage_status=Status.FLAGGED)) == ["b+"]


def test_what_was_decided_waits_no_more_until_the_text_changes(
    filled: Store, project: Project
) -> None:
    filled.grade(project.id, [Given("a", "a-", 0)], who="Ada")
    filled.set_status(project.id, Passage, ["b-"], Status.REJECTED, who="Ada")
    filled.set_status(project.id, Passage, ["b+"], Status.APPROVED, who="Ada")
    assert ids(filled, project, PairFilter(decided=False)) == ["a+"]
    assert ids(filled, project, PairFilter(decided=True)) == ["a-", "b+", "b-"]
    _, left, total = filled.next_pairs(project.id, ALL, 5)
    assert (left, total) == (1, 4)
    for name in ("a-", "b+"):
        passage = filled.get(Passage, name)
        filled.edit(passage.model_copy(update={"text": f"{passage.text}, changed"}), who="Ada")
    assert ids(filled, project, PairFilter(decided=False)) == ["a+", "a-", "b+"]


def test_a_pair_without_a_writer_is_one_pair(filled: Store, project: Project) -> None:
    filled.add(project.id, [judgment("a", "b+", 2, JUDGE)])
    group = filled.grade(project.id, [Given("a", "b+", 0), Given("b", "a+", 1)], who="Ada")
    rows = {row.passage_id: row for row in filled.pairs(project.id, PairFilter(query_id="a"))}
    assert (rows["b+"].generator, rows["b+"].judge, rows["b+"].reviewer) == (None, 2, 0)
    assert filled.count_pairs(project.id, ALL) == 6
    filled.undo(project.id, group)
    assert ids(filled, project, PairFilter(decided=False, query_id="b")) == ["b+", "b-", "a+"]


def test_pairs_of_another_project_are_not_found(filled: Store, project: Project) -> None:
    other = filled.create_project(project.domain, "other")
    assert filled.pairs(other.id, ALL) == []
    assert filled.next_pairs(other.id, ALL, 1) == ([], 0, 0)
    with pytest.raises(InputError):
        filled.grade(other.id, [Given("a", "a-", 1)], who="Ada")
