"""Repairs: planned before, made as steps that can be taken back, never over a reviewer's head."""

from __future__ import annotations

from typing import Any

import pytest
from endpoint import data
from scripted_writer import Connect, Writer

from distiller.dataset import assemble, check_project
from distiller.generate import Fix, judge_passages, merge, planned, repair, settle
from distiller.quality import CHECKS, Mend
from distiller.schema.base import Provenance, SourceSpan, Status
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import (
    Judgment,
    JudgmentSource,
    Origin,
    Passage,
    Query,
    Strategy,
)
from distiller.schema.quality import Finding
from distiller.store import Given, Store

ANSWER = (
    "A tenant may hold rent back while a defect stays unmended. The sum follows from how far the "
    "dwelling can be used, and the landlord must have been told of the defect in writing before."
)
OTHER = (
    "The landlord orders repairs of the roof within a month of a written request. Urgent ones, "
    "such as a burst pipe, are begun on the day on which they are reported."
)
MIXED = (
    f"{ANSWER} Der Mieter darf die Miete so lange mindern, bis der Mangel vollständig behoben ist."
)


def add(store: Store, project: Project, *items: Any) -> None:
    store.add(project.id, items)


def label(query: str, passage: str, grade: int, source: str = "generator", **more: Any) -> Judgment:
    return Judgment(
        id=f"{source}/{query}/{passage}",
        query_id=query,
        passage_id=passage,
        grade=grade,
        source=JudgmentSource(source),
        strategy=Strategy.POSITIVE if grade >= 2 else Strategy.STANDARD,
        **more,
    )


@pytest.fixture
def filled(store: Store, project: Project) -> Project:
    add(
        store,
        project,
        Query(id="q", query="when may a tenant hold the rent back"),
        Passage(id="yes", text=ANSWER),
        Passage(id="no", text=OTHER),
        label("q", "yes", 3),
        label("q", "no", 0),
    )
    return project


def found(store: Store, project: Project, check: str) -> list[str]:
    check_project(store, project)
    return [finding.item_id for finding in store.findings(project.id, checks=[check])]


def plan_of(store: Store, project: Project, **more: Any) -> list[tuple[str, str]]:
    check_project(store, project)
    return [(fix.item.id, fix.mend.name) for fix in planned(store, project, **more).fixes]


async def test_a_passage_is_written_anew_and_the_old_text_is_kept(
    store: Store, filled: Project, connected: Connect
):
    add(store, filled, Passage(id="mixed", text=MIXED), label("q", "mixed", 3))
    assert plan_of(store, filled) == [("mixed", "REWRITE_PASSAGE")]
    writer = Writer()
    async with connected(writer) as client:
        report = await repair(store, filled, client)
        assert (report.made, report.failed) == (1, 0)
        assert report.notes == ["1 × rewrite the passage"]
        mended = store.get(Passage, "mixed")
        assert "Mieter" not in mended.text
        assert mended.provenance.prompt == "repair.passage@1"
        assert store.get(Judgment, "generator/q/mixed").stale, "it has to be judged anew"
        [event] = [e for e in store.events(filled.id, "mixed") if e.action == "edit"]
        assert (event.old["text"], event.who) == (MIXED, "scripted")
        assert event.reason == "repair: passage wholly or partly in another language"
        await judge_passages(store, filled, client)
        assert found(store, filled, "passage_language") == []
        store.undo(filled.id, str(event.group))
    assert store.get(Passage, "mixed").text == MIXED
    assert not store.get(Judgment, "generator/q/mixed").stale


async def test_a_query_is_written_anew(store: Store, filled: Project, connected: Connect):
    add(store, filled, Query(id="r", query="Query: who mends the roof"), label("r", "no", 3))
    assert plan_of(store, filled) == [("r", "REWRITE_QUERY")]
    asked: list[str] = []

    class Listening(Writer):
        def __call__(self, body):
            asked.append(body["messages"][1]["content"])
            return super().__call__(body)

    async with connected(Listening()) as client:
        await repair(store, filled, client)
    assert "it begins with a label" in asked[0]
    assert "The landlord orders repairs" in asked[0], "it is told what answers"
    assert store.get(Query, "r").query.startswith("may a tenant withhold")
    assert plan_of(store, filled) == []


async def test_what_is_no_better_is_not_taken_and_not_tried_for_ever(
    store: Store, filled: Project, connected: Connect
):
    add(store, filled, Query(id="r", query="Query: who mends the roof"), label("r", "no", 3))
    check_project(store, filled)

    def worse(name: str, _: int):
        return (
            data({"query": "wer repariert das Dach des Hauses"}) if name == "MendedQuery" else None
        )

    writer = Writer(worse)
    async with connected(writer) as client:
        for _ in range(2):
            report = await repair(store, filled, client)
            assert report.made == 0
            assert "it is not in English" in report.notes[-1], "the stages after it can go on"
        assert writer.asked["MendedQuery"] == 4
        assert report.notes[0] == "1 left: tried 2 times, and still wrong", "and says so at once"
        report = await repair(store, filled, client)
    assert writer.asked["MendedQuery"] == 4
    assert report.notes == ["1 left: tried 2 times, and still wrong"]
    assert store.get(Query, "r").query == "Query: who mends the roof"


async def test_attempts_count_what_was_mended_before(
    store: Store, filled: Project, connected: Connect
):
    add(store, filled, Query(id="r", query="Query: who mends the roof"), label("r", "no", 3))
    check_project(store, filled)
    async with connected(Writer()) as client:
        await repair(store, filled, client)
        for _ in range(2):
            query = store.get(Query, "r")
            store.edit(query.model_copy(update={"query": "Query: and again"}), who="ada")
            check_project(store, filled)
            await repair(store, filled, client, attempts=2)
    assert store.get(Query, "r").query == "Query: and again"
    assert planned(store, filled, attempts=2).skipped == {"tried 2 times, and still wrong": 1}
    assert len(planned(store, filled, attempts=3).fixes) == 1


async def test_a_negative_is_replaced_beside_its_query_only(
    store: Store, filled: Project, connected: Connect
):
    add(
        store,
        filled,
        Query(id="r", query="who mends the roof of the house"),
        label("r", "no", 3),
        Passage(id="again", text=ANSWER.replace("before", "earlier")),
        label("q", "again", 0),
        label("r", "again", 0),
    )
    assert plan_of(store, filled, checks=["no_twins_answer"]) == [("again", "REPLACE_NEGATIVE")]
    async with connected(Writer()) as client:
        report = await repair(store, filled, client, checks=["no_twins_answer"])
    assert report.notes == ["1 × write another negative in its place"]
    assert store.get(Judgment, "generator/q/again").status is Status.REJECTED
    assert store.get(Judgment, "generator/r/again").status is Status.PROPOSED
    labels = store.judgments(filled.id, query_ids=["q"])
    fresh = [one for one in labels if one.passage_id not in ("yes", "no", "again")]
    assert [(one.grade < 2, one.status) for one in fresh] == [(True, Status.PROPOSED)]
    assert found(store, filled, "no_twins_answer") == []


async def test_two_negatives_of_a_query_are_replaced_by_two(
    store: Store, filled: Project, connected: Connect
):
    for number in range(2):
        text = ANSWER.replace("before", f"before{number}")
        add(store, filled, Passage(id=f"n{number}", text=text), label("q", f"n{number}", 0))
    check_project(store, filled)
    async with connected(Writer()) as client:
        await repair(store, filled, client, checks=["no_twins_answer"])
    labels = store.judgments(filled.id, query_ids=["q"])
    assert sum(one.status is Status.REJECTED for one in labels) == 2
    assert sum(one.status is Status.PROPOSED and one.grade < 2 for one in labels) == 1 + 2


def test_a_negative_that_answers_gets_the_judges_grade(store: Store, filled: Project):
    add(store, filled, label("q", "no", 2, "judge"), label("q", "yes", 3, "judge"))
    check_project(store, filled)
    [fix] = planned(store, filled).fixes
    assert (fix.mend, fix.grade, fix.pure) == (Mend.RELABEL, 2, True)
    assert "counts as an answer" in fix.words
    report = settle(store, filled)
    assert (report.made, report.notes) == (1, ["1 × take the judge's grade"])
    given = store.get(Judgment, "generator/q/no")
    assert given.grade == 2
    assert found(store, filled, "negatives_do_not_answer") == []
    [event] = store.events(filled.id, given.id)
    store.undo(filled.id, str(event.group))
    assert store.get(Judgment, given.id).grade == 0


def test_duplicates_are_merged_along_their_chain(store: Store, filled: Project):
    add(
        store,
        filled,
        Query(id="a", query="when may tenants hold the rent back"),
        Query(id="b", query="when may a tenant hold back the rents"),
        Passage(id="more", text=OTHER.replace("roof", "heating of the house")),
        label("b", "more", 0),
    )
    report = settle(store, filled, checks=["distinct_queries"])
    assert report.made == 0, "nothing was checked yet"
    check_project(store, filled)
    assert settle(store, filled, checks=["distinct_queries"]).made == 2
    left = store.items(filled.id, Query, status=Status.PROPOSED)
    assert [query.id for query in left] == ["q"]
    labels = store.judgments(filled.id, query_ids=["q"])
    assert sorted(one.passage_id for one in labels) == ["more", "no", "yes"]
    history = store.events(filled.id, "b")
    assert history[-1].reason == "repair: asks the same as another query, merged into q"


def merged(store: Store, project: Project) -> str:
    """Merges query `b` into `q`; returns the group of the step."""
    gone, kept = store.get(Query, "b"), store.get(Query, "q")
    assert merge(store, project, gone, kept, who="ada", reason="duplicate") == 1
    return str(store.events(project.id, "b")[-1].group)


def grades(store: Store, project: Project) -> dict[str, int]:
    """What is trained on of query `q`, by passage."""
    return {
        one.passage_id: one.grade
        for example in assemble(store, project)
        for one in [*example.positives, *example.negatives]
        if example.query_id == "q"
    }


def test_undoing_a_merge_takes_the_copies_away_and_merging_again_brings_them_back(
    store: Store, filled: Project
):
    more, most = (OTHER.replace("roof", word) for word in ("heating", "lift"))
    texts = [Passage(id="more", text=more), Passage(id="most", text=most)]
    b = Query(id="b", query="when may a tenant hold back the rents")
    add(store, filled, b, *texts, label("b", "more", 0), label("b", "most", 1))
    add(store, filled, label("b", "no", 1), label("b", "no", 0, "teacher", score=0.2))
    before = grades(store, filled)
    for _ in range(2):
        group = merged(store, filled)
        assert grades(store, filled) == before | {"more": 0, "most": 1}
        assert before["no"] == 0, "what stood there stays"
        [step] = store.steps(filled.id, limit=1)
        assert (step.action, step.item_kind, step.count) == ("reject", "query", 1)
        store.undo(filled.id, group)
        assert store.get(Query, "b").status is Status.PROPOSED
        assert grades(store, filled) == before
        [score] = store.judgments(filled.id, query_ids=["q"], sources=[JudgmentSource.TEACHER])
        assert score.stale, "and a teacher may give it again"
    [undone] = store.steps(filled.id, limit=1)
    assert undone.undone


def test_a_copy_that_was_changed_since_the_merge_stays(store: Store, filled: Project):
    more, most = (OTHER.replace("roof", word) for word in ("heating", "lift"))
    texts = [Passage(id="more", text=more), Passage(id="most", text=most)]
    b = Query(id="b", query="when may a tenant hold back the rents")
    add(store, filled, b, *texts, label("b", "more", 0), label("b", "most", 1))
    add(store, filled, label("b", "no", 0, "teacher", score=0.2))
    group = merged(store, filled)
    copies = {j.passage_id: j for j in store.judgments(filled.id, query_ids=["q"])}
    store.edit(copies["more"].model_copy(update={"grade": 2}), who="bea", project_id=filled.id)
    store.put_judgments(filled.id, [label("q", "no", 0, "teacher", score=0.9)])
    store.undo(filled.id, group)
    assert store.get(Query, "b").status is Status.PROPOSED
    assert grades(store, filled) == {"yes": 3, "no": 0, "more": 2}
    [score] = store.judgments(filled.id, query_ids=["q"], sources=[JudgmentSource.TEACHER])
    assert (score.score, score.stale) == (0.9, False)
    merged(store, filled)
    assert grades(store, filled) == {"yes": 3, "no": 0, "more": 2, "most": 1}


def test_a_passage_is_not_merged_into_its_contrary(store: Store, filled: Project):
    again = ANSWER.replace("before", "earlier")
    add(store, filled, Passage(id="again", text=again), label("q", "again", 0))
    check_project(store, filled)
    plan = planned(store, filled, checks=["distinct_passages"])
    assert (plan.fixes, plan.skipped) == ([], {"an answer here and no answer there": 1})
    add(store, filled, Query(id="r", query="who mends the roof"), label("r", "again", 0))
    relabelled = store.get(Judgment, "generator/q/again").model_copy(update={"grade": 3})
    store.edit(relabelled, who="ada")
    check_project(store, filled)
    assert settle(store, filled, checks=["distinct_passages"]).made == 1
    assert store.get(Passage, "again").status is Status.REJECTED
    assert {one.passage_id for one in store.judgments(filled.id, query_ids=["r"])} == {
        "again",
        "yes",
    }


def test_what_a_reviewer_decided_about_is_left_alone(store: Store, filled: Project):
    add(
        store,
        filled,
        Query(id="r", query="Query: who mends the roof"),
        label("r", "no", 3),
        label("q", "no", 2, "judge"),
        label("q", "yes", 3, "judge"),
    )
    store.set_status(filled.id, Query, ["r"], Status.APPROVED, who="ada")
    check_project(store, filled)
    store.save_findings(filled.id, store.findings(filled.id))
    assert planned(store, filled, checks=["query_form"]).skipped == {"a reviewer has decided": 1}
    findings = store.findings(filled.id)
    store.grade(filled.id, [Given("q", "no", 0)], who="ada")
    store.save_findings(filled.id, findings)  # of a run that was under way meanwhile
    plan = planned(store, filled, checks=["negatives_do_not_answer"])
    assert (plan.fixes, plan.skipped) == ([], {"a reviewer has decided": 1})


def test_a_document_says_what_it_says(store: Store, filled: Project):
    origin = Provenance(source="corpus", span=SourceSpan(document="d", start=0, end=9))
    add(
        store,
        filled,
        Passage(id="c", text=OTHER + " More.", origin=Origin.CORPUS, provenance=origin),
        Query(id="r", query="who mends the roof of the house"),
        label("r", "c", 3),
        label("r", "c", 0, "judge"),
    )
    check_project(store, filled)
    [fix] = planned(store, filled, checks=["positives_confirmed"]).fixes
    assert (fix.item.id, fix.mend) == ("r", Mend.REWRITE_QUERY)
    assert fix.other is not None
    assert fix.other.id == "c"
    short = Passage(id="s", text="Roof.", origin=Origin.CORPUS, provenance=origin)
    add(store, filled, short, label("r", "s", 0))
    check_project(store, filled)
    assert planned(store, filled, checks=["passage_length"]).skipped == {"a team's own document": 1}


def test_targets_narrow_it_down_and_checks_that_nothing_mends_are_refused(
    store: Store, filled: Project
):
    for id_ in ("r", "s"):
        add(store, filled, Query(id=id_, query=f"Query: who mends the {id_} roof"))
        add(store, filled, label(id_, "no", 3))
    assert {id_ for id_, _ in plan_of(store, filled)} == {"r", "s"}
    assert plan_of(store, filled, targets=["s"]) == [("s", "REWRITE_QUERY")]
    with pytest.raises(InputError, match="nothing mends 'has_positive'"):
        planned(store, filled, checks=["has_positive"])
    assert planned(store, filled, checks=["query_form"]).as_json()["repairs"][0]["needs_model"]


def test_every_mend_has_words(store: Store, filled: Project):
    query, passage = store.get(Query, "q"), store.get(Passage, "yes")
    for mend in Mend:
        name = next(name for name, check in CHECKS.items() if check.mend is mend)
        one = Finding(check=name, item_kind="passage", item_id="yes")
        fix = Fix(one, mend, passage, query, other=passage, grade=2)
        assert fix.words.endswith(".")
        assert fix.old == ANSWER
