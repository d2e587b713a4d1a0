from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from distiller.llm import Client, check, connect
from distiller.llm.exchange import request_hash
from distiller.llm.yesno import probability
from distiller.schema.errors import BudgetExceeded, InputError
from distiller.schema.usage import LedgerEntry, Outcome, Prompt, Usage
from distiller.settings import Settings
from tests.endpoint import ScriptedEndpoint, cut_off, data, slow, text, yes_no
from tests.llm.ledgers import MemoryLedger

Connect = Callable[..., Client]


def about(prompt: Prompt, user: str) -> Prompt:
    return prompt.model_copy(update={"user": user})


async def test_the_same_request_is_paid_once(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger
) -> None:
    with ScriptedEndpoint([text("one"), text("two")]) as endpoint:
        async with client_for(endpoint) as client:
            first = await client.complete(prompt, stage="queries")
        async with client_for(endpoint) as client:
            again = await client.complete(prompt, stage="queries")
            other = await client.complete(prompt, stage="queries", seed=1)
    assert (first.text, again.text, other.text) == ("one", "one", "two")
    assert (first.usage.completions, again.usage) == (1, Usage())
    assert first.request_hash == again.request_hash != other.request_hash
    entry = ledger.entries[0]
    assert (entry.project_id, entry.stage, entry.prompt) == ("p", "queries", "queries.write@1")
    assert entry.request == endpoint.requests[0]
    assert "sk-secret-key" not in entry.model_dump_json()
    assert endpoint.keys[0] == "Bearer sk-secret-key"


async def test_equal_requests_at_once_are_sent_once(client_for: Connect, prompt: Prompt) -> None:
    with ScriptedEndpoint(slow(text("one"), 0.05)) as endpoint:
        async with client_for(endpoint) as client:
            found = await asyncio.gather(
                *(client.complete(prompt, stage="queries") for _ in range(20))
            )
            assert client.usage.completions == 1
    assert {each.text for each in found} == {"one"}
    assert sum(each.usage.completions for each in found) == 1
    assert len(endpoint.requests) == 1


async def test_whoever_gives_up_does_not_take_the_answer_from_others(
    client_for: Connect, prompt: Prompt
) -> None:
    with ScriptedEndpoint(slow(text("one"), 0.1)) as endpoint:
        async with client_for(endpoint) as client:
            gone = asyncio.create_task(client.complete(prompt, stage="queries"))
            stays = asyncio.create_task(client.complete(prompt, stage="queries"))
            await asyncio.sleep(0.03)
            gone.cancel()
            assert (await stays).text == "one"
    assert len(endpoint.requests) == 1


def test_a_hash_depends_on_all_that_can_change_the_answer() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "é\ud800"}], "temperature": 0.5}
    turned = dict(reversed(body.items()))
    assert request_hash("e", body) == request_hash("e", turned)
    others = [("f", body, None), ("e", {**body, "temperature": 0.6}, None), ("e", body, 3)]
    assert len({request_hash(*other) for other in others} | {request_hash("e", body)}) == 4


class SlowLedger(MemoryLedger):
    """Its first transaction waits, so that completions gather."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        self.gate.wait(10)
        super().record(entries)


async def test_completions_gather_while_a_transaction_runs_and_wait_until_they_are_durable(
    settings_for: Callable[..., Settings], prompt: Prompt
) -> None:
    ledger = SlowLedger()
    with ScriptedEndpoint(text("one")) as endpoint:
        async with connect(settings_for(endpoint), ledger) as client:
            tasks = [
                asyncio.create_task(client.complete(about(prompt, str(n)), stage="queries"))
                for n in range(20)
            ]
            await asyncio.sleep(0.3)
            assert not any(task.done() for task in tasks)
            ledger.gate.set()
            await asyncio.gather(*tasks)
    assert len(ledger.entries) == 20
    assert ledger.transactions < 20


async def test_a_ledger_that_cannot_write_fails_the_call(
    settings_for: Callable[..., Settings], prompt: Prompt
) -> None:
    class Full(MemoryLedger):
        def record(self, entries: Sequence[LedgerEntry]) -> None:
            raise OSError("disk full")

    with ScriptedEndpoint(text("one")) as endpoint:
        async with connect(settings_for(endpoint), Full()) as client:
            with pytest.raises(OSError, match="disk full"):
                await client.complete(prompt, stage="queries")


async def test_concurrency_is_bounded_and_used(client_for: Connect, prompt: Prompt) -> None:
    with ScriptedEndpoint(slow(text("one"), 0.05)) as endpoint:
        async with client_for(endpoint, llm_concurrency=4) as client:
            assert client.concurrency == 4
            await asyncio.gather(
                *(client.complete(about(prompt, str(n)), stage="queries") for n in range(12))
            )
    assert endpoint.most_at_once == 4


async def test_text_that_was_cut_off_is_continued(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger
) -> None:
    with ScriptedEndpoint([cut_off("A lease "), text("ends.")]) as endpoint:
        async with client_for(endpoint) as client:
            found = await client.complete(prompt, stage="passages")
            assert (found.text, found.usage.completions) == ("A lease ends.", 2)
            again = await client.complete(prompt, stage="passages")
    assert (again.text, again.usage) == ("A lease ends.", Usage())
    assert endpoint.requests[1]["messages"][2] == {"role": "assistant", "content": "A lease "}
    assert [entry.outcome for entry in ledger.entries] == [Outcome.LENGTH, Outcome.OK, Outcome.OK]
    assert sum(entry.usage.completions for entry in ledger.entries) == 2


PRICES = "prices:\n  '*':\n    scripted: {input: 0.0, output: 1000.0}\n"


async def test_a_budget_is_never_exceeded_however_many_are_under_way(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger, tmp_path: Any
) -> None:
    # $1000 per million: a completion of 10 tokens costs $0.01, one of at most 100 reserves $0.10
    (tmp_path / "prices.yaml").write_text(PRICES)
    reply = text("one", completion_tokens=10)
    with ScriptedEndpoint(slow(reply, 0.01)) as endpoint:
        async with client_for(
            endpoint, budget=0.255, price_file=tmp_path / "prices.yaml"
        ) as client:
            tasks = [
                client.complete(about(prompt, str(n)), stage="queries", max_tokens=100)
                for n in range(40)
            ]
            found = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [each for each in found if isinstance(each, BudgetExceeded)]
    # the last one goes out while spent + 0.10 <= 0.255, so 16 are done: 15 * 0.01 + 0.10 <= 0.255
    assert len(found) - len(refused) == 16 == len(endpoint.requests)
    assert ledger.spent("p").cost == pytest.approx(16 * 0.01)
    assert "$0.1600 of the budget of $0.255" in str(refused[0])


async def test_a_budget_counts_what_was_spent_before(
    client_for: Connect, prompt: Prompt, tmp_path: Any
) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    options = {"budget": 0.15, "price_file": tmp_path / "prices.yaml"}
    with ScriptedEndpoint(text("one", completion_tokens=90)) as endpoint:
        async with client_for(endpoint, **options) as client:
            await client.complete(prompt, stage="queries", max_tokens=100)
        async with client_for(endpoint, **options) as client:
            assert (await client.complete(prompt, stage="queries", max_tokens=100)).text == "one"
            with pytest.raises(BudgetExceeded):
                await client.complete(about(prompt, "more"), stage="queries", max_tokens=100)
    assert len(endpoint.requests) == 1


async def test_a_budget_without_a_price_is_refused(client_for: Connect, prompt: Prompt) -> None:
    with ScriptedEndpoint(text("one")) as endpoint:
        async with client_for(endpoint, budget=5) as client:
            assert client.price is None
            with pytest.raises(BudgetExceeded, match="no price is known for model 'scripted'"):
                await client.complete(prompt, stage="queries")
    assert endpoint.requests == []


async def test_an_endpoint_that_does_not_count_is_charged_the_worst_case(
    client_for: Connect, prompt: Prompt, tmp_path: Any
) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    with ScriptedEndpoint(text("one", prompt_tokens=None)) as endpoint:
        async with client_for(endpoint, price_file=tmp_path / "prices.yaml") as client:
            found = await client.complete(prompt, stage="queries", max_tokens=50)
    assert found.usage.cost == pytest.approx(50 * 1000 / 1e6)


async def test_probability_of_yes(client_for: Connect, prompt: Prompt) -> None:
    with ScriptedEndpoint(yes_no(math.log(0.6), math.log(0.2))) as endpoint:
        async with client_for(endpoint) as client:
            assert await client.yes_probability(prompt, stage="judge") == pytest.approx(0.6 / 0.8)
            assert await client.yes_probability(prompt, stage="judge") == pytest.approx(0.6 / 0.8)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("refuses", "reply"), [({"logprobs"}, yes_no(-1, -1)), ((), text("Yes"))], ids=["400", "none"]
)
async def test_no_probability_where_the_endpoint_gives_none(
    client_for: Connect, prompt: Prompt, refuses: Any, reply: Any
) -> None:
    with ScriptedEndpoint(reply, refuses=refuses) as endpoint:
        async with client_for(endpoint) as client:
            assert await client.yes_probability(prompt, stage="judge") is None
            sent = len(endpoint.requests)
        async with client_for(endpoint) as client:
            assert await client.yes_probability(about(prompt, "two"), stage="judge") is None
    assert len(endpoint.requests) == sent


def test_probability_sums_spellings_and_is_never_certain() -> None:
    def top(**chances: float) -> list[dict[str, Any]]:
        return [{"token": token, "logprob": math.log(chance)} for token, chance in chances.items()]

    assert probability(top(Yes=0.3, yes=0.1, No=0.1)) == pytest.approx(0.4 / 0.5)
    assert probability([{"token": " Yes", "logprob": 0.0}]) == pytest.approx(1 / 1.001)
    assert probability(top(Maybe=0.9)) is None
    assert probability([]) is None


async def test_parameters_that_a_model_refuses_are_left_out(
    client_for: Connect, prompt: Prompt
) -> None:
    with ScriptedEndpoint(text("one"), refuses={"max_tokens", "temperature", "seed"}) as endpoint:
        async with client_for(endpoint) as client:
            first = await client.complete(prompt, stage="queries", seed=1)
            other = await client.complete(prompt, stage="queries", seed=2)
    assert set(endpoint.requests[-1]) == {"model", "messages", "max_completion_tokens"}
    assert first.request_hash != other.request_hash  # seeds tell requests apart all the same


async def test_check_says_what_was_found(client_for: Connect) -> None:
    def reply(body: Any) -> Any:
        if "response_format" in body:
            return data({"country": "France", "continent": "Europe"})
        return yes_no(-0.1, -3) if "logprobs" in body else text("one two", completion_tokens=30)

    with ScriptedEndpoint(reply) as endpoint:
        async with client_for(endpoint) as client:
            found = await check(client)
    assert (found.reachable, found.model_found, found.usable) == (True, True, True)
    assert (found.structured, found.logprobs) == ("json_schema", True)
    assert "structured outputs by json_schema, with log-probabilities" in found.verdict


def test_settings_without_a_model_or_a_url(settings_for: Callable[..., Settings]) -> None:
    with pytest.raises(InputError, match="--model"):
        connect(settings_for("http://127.0.0.1:1/v1", llm_model=""), MemoryLedger())
    with pytest.raises(InputError, match="http://host:port/v1"):
        connect(settings_for("gpt-4o"), MemoryLedger())
