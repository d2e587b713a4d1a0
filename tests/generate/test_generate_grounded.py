"""Queries from a corpus: a real client and server, a scripted model."""

from __future__ import annotations

from collections import Counter

import pytest
from corpus import passage, passages, topic_of
from endpoint import Scripted, data
from scripted_writer import Connect, Writer

from distiller.generate import Focus, generate_passages, generate_queries, judge_passages
from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import BudgetExceeded, InputError, StageFailed
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.schema.knowledge import Concept
from distiller.store import Store

RENT = Concept(id="c-rent", term="rent", definition="What a tenant pays for the use of a home.")
HALF = Focus(grounded_share=0.5)
WALL = Concept(id="c-wall", term="amberwall", definition="A wall of amber.")


def written(store: Store, project: Project) -> list[Query]:
    return store.items(project.id, Query)


def sources(store: Store, project: Project) -> dict[str, Passage]:
    """Query → the passage it was written from."""
    found = {item.id: item for item in store.items(project.id, Passage)}
    return {j.query_id: found[j.passage_id] for j in store.judgments(project.id)}


async def test_queries_are_written_from_passages_that_cover_the_corpus(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(6))
    async with connected(Writer()) as client:
        report = await generate_queries(store, project, client, count=18, per_passage=3)
    assert (report.made, report.failed, report.notes) == (18, 0, [])
    asked = {item.id: item for item in sources(store, project).values()}
    assert Counter(topic_of(item.text) for item in asked.values()) == {
        "deposits": 2,
        "heating": 2,
        "notice": 2,
    }


async def test_a_grounded_query_carries_its_passage_as_span_and_positive(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, [RENT, WALL, *passages(2)])
    async with connected(Writer()) as client:
        await generate_queries(store, project, client, count=4, per_passage=2)
    found = sources(store, project)
    for query in written(store, project):
        assert query.provenance.source == "model"
        assert query.provenance.model == "scripted"
        assert query.provenance.prompt == "queries.grounded@1"
        assert query.provenance.span == found[query.id].provenance.span
        assert "rent" in query.key_concepts
    labels = store.items(project.id, Judgment)
    assert {(j.grade, j.strategy, j.source) for j in labels} == {
        (3, Strategy.POSITIVE, JudgmentSource.GENERATOR)
    }
    assert len(labels) == 4


async def test_several_kinds_are_asked_of_each_passage(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(1))
    writer = Writer()
    async with connected(writer) as client:
        await generate_queries(store, project, client, count=9, per_passage=3)
    assert writer.asked == {"PassageQueries": 3}
    kinds: dict[str, set[str]] = {}
    for query_id, item in sources(store, project).items():
        kinds.setdefault(item.id, set()).add(store.get(Query, query_id).type)
    assert [len(found) for found in kinds.values()] == [3, 3, 3]


async def test_a_passage_is_asked_for_what_it_can_answer_only(store: Store, connected: Connect):
    project = store.create_project(Domain(name="pets in rented homes", template="legal"))
    store.add(project.id, [passage("A quiet cat or dog is welcome unless it harms neighbours.")])
    async with connected(Writer()) as client:
        await generate_queries(store, project, client, count=9)
    assert {query.type for query in written(store, project)} <= {"rule", "situation", "keywords"}


async def test_a_second_run_asks_for_nothing_and_a_larger_one_goes_on(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(6))
    writer = Writer()
    async with connected(writer) as client:
        await generate_queries(store, project, client, count=6)
        before = sum(writer.asked.values())
        again = await generate_queries(store, project, client, count=6)
        assert sum(writer.asked.values()) == before
        more = await generate_queries(store, project, client, count=12)
    assert (again.made, again.present, more.made) == (0, 6, 6)
    used = Counter(item.id for item in sources(store, project).values())
    assert set(used.values()) == {3}


async def test_rejected_queries_are_replaced_from_other_passages(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(4))
    async with connected(Writer()) as client:
        await generate_queries(store, project, client, count=6)
        refused = [query.id for query in written(store, project)][:2]
        store.set_status(project.id, Query, refused, Status.REJECTED, who="expert")
        report = await generate_queries(store, project, client, count=6)
    assert report.made == 2
    assert len(written(store, project)) == 8


async def test_passages_are_asked_again_for_other_queries_once_all_were_asked(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(1))
    async with connected(Writer()) as client:
        report = await generate_queries(store, project, client, count=14, per_passage=2)
    assert report.made == 14
    used = Counter(item.id for item in sources(store, project).values())
    assert sorted(used.values()) == [4, 4, 6]


async def test_a_corpus_that_gives_no_more_ends_with_a_note(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(1, ("notice",)))
    async with connected(Writer()) as client:
        report = await generate_queries(store, project, client, count=20, per_passage=2)
    assert report.made == 6
    assert "14 queries from documents are missing" in report.notes[0]


def saying(*texts: str) -> Writer:
    """A writer whose every answer is these queries."""

    def fault(name: str, turn: int) -> Scripted | None:
        found = [{"query": text} for text in texts]
        return data({"queries": found}) if name == "PassageQueries" else None

    return Writer(fault)


APT = "how long may the owner keep what I paid at the start"


@pytest.mark.parametrize(
    "text",
    [
        "when is the deposit on an account of its own and returned",
        "what does the passage say about deposits",
        "according to the text who gets the interest",
        "the landlord keeps the amber deposit",
        "deposit; at most 8 words",
        "why does my bike brake get soft after filling in the wrong fluid",
        "why does it matter",
        "x",
    ],
)
async def test_what_no_searcher_types_is_refused(
    store: Store, project: Project, connected: Connect, text: str
):
    store.add(project.id, passages(1, ("deposits",)))
    async with connected(saying(text, APT)) as client:
        await generate_queries(store, project, client, count=2, per_passage=2)
    assert [query.query for query in written(store, project)] == [APT]


async def test_an_unusable_answer_is_kept_with_its_passage_and_retried(
    store: Store, project: Project, connected: Connect
):
    items = passages(1, ("deposits", "heating"))
    store.add(project.id, items)
    copy = "what does this passage say about it"

    def fault(name: str, turn: int) -> Scripted | None:
        return data({"queries": [{"query": copy}]}) if broken else None

    writer = Writer(fault)
    broken = True
    async with connected(writer) as client:
        with pytest.raises(StageFailed, match="no usable query"):
            await generate_queries(store, project, client, count=2, per_passage=1)
        keys = {failure.key for failure in store.failures(project.id, "queries")}
        assert {f"grounded/{item.id}/0" for item in items} <= keys
        broken = False
        report = await generate_queries(store, project, client, count=2, per_passage=1)
    assert (report.made, report.failed) == (2, 0)


async def test_answers_in_another_language_are_asked_for_firmly(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(1, ("heating",)))
    other = "冬天房间必须有多暖和如果暖气坏了房客可以做什么"

    def fault(name: str, turn: int) -> Scripted | None:
        return data({"queries": [{"query": other}]}) if turn == 1 else None

    asked: list[str] = []
    writer = Writer(fault)

    def script(body: dict[str, object]) -> Scripted:
        asked.append(str(body))
        return writer(body)

    async with connected(script) as client:
        report = await generate_queries(store, project, client, count=1, per_passage=1)
    assert report.made == 1
    assert "Write every word in English" not in asked[0]
    assert "Write every word in English" in asked[1]


async def test_the_same_query_from_two_passages_is_kept_once(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(2))
    async with connected(saying(APT)) as client:
        report = await generate_queries(store, project, client, count=3, per_passage=1)
    assert [query.query for query in written(store, project)] == [APT]
    assert "2 queries from documents are missing" in report.notes[0]


async def test_passages_of_older_versions_and_rejected_ones_are_not_read(
    store: Store, project: Project, connected: Connect
):
    good, old, bad = passages(1)
    old.stale = True
    store.add(project.id, [good, old, bad])
    store.set_status(project.id, Passage, [bad.id], Status.REJECTED, who="expert")
    async with connected(Writer()) as client:
        report = await generate_queries(store, project, client, count=20, per_passage=2)
    assert {item.id for item in sources(store, project).values()} == {good.id}
    assert report.made == 6


async def test_a_share_is_written_from_words(store: Store, project: Project, connected: Connect):
    store.add(project.id, [RENT, *passages(4)])
    writer = Writer()
    async with connected(writer) as client:
        report = await generate_queries(store, project, client, count=12, focus=HALF)
        again = await generate_queries(store, project, client, count=12, focus=HALF)
    spans = Counter(query.provenance.span is not None for query in written(store, project))
    assert spans == {True: 6, False: 6}
    assert (report.made, again.made) == (12, 0)


async def test_without_documents_a_grounded_share_is_refused(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, [RENT])
    async with connected(Writer()) as client:
        with pytest.raises(InputError, match="run `distiller ingest` first"):
            await generate_queries(store, project, client, count=2, focus=HALF)
        await generate_queries(store, project, client, count=2)
    assert [query.provenance.span for query in written(store, project)] == [None, None]


async def test_a_share_from_words_needs_concepts(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(1))
    async with connected(Writer()) as client:
        with pytest.raises(InputError, match="run `distiller bootstrap` first"):
            await generate_queries(store, project, client, count=2, focus=HALF)
    assert written(store, project) == []


async def test_a_spent_budget_keeps_what_is_written(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(6))

    def fault(name: str, turn: int) -> Scripted | None:
        if turn > 2:
            raise AssertionError("asked after the budget was spent")
        return None

    async with connected(Writer(fault), concurrency=1) as client:
        one = client.structured

        async def structured(*args: object, **options: object) -> object:
            if len(written(store, project)) >= 6:
                raise BudgetExceeded("the budget of 1 dollar is spent")
            return await one(*args, **options)  # type: ignore[arg-type]

        client.structured = structured  # type: ignore[method-assign]
        with pytest.raises(BudgetExceeded):
            await generate_queries(store, project, client, count=18)
    assert len(written(store, project)) == 6
    assert len(store.items(project.id, Judgment)) == 6


async def test_corpus_positives_count_and_negatives_are_written_on_request_only(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, [RENT, *passages(2)])
    async with connected(Writer()) as client:
        await generate_queries(store, project, client, count=8, focus=HALF, per_passage=2)
        first = await generate_passages(store, project, client, negatives_per_query=2)
        asked = await generate_passages(
            store, project, client, negatives_per_query=2, grounded_negatives=1
        )
        judged = await judge_passages(store, project, client)
    assert (first.made, first.present) == (4 * 3, 4)
    assert (asked.made, asked.present) == (4, 4 + 4 * 3)
    assert judged.made == 4 * 3 + 4 * 2


async def test_a_long_passage_is_shown_up_to_a_sentence(
    store: Store, project: Project, connected: Connect
):
    sentence = "The landlord mends what rain has damaged within a month after the notice. "
    store.add(project.id, [passage(sentence * 40 + "The very last words are odd.", title="Damage")])
    prompts: list[str] = []
    writer = Writer()

    def script(body: dict[str, object]) -> Scripted:
        prompts.append(str(body["messages"]))
        return writer(body)

    async with connected(script) as client:
        await generate_queries(store, project, client, count=1, per_passage=1)
    shown = prompts[0].split("<passage>")[-1].split("</passage>")[0]
    assert shown.startswith("Damage. The landlord")
    assert shown.endswith("after the notice.")
    assert 600 < len(shown) < 1_100


async def test_the_prompt_shows_the_experts_queries_and_terms_of_the_passage(
    store: Store, project: Project, connected: Connect
):
    deposit = Concept(id="c-1", term="Deposits", definition="Money held against damage.")
    store.add(project.id, [deposit, RENT, *passages(1, ("deposits",))])
    prompts: list[str] = []
    writer = Writer()

    def script(body: dict[str, object]) -> Scripted:
        prompts.append(str(body["messages"]))
        return writer(body)

    async with connected(script) as client:
        await generate_queries(store, project, client, count=1, per_passage=1)
    assert "<example>rent too late, and now?</example>" in prompts[0]
    assert "Terms of the field in it: Deposits" in prompts[0]
    assert written(store, project)[0].key_concepts == ["rent"]


async def test_another_language_of_the_field_reaches_the_prompt(store: Store, connected: Connect):
    german = store.create_project(Domain(name="Mietrecht", language="de", template="legal"))
    text = (
        "Die Kaution ist getrennt vom Vermögen des Vermieters anzulegen und nach dem Ende des "
        "Mietverhältnisses abzurechnen, sobald feststeht, welche Ansprüche dem Vermieter zustehen."
    )
    store.add(german.id, [passage(text)])
    query = "wann bekomme ich mein Geld nach dem Auszug wieder"
    async with connected(saying(query, "was steht in diesem Text über die Kaution")) as client:
        await generate_queries(store, german, client, count=2, per_passage=2)
    assert [item.query for item in written(store, german)] == [query]
