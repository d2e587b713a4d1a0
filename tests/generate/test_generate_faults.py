"""What happens when a model or its endpoint does not do what it should; a real server, scripted."""

from __future__ import annotations

import json
from collections import Counter

import openai
import pytest
from endpoint import Scripted, data, refusal, status, text
from scripted_writer import Connect, Writer

from distiller.generate import (
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
)
from distiller.generate.aptness import complexity_of
from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import (
    AuthenticationFailed,
    EndpointUnreachable,
    InputError,
    StageFailed,
)
from distiller.schema.examples import (
    CONTRASTIVE_STRATEGIES,
    Complexity,
    Judgment,
    JudgmentSource,
    Passage,
    Query,
    Strategy,
)
from distiller.schema.jobs import Progress
from distiller.schema.knowledge import Concept
from distiller.store import Store


def concepts(*terms: str) -> list[Concept]:
    return [
        Concept(id=f"c-{term}", term=term, definition=f"What a lease says about {term}.")
        for term in terms
    ]


def queries(*texts: str) -> list[Query]:
    return [Query(id=f"q-{n}", query=text, key_concepts=["rent"]) for n, text in enumerate(texts)]


QUERIES = queries(
    "may the landlord keep my deposit for old scratches on the floor",
    "who pays for a broken heater in winter",
    "notice period after fifteen years in the same flat",
    "is a verbal sublease valid without consent of the owner",
)


async def test_a_second_run_asks_for_nothing(store: Store, project: Project, connected: Connect):
    writer = Writer()
    async with connected(writer) as client:
        for _ in range(2):
            before = sum(writer.asked.values())
            await generate_knowledge(store, project, client, concepts=8)
            await generate_queries(store, project, client, count=6)
            await generate_passages(store, project, client)
            report = await judge_passages(store, project, client)
    assert sum(writer.asked.values()) == before
    assert (report.made, report.present, report.usage.completions) == (0, 24, 0)


async def test_more_of_each_is_added_to_what_is_there(
    store: Store, project: Project, connected: Connect
):
    async with connected(Writer()) as client:
        await generate_knowledge(store, project, client, concepts=4)
        await generate_knowledge(store, project, client, concepts=9)
        await generate_queries(store, project, client, count=3)
        report = await generate_queries(store, project, client, count=11)
        await generate_passages(store, project, client, negatives_per_query=1)
        await generate_passages(
            store, project, client, positives_per_query=2, negatives_per_query=2
        )
    assert (report.made, report.present) == (8, 3)
    assert store.count(project.id, Concept) == 9
    assert store.count(project.id, Query) == 11
    assert store.count(project.id, Passage) == 11 * 4


async def test_rejected_items_are_replaced(store: Store, project: Project, connected: Connect):
    async with connected(Writer()) as client:
        await generate_knowledge(store, project, client, concepts=4)
        await generate_queries(store, project, client, count=5)
        refused = [query.id for query in store.items(project.id, Query)][:2]
        store.set_status(project.id, Query, refused, Status.REJECTED, who="expert")
        report = await generate_queries(store, project, client, count=5)
    assert report.made == 2
    assert store.count(project.id, Query) == 7


async def test_an_edited_query_is_not_written_again(
    store: Store, project: Project, connected: Connect
):
    async with connected(Writer()) as client:
        await generate_knowledge(store, project, client, concepts=4)
        await generate_queries(store, project, client, count=4)
        query = store.items(project.id, Query)[0]
        store.edit(query.model_copy(update={"query": "who pays the heater"}), who="expert")
        report = await generate_queries(store, project, client, count=4)
    assert report.made == 0


async def test_duplicates_are_replaced_until_the_count_is_reached(
    store: Store, project: Project, connected: Connect
):
    same = {"concept": "rent", "query": "may a tenant withhold rent while the repair is not done"}
    twice = {
        "concept": "rent",
        "query": "May tenants withhold the rent while a repair is not done?",
    }

    def fault(name: str, turn: int) -> Scripted | None:
        return data({"queries": [same, twice, same, same]}) if "Quer" in name and turn < 3 else None

    store.add(project.id, concepts("rent", "repair"))
    async with connected(Writer(fault), concurrency=1) as client:
        report = await generate_queries(store, project, client, count=9)
    texts = [query.query for query in store.items(project.id, Query)]
    assert len(texts) == 9
    assert len([text for text in texts if "withhold rent while" in text]) == 1
    assert report.failed == 0


async def test_a_model_that_repeats_itself_ends_the_stage_with_a_note(
    store: Store, project: Project, connected: Connect
):
    entry = {
        "term": "rent",
        "definition": "What a tenant pays.",
        "example": "",
        "related_terms": [],
    }
    query = {"concept": "rent", "query": "when is the rent for a flat due each month by law"}

    def fault(name: str, turn: int) -> Scripted | None:
        answers = {"Glossary": {"entries": [entry] * 6}, "queries": {"queries": [query] * 4}}
        return (
            data(answers["queries" if "Quer" in name else name])
            if (name == "Glossary" or "Quer" in name)
            else None
        )

    async with connected(Writer(fault)) as client:
        knowledge = await generate_knowledge(store, project, client, concepts=10)
        queries_ = await generate_queries(store, project, client, count=10)
    assert store.count(project.id, Concept) == 1
    assert "1 of 10; describe the field in more words" in knowledge.notes[0]
    assert store.count(project.id, Query) == 1
    assert "9 of 10 queries are missing" in queries_.notes[0]


async def test_half_of_the_items_fail_and_are_retried_by_the_next_run(
    store: Store, project: Project, connected: Connect
):
    def fault(name: str, turn: int) -> Scripted | None:
        short = {"title": "Rent", "sentences": ["Pay."], "explanation": "Short."}
        return data(short) if name == "WrittenPassage" and broken and turn % 3 else None

    store.add(project.id, QUERIES)
    broken = True
    async with connected(Writer(fault), concurrency=1) as client:
        first = await generate_passages(store, project, client, negatives_per_query=0)
        failures = store.failures(project.id, "passages")
        broken = False
        second = await generate_passages(store, project, client, negatives_per_query=0)
    assert (first.made, first.failed) == (2, 2)
    assert all("InvalidCompletion: 1 words, at least 50" in f.reason for f in failures)
    assert all('"Pay."' in failure.completion for failure in failures)
    assert "2 failed, most often (2) with InvalidCompletion" in first.notes[0]
    assert (second.made, second.present, second.failed) == (2, 2, 0)
    assert store.failures(project.id) == []


async def test_what_failed_in_three_runs_is_left_alone(
    store: Store, project: Project, connected: Connect
):
    def fault(name: str, turn: int) -> Scripted | None:
        return refusal() if name == "WrittenPassage" and turn > 3 else None

    store.add(project.id, QUERIES)
    writer = Writer(fault)
    async with connected(writer, concurrency=1) as client:
        for _ in range(3):
            await generate_passages(store, project, client, negatives_per_query=0)
        asked = writer.asked["WrittenPassage"]
        report = await generate_passages(store, project, client, negatives_per_query=0)
    assert [failure.attempts for failure in store.failures(project.id)] == [3]
    assert writer.asked["WrittenPassage"] == asked
    assert (report.present, report.failed) == (3, 1)
    assert "Refusal" in report.notes[0]


async def test_a_stage_in_which_all_failed_says_why(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, concepts("rent"))
    async with connected(lambda body: refusal()) as client:
        with pytest.raises(StageFailed, match=r"stage 'queries'.*Refusal.*run again") as caught:
            await generate_queries(store, project, client, count=5)
    assert "\n" not in str(caught.value)
    assert store.failures(project.id, "queries")


@pytest.mark.parametrize(("code", "error"), [(401, AuthenticationFailed)])
async def test_a_wrong_key_stops_the_stage_at_once(
    code: int, error: type[Exception], store: Store, project: Project, connected: Connect
):
    store.add(project.id, QUERIES)
    async with connected(lambda body: status(code)) as client:
        with pytest.raises(error):
            await generate_passages(store, project, client)
    assert store.failures(project.id) == []


@pytest.mark.slow
async def test_an_outage_stops_the_stage_and_keeps_what_is_done(
    store: Store, project: Project, connected: Connect, monkeypatch: pytest.MonkeyPatch
):
    # The openai client waits half a second and more between retries; here it need not.
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.002)

    def fault(name: str, turn: int) -> Scripted | None:
        return status(503) if name == "WrittenPassage" and down and turn > 2 else None

    store.add(project.id, QUERIES)
    down = True
    async with connected(Writer(fault), concurrency=1) as client:
        with pytest.raises(EndpointUnreachable):
            await generate_passages(store, project, client, negatives_per_query=2)
        kept = store.count(project.id, Passage)
        down = False
        report = await generate_passages(store, project, client, negatives_per_query=2)
    assert kept == 2
    assert report.present == 2
    assert store.count(project.id, Passage) == 4 * 3


async def test_another_language_is_asked_for_again_more_firmly(store: Store, connected: Connect):
    german = store.create_project(Domain(name="Mietrecht", language="de", template="legal"))
    sentences = [
        f"Der Vermieter muss den {n} Mangel der Wohnung innerhalb einer angemessenen Frist beheben"
        for n in ("ersten", "zweiten", "dritten", "vierten", "fünften", "sechsten")
    ]
    seen: list[str] = []

    def reply(body: dict[str, object]) -> Scripted:
        user = body["messages"][1]["content"]  # type: ignore[index]
        seen.append(user)
        firm = user.endswith("Write every word in German, in no other language.")
        told = {"title": "Mangel", "sentences": sentences, "explanation": "Sagt, wann."}
        return data(told if firm else Writer().passage(6))

    store.add(german.id, queries("wann muss der Vermieter die Heizung reparieren"))
    async with connected(reply) as client:
        report = await generate_passages(store, german, client, negatives_per_query=0)
    assert (report.made, report.failed, len(seen)) == (1, 0, 2)
    assert store.items(german.id, Passage)[0].text.startswith("Der Vermieter")


async def test_a_reworded_query_is_no_hard_negative(
    store: Store, project: Project, connected: Connect
):
    def fault(name: str, turn: int) -> Scripted | None:
        same = {"kind": "other", "query": QUERIES[0].query.upper()}
        return data({"queries": [same] * 3}) if name == "OtherQueries" else None

    store.add(project.id, QUERIES[:1])
    async with connected(Writer(fault), concurrency=1) as client:
        report = await generate_passages(store, project, client)
    assert report.failed
    assert "only rewords the query" in report.notes[0]
    assert store.count(project.id, Passage) == 1


async def test_where_the_model_only_rewords_another_query_of_the_project_stands_in(
    store: Store, project: Project, connected: Connect
):
    def fault(name: str, turn: int) -> Scripted | None:
        same = {"kind": "other", "query": QUERIES[0].query}
        return data({"queries": [same]}) if name == "OtherQueries" and turn < 3 else None

    store.add(project.id, QUERIES)
    async with connected(Writer(fault), concurrency=1) as client:
        await generate_passages(store, project, client, negatives_per_query=1)
    first = store.judgments(project.id, query_ids=[QUERIES[0].id])
    negative = next(label for label in first if label.strategy is Strategy.STANDARD)
    assert any(f"“{other.query}”" in negative.explanation for other in QUERIES[1:])


async def test_contrastive_negatives_follow_all_six_strategies(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, QUERIES)
    async with connected(Writer()) as client:
        await generate_passages(store, project, client, contrastive=True)
    labels = [label for label in store.judgments(project.id) if label.grade < 2]
    counts = Counter(label.strategy for label in labels)
    assert counts == dict.fromkeys(CONTRASTIVE_STRATEGIES, 4 * 3 / 6)


async def test_the_judge_sees_no_label_and_no_strategy(
    store: Store, project: Project, connected: Connect
):
    bodies: list[str] = []
    writer = Writer()

    def reply(body: dict[str, object]) -> Scripted:
        bodies.append(json.dumps(body["messages"]))
        return writer(body)

    store.add(project.id, QUERIES[:2])
    async with connected(reply) as client:
        await generate_passages(store, project, client, contrastive=True)
        bodies.clear()
        await judge_passages(store, project, client)
    for word in ("strategy", "negative", "positive", "premise", "generator", "Defects"):
        assert any(word in body for body in bodies) is (word == "Defects")


async def test_judgments_carry_grade_reason_and_probability(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, QUERIES[:1])
    async with connected(Writer()) as client:
        await generate_passages(store, project, client, negatives_per_query=0)
        await judge_passages(store, project, client)
    [given] = store.judgments(project.id, sources=[JudgmentSource.JUDGE])
    assert (given.grade, given.explanation) == (2, "The passage tells what is asked.")
    assert given.score is not None
    assert 0.5 < given.score < 1


async def test_without_log_probabilities_there_is_no_score(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, QUERIES[:1])
    async with connected(Writer(), refuses=("logprobs",)) as client:
        await generate_passages(store, project, client, negatives_per_query=0)
        await judge_passages(store, project, client)
    [given] = store.judgments(project.id, sources=[JudgmentSource.JUDGE])
    assert given.score is None


async def test_what_was_changed_is_judged_anew(store: Store, project: Project, connected: Connect):
    store.add(project.id, QUERIES[:1])
    async with connected(Writer()) as client:
        await generate_passages(store, project, client, negatives_per_query=0)
        await judge_passages(store, project, client)
        [passage] = store.items(project.id, Passage)
        store.edit(passage.model_copy(update={"text": "Rent is due on Monday."}), who="expert")
        report = await judge_passages(store, project, client)
    [given] = store.judgments(project.id, sources=[JudgmentSource.JUDGE])
    assert (report.made, given.stale, given.version > 1) == (1, False, True)


async def test_progress_ends_at_its_total(store: Store, project: Project, connected: Connect):
    told: list[Progress] = []
    store.add(project.id, QUERIES)
    async with connected(Writer()) as client:
        await generate_passages(store, project, client, on_progress=told.append)
    assert told[-1].done == told[-1].total == 4 * 4
    assert told[-1].usage.completions > 0


@pytest.mark.parametrize(
    ("stage", "hint"),
    [
        (lambda s, p, c: generate_queries(s, p, c, count=2), "run `distiller bootstrap` first"),
        (generate_passages, "run `distiller generate-queries` first"),
        (judge_passages, "run `distiller generate-documents` first"),
    ],
)
async def test_a_stage_out_of_order_says_what_comes_first(
    stage, hint: str, store: Store, project: Project, connected: Connect
):
    async with connected(lambda body: text("never asked")) as client:
        with pytest.raises(InputError, match=hint):
            await stage(store, project, client)


async def test_the_judge_grades_imported_pairs_too(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, QUERIES[:1])
    store.add(project.id, [Passage(id="p", text="The tenant pays for small repairs.")])
    label = Judgment(id="j", query_id="q-0", passage_id="p", grade=1, strategy=Strategy.IMPORTED)
    store.add(project.id, [label])
    async with connected(Writer()) as client:
        assert (await judge_passages(store, project, client)).made == 1


async def test_a_query_that_parrots_the_definition_is_asked_for_again(
    store: Store, project: Project, connected: Connect
):
    definition = "A sum that the tenant pays and that secures the landlord against unpaid rent."
    parroted = "what is the sum the tenant pays that secures the landlord against unpaid rent"

    def fault(name: str, turn: int) -> Scripted | None:
        answer = {"queries": [{"concept": "deposit", "query": parroted}]}
        return data(answer) if "Quer" in name and turn < 3 else None

    store.add(project.id, [Concept(id="c", term="deposit", definition=definition)])
    writer = Writer(fault)
    async with connected(writer, concurrency=1) as client:
        report = await generate_queries(store, project, client, count=1, complexity="complex")
    assert report.made == 1
    [query] = store.items(project.id, Query)
    assert query.query != parroted
    # what was asked for is not what was written
    assert query.complexity is complexity_of(query.query, "en") is not Complexity.COMPLEX


async def test_queries_that_only_parrot_fail_the_stage(
    store: Store, project: Project, connected: Connect
):
    definition = "A sum that the tenant pays and that secures the landlord against unpaid rent."
    parroted = {"queries": [{"concept": "deposit", "query": definition}]}
    store.add(project.id, [Concept(id="c", term="deposit", definition=definition)])
    writer = Writer(lambda name, turn: data(parroted))
    async with connected(writer) as client:
        with pytest.raises(StageFailed, match="2 of 2 queries are missing"):
            await generate_queries(store, project, client, count=2)
    assert store.count(project.id, Query) == 0
