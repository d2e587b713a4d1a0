from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distiller.schema.base import Item, Provenance, SourceSpan, Status, new_id
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError, NotFound
from distiller.schema.examples import (
    Complexity,
    Judgment,
    JudgmentSource,
    Origin,
    Passage,
    Query,
    Strategy,
)
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion
from distiller.store import Store

QUERY = Query(id="q-1", query="Who keeps the deposit?")
PASSAGE = Passage(id="d-1", text="A landlord protects the deposit.")
EACH_KIND: list[Item] = [
    Concept(id="c-1", term="Deposit", definition="Money.", related_terms=["bond"], sub_area="Rent"),
    Relationship(id="r-1", type="requires", description="A needs B.", examples=["x", "y"]),
    TypicalQuestion(id="t-1", question="How much notice?"),
    DocumentType(id="k-1", type="lease", description="Contract.", common_sections=["Term"]),
    Fact(id="f-1", fact="Notice is two months."),
    Query(
        id="q-1",
        query="who keeps it",
        type="procedural",
        complexity=Complexity.COMPLEX,
        answer_type="steps",
        key_concepts=["Deposit"],
        persona="tenant",
        status=Status.APPROVED,
    ),
    Passage(
        id="d-1",
        text="A landlord…",
        title="Deposits",
        origin=Origin.CORPUS,
        provenance=Provenance(
            source="corpus", span=SourceSpan(document="act.pdf", start=3, end=9), run_id="run-1"
        ),
    ),
    Judgment(
        id="j-1",
        query_id="q-1",
        passage_id="d-1",
        grade=2,
        strategy=Strategy.MINED,
        explanation="partly",
        source=JudgmentSource.JUDGE,
        score=0.75,
        stale=True,
    ),
]

# What a database text column can hold: no NUL, no lone surrogates.
words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
some_words = words.filter(bool)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=zones)


def test_every_kind_comes_back_as_it_was(store: Store, project: Project) -> None:
    for item in EACH_KIND:
        assert store.add(project.id, [item]) == [item]
        assert store.items(project.id, type(item)) == [item]
        assert store.get(type(item), item.id) == item


def test_judgments_may_come_before_what_they_judge(store: Store, project: Project) -> None:
    backwards = EACH_KIND[::-1]
    assert store.add(project.id, backwards) == backwards
    assert store.judgments(project.id) == [EACH_KIND[-1]]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_round_trip(store: Store, project: Project, data: st.DataObject) -> None:
    concept = data.draw(
        st.builds(
            Concept,
            id=st.builds(lambda: new_id("c")),
            term=some_words.map(lambda term: f"{term} {new_id('t')}"),
            definition=words,
            example=words,
            related_terms=st.lists(words),
            status=st.sampled_from(Status),
            provenance=st.builds(
                Provenance,
                source=words,
                model=st.none() | words,
                created=moments,
            ),
        )
    )
    assert store.add(project.id, [concept]) == [concept]
    assert store.get(Concept, concept.id) == concept


@pytest.mark.parametrize("wild", ["nul \x00 here", "surrogate \ud83d here"])
def test_what_no_database_holds_is_replaced(store: Store, project: Project, wild: str) -> None:
    concept = Concept(id="c-1", term="x", definition=wild, related_terms=[wild])
    store.add(project.id, [concept])
    assert store.get(Concept, "c-1").definition.endswith("\ufffd here")


SAME: list[tuple[Item, Item]] = [
    (
        Concept(id="1", term="Security deposit", definition=""),
        Concept(id="2", term=" security\n DEPOSIT", definition="x"),
    ),
    (
        Concept(id="3", term="K\u00fcndigung", definition=""),
        Concept(id="4", term="KU\u0308NDIGUNG", definition=""),
    ),
    (
        Relationship(id="1", type="is a", description="A is B"),
        Relationship(id="2", type="Is A", description="a is b"),
    ),
    (TypicalQuestion(id="1", question="Why?"), TypicalQuestion(id="2", question="WHY?")),
    (
        DocumentType(id="1", type="Lease", description="a"),
        DocumentType(id="2", type="lease", description="b"),
    ),
    (Fact(id="1", fact="So it is."), Fact(id="2", fact="so  it is.")),
    (Query(id="1", query="Straße"), Query(id="2", query="STRASSE")),
    (Passage(id="1", text="one"), Passage(id="1", text="another")),
]


def test_same_natural_key_is_written_once(store: Store, project: Project) -> None:
    for first, second in SAME:
        assert store.add(project.id, [first, second]) == [first]
        assert store.add(project.id, [second]) == []
        assert first in store.items(project.id, type(first))
        assert second not in store.items(project.id, type(second))


def test_a_relationship_of_another_type_is_another(store: Store, project: Project) -> None:
    pair = [
        Relationship(id="1", type="is", description="A B"),
        Relationship(id="2", type="is a", description="B"),
    ]
    assert store.add(project.id, pair) == pair


def test_one_judgment_per_query_passage_and_source(store: Store, project: Project) -> None:
    store.add(project.id, [QUERY, PASSAGE])
    by_generator = Judgment(id="j-1", query_id="q-1", passage_id="d-1", grade=3)
    by_judge = by_generator.model_copy(update={"id": "j-2", "source": JudgmentSource.JUDGE})
    again = by_generator.model_copy(update={"id": "j-3", "grade": 0})
    assert store.add(project.id, [by_generator, by_judge, again]) == [by_generator, by_judge]


@pytest.mark.parametrize(
    ("items", "error", "problem"),
    [
        (
            [Judgment(id="j", query_id="q-1", passage_id="absent", grade=1)],
            InputError,
            "judgment names a query or passage",
        ),
        ([Query(id="q-1", query="other words")], InputError, "id of another one"),
    ],
    ids=["absent passage", "taken id"],
)
def test_refused_batches_leave_nothing(
    store: Store, project: Project, items: list[Item], error: type[Exception], problem: str
) -> None:
    store.add(project.id, [QUERY])
    with pytest.raises(error, match=problem):
        store.add(project.id, [PASSAGE, *items])
    assert store.items(project.id, Passage) == []
    assert store.items(project.id, Query) == [QUERY]


def test_judgments_stay_within_their_project(store: Store, project: Project) -> None:
    other = store.create_project(project.domain, "other")
    store.add(other.id, [QUERY, PASSAGE])
    with pytest.raises(InputError, match="the project lacks"):
        store.add(project.id, [Judgment(id="j", query_id="q-1", passage_id="d-1", grade=1)])


def test_unknown_project(store: Store) -> None:
    with pytest.raises(NotFound, match="'p-9'"):
        store.add("p-9", [QUERY])
    assert store.items("p-9", Query) == []


def test_one_file_fits_into_two_projects(store: Store, project: Project) -> None:
    other = store.create_project(project.domain, "other")
    for owner in (project, other):
        assert store.add(owner.id, EACH_KIND) == EACH_KIND
    with pytest.raises(InputError, match="several projects"):
        store.get(Query, "q-1")
    assert store.get(Query, "q-1", project_id=other.id) == EACH_KIND[5]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["q-0", "q-1", "q-2", "q-3", "q-4"]),
    ({"limit": 2}, ["q-0", "q-1"]),
    ({"limit": 2, "offset": 1}, ["q-1", "q-2"]),
    ({"offset": 3}, ["q-3", "q-4"]),
    ({"status": Status.APPROVED}, ["q-1", "q-3"]),
    ({"status": [Status.APPROVED, Status.FLAGGED]}, ["q-1", "q-3", "q-4"]),
    ({"status": []}, []),
    ({"ids": ["q-3", "q-0", "absent"]}, ["q-0", "q-3"]),
    ({"ids": []}, []),
    ({"text": "KÜNDIGUNG"}, ["q-2"]),
    ({"text": "100%"}, ["q-3"]),
    ({"text": "_"}, []),
    ({"where": {"complexity": Complexity.SIMPLE}}, ["q-0"]),
    ({"where": {"stale": True}}, ["q-4"]),
    ({"status": Status.APPROVED, "where": {"type": "factual"}, "limit": 1}, ["q-1"]),
]


def test_filters(store: Store, project: Project) -> None:
    store.add(
        project.id,
        [
            Query(id="q-0", query="zero", complexity=Complexity.SIMPLE),
            Query(id="q-1", query="one", status=Status.APPROVED),
            Query(id="q-2", query="Frist der Kündigung"),
            Query(id="q-3", query="is 100% allowed", status=Status.APPROVED),
            Query(id="q-4", query="is 1000 allowed", status=Status.FLAGGED, stale=True),
        ],
    )
    for filters, expected in FILTERS:
        found = store.items(project.id, Query, **filters)
        assert [query.id for query in found] == expected, filters
        if not filters.keys() & {"limit", "offset"}:
            assert store.count(project.id, Query, **filters) == len(expected), filters


def test_filter_by_what_is_no_column(store: Store, project: Project) -> None:
    with pytest.raises(InputError, match="'grade'"):
        store.items(project.id, Query, where={"grade": 3})


def test_more_ids_than_a_statement_has_parameters(store: Store, project: Project) -> None:
    store.add(project.id, [QUERY])
    many = [f"absent-{number}" for number in range(70_000)]
    assert store.items(project.id, Query, ids=[*many, "q-1"]) == [QUERY]


def test_judgment_filters(store: Store, project: Project) -> None:
    queries = [Query(id=f"q-{n}", query=f"query {n}") for n in range(2)]
    passages = [Passage(id=f"d-{n}", text=f"passage {n}") for n in range(2)]
    judgments = [
        Judgment(id=f"j-{q}{d}-{s}", query_id=f"q-{q}", passage_id=f"d-{d}", grade=d, source=s)
        for q in range(2)
        for d in range(2)
        for s in (JudgmentSource.GENERATOR, JudgmentSource.JUDGE)
    ]
    store.add(project.id, [*queries, *passages, *judgments])

    def chosen(test: Callable[[Judgment], bool]) -> list[Judgment]:
        return [judgment for judgment in judgments if test(judgment)]

    assert store.judgments(project.id) == judgments
    assert store.judgments(project.id, query_ids=["q-1"]) == chosen(lambda j: j.query_id == "q-1")
    assert store.judgments(project.id, passage_ids=["d-0"], sources=[JudgmentSource.JUDGE]) == (
        chosen(lambda j: j.passage_id == "d-0" and j.source == JudgmentSource.JUDGE)
    )
    assert store.judgments(project.id, query_ids=[]) == []


def test_counts(store: Store, project: Project) -> None:
    store.add(project.id, EACH_KIND)
    store.set_status(project.id, Passage, ["d-1"], Status.REJECTED, who="Ada")
    none = {"proposed": 0, "approved": 0, "rejected": 0, "flagged": 0}
    one = none | {"proposed": 1}
    assert store.counts(project.id) == {
        "concept": one,
        "relationship": one,
        "typical_question": one,
        "document_type": one,
        "fact": one,
        "query": none | {"approved": 1},
        "passage": none | {"rejected": 1},
        "judgment": one,
    }


def test_absent_item(store: Store, project: Project) -> None:
    with pytest.raises(NotFound, match="query 'q-9'"):
        store.get(Query, "q-9")


def test_a_query_and_a_passage_may_share_an_id(store: Store) -> None:
    project = store.create_project(Domain(name="shared ids"))
    query, passage = Query(id="1", query="deposit"), Passage(id="1", text="The deposit is due.")
    assert store.add(project.id, [query, passage]) == [query, passage]
