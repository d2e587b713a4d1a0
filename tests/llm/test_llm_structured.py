from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from distiller.llm import Client
from distiller.llm.dialect import Mode
from distiller.schema.errors import (
    EmptyCompletion,
    EndpointError,
    InvalidCompletion,
    Refusal,
    TruncatedCompletion,
)
from distiller.schema.usage import Outcome, Prompt, Usage
from tests.endpoint import (
    ScriptedEndpoint,
    asked,
    cut_off,
    data,
    message,
    refusal,
    slow,
    status,
    text,
    tool_call,
)
from tests.llm.ledgers import MemoryLedger

Connect = Callable[..., Client]


class Written(BaseModel):
    query: str
    type: Literal["how", "what"] = "what"


class Batch(BaseModel):
    queries: list[Written]


class Judged(BaseModel):
    grade: int = Field(ge=0, le=3)
    explanation: str


def batch(*queries: str) -> dict[str, Any]:
    return {"queries": [{"query": query, "type": "what"} for query in queries]}


def written(found: Any) -> list[str]:
    return [each.query for each in found.value.queries]


ENDPOINTS: dict[Mode, tuple[set[str], Callable[[Any], Any]]] = {
    Mode.JSON_SCHEMA: (set(), data),
    Mode.TOOL: ({"json_schema"}, tool_call),
    Mode.JSON_OBJECT: ({"json_schema", "tools"}, data),
    Mode.PROMPT: (
        {"json_schema", "tools", "json_object"},
        lambda value: text(f"Here you are:\n```json\n{value}\n```".replace("'", '"')),
    ),
}


@pytest.mark.parametrize("mode", ENDPOINTS)
async def test_the_best_mode_that_works_is_found_once_and_remembered(
    client_for: Connect, prompt: Prompt, mode: Mode
) -> None:
    refuses, reply = ENDPOINTS[mode]
    with ScriptedEndpoint(reply(batch("a")), refuses=refuses) as endpoint:
        async with client_for(endpoint) as client:
            prompts = [prompt.model_copy(update={"user": str(n)}) for n in range(10)]
            found = await asyncio.gather(
                *(client.structured(each, Batch, stage="queries") for each in prompts)
            )
            assert {written(each)[0] for each in found} == {"a"}
            tried = list(Mode).index(mode)
            assert len(endpoint.requests) == 10 + tried  # each better mode was tried once
        async with client_for(endpoint) as client:
            await client.structured(prompt, Batch, stage="queries")
            assert client.exchange.dialect.structured is mode
    assert len(endpoint.requests) == 11 + tried


async def test_an_endpoint_that_ignores_the_schema_is_asked_otherwise(
    client_for: Connect, prompt: Prompt
) -> None:
    def reply(body: Any) -> Any:
        return data(batch("a")) if "json_object" in str(body) else text("Gladly: a, b and c.")

    with ScriptedEndpoint(reply) as endpoint:
        async with client_for(endpoint) as client:
            found = await client.structured(prompt, Batch, stage="queries")
            assert client.exchange.dialect.structured is Mode.JSON_OBJECT
    assert (written(found), found.usage.completions) == (["a"], 3)


async def test_a_mode_that_stops_working_is_replaced(client_for: Connect, prompt: Prompt) -> None:
    with ScriptedEndpoint(data(batch("a"))) as endpoint:
        async with client_for(endpoint) as client:
            await client.structured(prompt, Batch, stage="queries")
            endpoint.refuses = {"json_schema"}
            found = await client.structured(prompt, Batch, stage="queries", seed=2)
            assert client.exchange.dialect.structured is Mode.TOOL
    assert written(found) == ["a"]


async def test_what_was_cut_off_is_kept_and_the_rest_asked_for(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger
) -> None:
    first = (
        '{"queries": [{"query": "a", "type": "what"}, {"query": "b", "type": "how"}, {"query": "c'
    )
    script = [cut_off(first), cut_off(first.replace('"a"', '"c"')), data(batch("d", "a"))]
    with ScriptedEndpoint(script) as endpoint:
        async with client_for(endpoint) as client:
            found = await client.structured(prompt, Batch, stage="queries")
            again = await client.structured(prompt, Batch, stage="queries")
    assert written(found) == ["a", "b", "c", "d"]
    assert (again.value, again.usage) == (found.value, Usage())
    assert found.usage.completions == len(endpoint.requests) == 3
    shown = endpoint.requests[2]["messages"][-2]["content"]
    assert '"a"' in shown
    assert '"c"' in shown
    outcomes = [entry.outcome for entry in ledger.entries]
    assert outcomes == [Outcome.LENGTH, Outcome.LENGTH, Outcome.OK, Outcome.OK]


async def test_at_least_asks_for_more_until_nothing_more_comes(
    client_for: Connect, prompt: Prompt
) -> None:
    script = [data(batch("a", "b")), data(batch("b", "c")), data(batch("c")), data(batch("z"))]
    with ScriptedEndpoint(script) as endpoint:
        async with client_for(endpoint) as client:
            found = await client.structured(prompt, Batch, stage="queries", at_least=5)
    assert written(found) == ["a", "b", "c"]
    assert "(3 more are wanted)" in asked(endpoint.requests[1])
    assert len(endpoint.requests) == 3


async def test_at_least_is_enough(client_for: Connect, prompt: Prompt) -> None:
    first = (
        '{"queries": [{"query": "a", "type": "what"}, {"query": "b", "type": "how"}, {"query": "c'
    )
    with ScriptedEndpoint(cut_off(first)) as endpoint:
        async with client_for(endpoint) as client:
            found = await client.structured(prompt, Batch, stage="queries", at_least=2)
    assert (written(found), len(endpoint.requests)) == (["a", "b"], 1)


async def test_a_lone_object_that_was_cut_off_is_asked_for_with_more_tokens(
    client_for: Connect, prompt: Prompt
) -> None:
    script = [cut_off('{"grade": 2, "explanation": "it s'), data({"grade": 2, "explanation": "it"})]
    with ScriptedEndpoint(script) as endpoint:
        async with client_for(endpoint) as client:
            found = await client.structured(prompt, Judged, stage="judge", max_tokens=100)
    assert found.value == Judged(grade=2, explanation="it")
    assert [body["max_tokens"] for body in endpoint.requests] == [100, 200]


async def test_without_progress_the_truncation_is_an_error(
    client_for: Connect, prompt: Prompt
) -> None:
    with ScriptedEndpoint(cut_off('{"grade": 2, "explanation": "it s')) as endpoint:
        async with client_for(endpoint) as client:
            with pytest.raises(TruncatedCompletion) as caught:
                await client.structured(prompt, Judged, stage="judge", max_tokens=100)
    assert caught.value.completion.endswith("it s")
    assert [body["max_tokens"] for body in endpoint.requests] == [100, 200, 400]


async def test_items_kept_survive_a_rest_that_never_comes(
    client_for: Connect, prompt: Prompt
) -> None:
    script = [
        cut_off('{"queries": [{"query": "a", "type": "what"}, {"qu'),
        cut_off('{"queries": [{'),
    ]
    with ScriptedEndpoint(script) as endpoint:
        async with client_for(endpoint) as client:
            found = await client.structured(prompt, Batch, stage="queries")
    assert written(found) == ["a"]


async def known_mode(client: Client, prompt: Prompt) -> None:
    """Settle the mode, so that what follows is about repair alone."""
    client.exchange.dialect = client.exchange.dialect.model_copy(
        update={"structured": Mode.JSON_SCHEMA}
    )


async def test_one_repair_request_says_what_does_not_fit(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger
) -> None:
    script = [data({"grade": 7, "explanation": "x"}), data({"grade": 3, "explanation": "x"})]
    with ScriptedEndpoint(script) as endpoint:
        async with client_for(endpoint) as client:
            await known_mode(client, prompt)
            found = await client.structured(prompt, Judged, stage="judge")
            again = await client.structured(prompt, Judged, stage="judge")
    assert (found.value.grade, again.value.grade, again.usage) == (3, 3, Usage())
    assert "grade: Input should be less than or equal to 3" in asked(endpoint.requests[1])
    assert [e.outcome for e in ledger.entries] == [Outcome.INVALID, Outcome.OK, Outcome.OK]
    assert ledger.entries[0].usage.completions == 1  # it was paid


async def test_those_who_ask_the_same_share_the_repair_too(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger
) -> None:
    def reply(body: Any) -> Any:
        grade = 3 if "cannot be used" in asked(body) else 7
        return slow(data({"grade": grade, "explanation": "x"}), 0.05)

    with ScriptedEndpoint(reply) as endpoint:
        async with client_for(endpoint) as client:
            await known_mode(client, prompt)
            found = await asyncio.gather(
                *(client.structured(prompt, Judged, stage="judge") for _ in range(5))
            )
    assert {each.value.grade for each in found} == {3}
    assert len(endpoint.requests) == 2
    assert [e.outcome for e in ledger.entries] == [Outcome.INVALID, Outcome.OK, Outcome.OK]


@pytest.mark.parametrize(
    ("reply", "error", "outcome", "requests"),
    [
        (text('{"grade": 2, "expl'), InvalidCompletion, Outcome.INVALID, 2),
        (message(""), EmptyCompletion, Outcome.EMPTY, 1),
        (refusal(), Refusal, Outcome.REFUSAL, 1),
        (text("I'm sorry, but I can't help."), Refusal, Outcome.REFUSAL, 1),
        (message("", finish="content_filter"), Refusal, Outcome.REFUSAL, 1),
    ],
    ids=["half", "empty", "refusal", "refusal in words", "filtered"],
)
async def test_unusable_completions_are_recorded_as_what_they_are_and_never_reused(
    client_for: Connect,
    prompt: Prompt,
    ledger: MemoryLedger,
    reply: Any,
    error: type[Exception],
    outcome: Outcome,
    requests: int,
) -> None:
    with ScriptedEndpoint(reply) as endpoint:
        async with client_for(endpoint) as client:
            await known_mode(client, prompt)
            with pytest.raises(error):
                await client.structured(prompt, Judged, stage="judge")
            assert len(endpoint.requests) == requests
            assert {entry.outcome for entry in ledger.entries} == {outcome}
            assert client.usage.completions == requests
            endpoint.script = [data({"grade": 1, "explanation": "x"})]
            found = await client.structured(prompt, Judged, stage="judge")
    assert found.value.grade == 1


async def test_a_bare_list_is_taken_for_the_only_list(client_for: Connect, prompt: Prompt) -> None:
    with ScriptedEndpoint(data([{"query": "a"}])) as endpoint:
        async with client_for(endpoint) as client:
            assert written(await client.structured(prompt, Batch, stage="queries")) == ["a"]


async def test_a_prompt_that_is_too_long_is_no_reason_to_change_the_mode(
    client_for: Connect, prompt: Prompt
) -> None:
    too_long = status(400, "This model's maximum context length is 4096 tokens.")
    with ScriptedEndpoint([data(batch("a")), too_long]) as endpoint:
        async with client_for(endpoint) as client:
            await client.structured(prompt, Batch, stage="queries")
            with pytest.raises(EndpointError, match="shorten the input"):
                await client.structured(prompt, Batch, stage="queries", seed=2)
            assert client.exchange.dialect.structured is Mode.JSON_SCHEMA
    assert len(endpoint.requests) == 2
