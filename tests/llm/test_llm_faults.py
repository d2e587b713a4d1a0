"""An endpoint that misbehaves, over real HTTP."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from distiller.llm import Client, check
from distiller.schema.errors import (
    AuthenticationFailed,
    EmptyCompletion,
    EndpointError,
    EndpointUnreachable,
    InvalidCompletion,
    ModelNotFound,
    RateLimited,
    Refusal,
)
from distiller.schema.usage import Outcome, Prompt
from tests.endpoint import (
    Scripted,
    ScriptedEndpoint,
    dropped,
    hang,
    message,
    refusal,
    status,
    text,
)
from tests.llm.ledgers import MemoryLedger

Connect = Callable[..., Client]
pytestmark = pytest.mark.usefixtures("fast_retries")


@pytest.mark.parametrize(
    ("reply", "error", "says", "sent"),
    [
        (
            status(401, "Incorrect API key: sk-secret-key"),
            AuthenticationFailed,
            "OPENAI_API_KEY",
            1,
        ),
        (status(403), AuthenticationFailed, "OPENAI_API_KEY", 1),
        (status(404, "no such model"), ModelNotFound, "'scripted' (404: no such model)", 1),
        (status(429, "slow down"), RateLimited, "slow down", 5),
        (status(500), EndpointUnreachable, "after retries", 5),
        (status(503), EndpointUnreachable, "503", 5),
        (status(400, "context length exceeded"), EndpointError, "context length exceeded", 1),
        (Scripted(b'{"choices": [{"mess'), InvalidCompletion, "not a chat completion", 1),
        (Scripted(b"<html>proxy</html>"), InvalidCompletion, "not a chat completion", 1),
        (Scripted(b'{"choices": []}'), InvalidCompletion, "not a chat completion", 1),
        (dropped(text("one")), EndpointUnreachable, "cannot reach", 5),
        (message(None), EmptyCompletion, "empty", 1),
        (message("  \n"), EmptyCompletion, "empty", 1),
        (refusal("I will not."), Refusal, "I will not.", 1),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
async def test_each_fault_has_its_error_and_its_line_in_the_ledger(
    client_for: Connect,
    prompt: Prompt,
    ledger: MemoryLedger,
    reply: Scripted,
    error: type[EndpointError],
    says: str,
    sent: int,
) -> None:
    with ScriptedEndpoint(reply) as endpoint:
        async with client_for(endpoint) as client:
            with pytest.raises(error) as caught:
                await client.complete(prompt, stage="queries")
            assert type(caught.value) is error or error is EndpointError
            said = str(caught.value)
            assert says in said
            assert "\n" not in said
            assert "sk-secret-key" not in said + ledger.entries[0].error
            assert len(endpoint.requests) == sent
            assert [entry.outcome for entry in ledger.entries] != [Outcome.OK]
            endpoint.script = [text("well again")]
            assert (await client.complete(prompt, stage="queries")).text == "well again"


async def test_retry_after_is_obeyed_and_nothing_is_lost(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger
) -> None:
    with ScriptedEndpoint([status(429, Retry_After="1"), status(500), text("one")]) as endpoint:
        async with client_for(endpoint) as client:
            started = time.monotonic()
            assert (await client.complete(prompt, stage="queries")).text == "one"
    assert time.monotonic() - started >= 1.0  # what the endpoint asked for, not how fast we are
    assert [entry.outcome for entry in ledger.entries] == [Outcome.OK]


async def test_a_connection_that_hangs_ends_in_time(
    client_for: Connect, prompt: Prompt, ledger: MemoryLedger
) -> None:
    with ScriptedEndpoint(hang()) as endpoint:
        async with client_for(endpoint, llm_timeout_s=0.3) as client:
            with pytest.raises(EndpointUnreachable, match=r"no answer within 0\.3 s"):
                await client.complete(prompt, stage="queries")
    assert ledger.entries[-1].outcome is Outcome.ERROR


async def test_nobody_listens(client_for: Connect, prompt: Prompt) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    async with client_for(url) as client:
        with pytest.raises(
            EndpointUnreachable, match=r"cannot reach .*; check that the server runs"
        ):
            await client.complete(prompt, stage="queries")


@pytest.mark.parametrize(
    ("script", "reachable", "model_found", "says"),
    [
        (status(401), True, None, "refused the key"),
        (status(404), True, False, "does not serve 'scripted'"),
        (status(500), False, None, "failed (500"),
        (text("no JSON ever"), True, True, "did not give the structure"),
    ],
)
async def test_check_gives_a_verdict_instead_of_an_error(
    client_for: Connect, script: Any, reachable: bool, model_found: bool | None, says: str
) -> None:
    models = ["scripted"] if model_found else None
    with ScriptedEndpoint(script, models=models) as endpoint:
        async with client_for(endpoint) as client:
            found = await check(client)
    assert not found.usable
    assert says in found.verdict
    assert found.model_found is model_found
    assert found.reachable or not reachable
