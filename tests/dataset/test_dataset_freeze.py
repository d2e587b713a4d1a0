"""What becomes training data, what is left out and why, and that freezing is repeatable."""

from __future__ import annotations

import pytest

from distiller.dataset import assemble, content_hash, freeze, leaks, snapshot_of, split, validate
from distiller.dataset.assembly import gather, put_together
from distiller.dataset.sieve import Mode, Sieve
from distiller.schema.base import Provenance, Status
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.schema.knowledge import Concept
from distiller.schema.usage import LedgerEntry, Usage
from distiller.store import Given, Store

GENERATOR, JUDGE = JudgmentSource.GENERATOR, JudgmentSource.JUDGE
REVIEWER, TEACHER = JudgmentSource.REVIEWER, JudgmentSource.TEACHER


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project(Domain(name="residential tenancy law"))


def query(number: int, concept: str = "") -> Query:
    return Query(
        id=f"q{number}",
        query=f"what does rule {number} say about case{number}?",
        key_concepts=[concept or f"concept {number}"],
        provenance=Provenance(model="writer", prompt="queries.write@1"),
    )


def passage(identifier: str) -> Passage:
    words = " ".join(
        f"{identifier}-{word}"
        for word in ["the", "text", "of", "this", "passage", "is", "its", "own"]
    )
    origin = Provenance(model="writer", prompt="passages.positive@1")
    return Passage(id=identifier, text=words, provenance=origin)


def judgment(
    query_id: str,
    passage_id: str,
    grade: int,
    source: JudgmentSource = GENERATOR,
    score: float | None = None,
) -> Judgment:
    return Judgment(
        id=f"{query_id}-{passage_id}-{source}",
        query_id=query_id,
        passage_id=passage_id,
        grade=grade,
        source=source,
        score=score,
        strategy=Strategy.POSITIVE if grade >= 2 else Strategy.SCOPE_MISMATCH,
        explanation=f"{source} says {grade}",
    )


def fill(store: Store, project: Project, count: int = 3) -> None:
    """So many queries, each with a positive `p…` and a negative `n…`."""
    for number in range(count):
        store.add(
            project.id,
            [
                query(number),
                passage(f"p{number}"),
                passage(f"n{number}"),
                judgment(f"q{number}", f"p{number}", 3),
                judgment(f"q{number}", f"n{number}", 0),
            ],
        )


def test_generated_labels_count_where_neither_judge_nor_reviewer_spoke(
    store: Store, project: Project
) -> None:
    fill(store, project, 2)
    first, second = assemble(store, project)
    assert [first.query_id, second.query_id] == ["q0", "q1"]
    assert [(p.passage_id, p.grade, p.strategy) for p in first.positives + first.negatives] == [
        ("p0", 3, "positive"),
        ("n0", 0, "scope_mismatch"),
    ]
    assert first.key_concepts == ["concept 0"]


def test_what_the_judge_contradicts_is_left_out_and_counted(store: Store, project: Project) -> None:
    fill(store, project)
    store.add(
        project.id,
        [
            judgment("q0", "p0", 2, JUDGE, 0.9),
            judgment("q0", "n0", 3, JUDGE, 0.89),  # a negative that answers
            judgment("q1", "p1", 0, JUDGE, 0.2),  # a positive about something else
            judgment("q1", "n1", 0, JUDGE),
            judgment("q2", "p2", 3, JUDGE),  # n2 stays unjudged
        ],
    )
    assembly = put_together(gather(store, project))
    assert [(e.query_id, e.negatives) for e in assembly.examples] == [("q0", []), ("q2", [])]
    assert assembly.examples[0].positives[0].grade == 2
    assert assembly.examples[0].positives[0].explanation == "judge says 2"
    assert assembly.excluded == {
        "passage_negative_answers": 1,
        "passage_positive_not_confirmed": 1,
        "query_without_positive": 1,
        "passage_unjudged": 1,
    }


@pytest.mark.parametrize(
    ("mode", "weights"),
    [
        ("weight", {"q0": 1.0, "q1": 0.25}),
        ("off", {"q0": 1.0, "q1": 1.0}),
        ("exclude", {"q0": 1.0}),
    ],
)
def test_an_answer_that_the_judge_doubts_counts_less(
    store: Store, project: Project, mode: Mode, weights: dict[str, float]
) -> None:
    fill(store, project, 2)
    store.add(
        project.id,
        [
            judgment("q0", "p0", 3, JUDGE),
            judgment("q0", "n0", 0, JUDGE),
            judgment("q1", "p1", 1, JUDGE),  # on the topic, no answer
            judgment("q1", "n1", 0, JUDGE),
        ],
    )
    assembly = put_together(gather(store, project), Sieve([], mode))
    assert {example.query_id: example.weight for example in assembly.examples} == weights
    assert [(p.passage_id, p.grade, p.decided_by) for p in assembly.examples[-1].positives] == (
        [("p0", 3, "judge")] if mode == "exclude" else [("p1", 3, "generator")]
    )
    if mode == "weight":  # a reviewer who approves it outranks the judge
        store.set_status(project.id, Passage, ["p1"], Status.APPROVED, who="Ana")
        material = gather(store, project, undecided=True)
        assert [one.weight for one in put_together(material, Sieve([], mode)).examples] == [1, 1]


def test_a_doubted_answer_is_left_out_where_another_stands_in(
    store: Store, project: Project
) -> None:
    fill(store, project, 1)
    store.add(
        project.id,
        [
            passage("p1"),
            judgment("q0", "p1", 3),
            judgment("q0", "p0", 3, JUDGE),
            judgment("q0", "p1", 1, JUDGE),
        ],
    )
    assembly = put_together(gather(store, project), Sieve([], "weight"))
    (example,) = assembly.examples
    assert [one.passage_id for one in example.positives] == ["p0"]
    assert example.weight == 1
    assert assembly.excluded["passage_positive_not_confirmed"] == 1


@pytest.mark.parametrize(
    ("score", "kept"), [(0.95 * 0.8 - 0.01, True), (0.95 * 0.8 + 0.01, False), (None, False)]
)
def test_a_lenient_judge_is_believed_as_far_as_its_own_score_goes(
    store: Store, project: Project, score: float | None, kept: bool
) -> None:
    fill(store, project, 1)
    store.add(
        project.id,
        [judgment("q0", "p0", 3, JUDGE, 0.8), judgment("q0", "n0", 3, JUDGE, score)],
    )
    [example] = assemble(store, project)
    assert [(p.passage_id, p.grade) for p in example.positives] == [("p0", 3)]
    assert [(p.passage_id, p.grade) for p in example.negatives] == ([("n0", 0)] if kept else [])


def test_a_reviewers_grade_outranks_the_judge_and_approves_its_pair(
    store: Store, project: Project
) -> None:
    fill(store, project)
    store.add(project.id, [judgment("q0", "p0", 0, JUDGE)])
    store.grade(project.id, [Given("q0", "p0", 3), Given("q0", "n0", 2)], who="Ana")
    [example] = assemble(store, project)
    assert [(p.passage_id, p.grade) for p in example.positives] == [("p0", 3), ("n0", 2)]
    assert example.positives[1].strategy == "scope_mismatch"


@pytest.mark.parametrize("status", [Status.PROPOSED, Status.REJECTED, Status.FLAGGED])
def test_a_reviewers_grade_that_is_not_approved_counts_nowhere(
    store: Store, project: Project, status: Status
) -> None:
    fill(store, project)
    before, checked = assemble(store, project), validate(store, project)
    given = judgment("q0", "p0", 0, REVIEWER).model_copy(update={"status": status})
    store.add(project.id, [given])
    assert assemble(store, project) == before
    assert validate(store, project) == checked


def test_a_grade_that_was_taken_back_leaves_the_data_as_it_was(
    store: Store, project: Project
) -> None:
    fill(store, project)
    before = assemble(store, project)
    group = store.grade(project.id, [Given("q0", "n0", 3), Given("q1", "p1", 0)], who="Ana")
    assert assemble(store, project) != before
    store.undo(project.id, group)
    assert assemble(store, project) == before


def test_after_a_review_only_the_approved_count(store: Store, project: Project) -> None:
    fill(store, project)
    store.set_status(project.id, Query, ["q0", "q1"], Status.APPROVED, who="Ana")
    store.set_status(project.id, Query, ["q2"], Status.REJECTED, who="Ana")
    assert [example.query_id for example in assemble(store, project)] == ["q0", "q1"]
    store.set_status(project.id, Passage, ["p0", "p1", "n1"], Status.APPROVED, who="Ana")
    examples = assemble(store, project)
    assert [len(example.negatives) for example in examples] == [0, 1]
    snapshot = freeze(store, project)
    assert snapshot.filters["queries"] == "approved"
    assert snapshot.lineage["reviewers"] == ["Ana"]
    assert snapshot.lineage["excluded"] == {"passage_not_approved": 1, "query_rejected": 1}


def test_rejected_flagged_and_stale_items_never_count(store: Store, project: Project) -> None:
    fill(store, project, 4)
    store.set_status(project.id, Query, ["q0"], Status.FLAGGED, who="Ana")
    store.set_status(project.id, Passage, ["n1"], Status.REJECTED, who="Ana")
    edited = store.get(Passage, "p2").model_copy(update={"text": "another text altogether"})
    store.edit(edited, who="Ana")  # what was said of the old text is stale
    assembly = put_together(gather(store, project))
    assert [(e.query_id, len(e.negatives)) for e in assembly.examples] == [("q1", 0), ("q3", 1)]
    assert assembly.excluded == {
        "query_flagged": 1,
        "passage_rejected": 1,
        "passage_stale": 1,
        "query_without_positive": 1,
    }


def test_scores_of_an_example_come_from_one_source(store: Store, project: Project) -> None:
    fill(store, project, 2)
    store.add(
        project.id,
        [
            judgment("q0", "p0", 3, JUDGE, 0.9),
            judgment("q0", "n0", 0, JUDGE, 0.1),
            judgment("q0", "p0", 0, TEACHER, 17.5),
            judgment("q1", "p1", 3, JUDGE, 0.7),
            judgment("q1", "n1", 0, JUDGE, 0.2),
            judgment("q1", "p1", 0, TEACHER, 12.0),
            judgment("q1", "n1", 0, TEACHER, 3.0),
        ],
    )
    scores = [[p.score for p in e.positives + e.negatives] for e in assemble(store, project)]
    assert scores == [[0.9, 0.1], [12.0, 3.0]]


def test_freezing_twice_gives_the_same_snapshot(store: Store, project: Project) -> None:
    fill(store, project, 12)
    first, second = freeze(store, project), freeze(store, project)
    assert first.id == second.id
    assert len(store.snapshots(project.id)) == 1
    assert first.counts == {"train": 10, "val": 1, "test": 1, "passages": 24}
    assert leaks(first.examples) == []
    assert freeze(store, project, seed=14).id != first.id
    assert store.snapshot(first.content_hash).examples == first.examples


def test_the_lineage_names_models_prompts_and_cost(store: Store, project: Project) -> None:
    fill(store, project)
    entry = LedgerEntry(
        id="l1",
        request_hash="h1",
        project_id=project.id,
        endpoint="http://127.0.0.1",
        model="writer",
        request={},
        usage=Usage(completions=1, cost=0.25, prompt_tokens=10),
    )
    store.ledger.record([entry])
    lineage = freeze(store, project).lineage
    assert lineage["models"] == ["writer"]
    assert lineage["prompts"] == ["passages.positive@1", "queries.write@1"]
    assert lineage["usage"]["cost"] == 0.25


def test_the_hash_is_of_the_content_alone(store: Store, project: Project) -> None:
    fill(store, project, 6)
    examples = split(assemble(store, project))
    renamed = [
        one.model_copy(
            update={"query_id": f"other-{at}", "cluster": "x", "meta": {"a": 1}}, deep=True
        )
        for at, one in enumerate(reversed(examples))
    ]
    for one in renamed:
        for found in one.positives + one.negatives:
            found.passage_id = f"other {found.passage_id}"
    assert content_hash(renamed) == content_hash(examples)
    assert snapshot_of(renamed).content_hash == snapshot_of(examples).content_hash
    for field, value in (
        ("query", "changed"),
        ("split", "val" if examples[0].split != "val" else "test"),
    ):
        changed = [examples[0].model_copy(update={field: value}), *examples[1:]]
        assert content_hash(changed) != content_hash(examples)
    regraded = [one.model_copy(deep=True) for one in examples]
    regraded[0].positives[0].grade = 2
    assert content_hash(regraded) != content_hash(examples)
    assert content_hash(examples[:-1]) != content_hash(examples)
    decided = [one.model_copy(deep=True) for one in examples]
    decided[0].positives[0].decided_by = "judge"  # no model learns otherwise for that
    assert content_hash(decided) == content_hash(examples)
    decided[0].positives[0].decided_by = "reviewer"  # this one counts more
    assert content_hash(decided) != content_hash(examples)


def test_who_decided_travels_with_the_passage(store: Store, project: Project) -> None:
    fill(store, project, 2)
    assert {p.decided_by for one in assemble(store, project) for p in one.positives} == {
        "generator"
    }
    store.grade(project.id, [Given("q0", "p0", 3)], who="Ana")
    [decided] = assemble(store, project)
    assert decided.positives[0].decided_by == "reviewer"


def test_related_terms_keep_queries_together(store: Store, project: Project) -> None:
    for number in range(40):
        store.add(
            project.id,
            [query(number, f"term {number % 20}"), passage(f"p{number}")],
        )
        store.add(project.id, [judgment(f"q{number}", f"p{number}", 3)])
    related = Concept(id="c", term="Term 3", definition="…", related_terms=["term 11"])
    store.add(project.id, [related])
    by_concept = {
        one.key_concepts[0]: one
        for one in freeze(store, project, fractions=(0.6, 0.2, 0.2)).examples
    }
    assert by_concept["term 3"].cluster == by_concept["term 11"].cluster
    assert by_concept["term 3"].split == by_concept["term 11"].split


def test_nothing_to_freeze_says_why(store: Store, project: Project) -> None:
    with pytest.raises(InputError, match="has no queries; generate or import some first"):
        freeze(store, project)
    store.add(project.id, [query(1)])
    with pytest.raises(InputError, match="1 query without positive"):
        freeze(store, project)
