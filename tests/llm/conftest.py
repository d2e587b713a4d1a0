"""What the tests of the client share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from distiller.llm import Client, connect
from distiller.schema.usage import Prompt
from distiller.settings import Settings
from tests.endpoint import ScriptedEndpoint
from tests.llm.ledgers import MemoryLedger

Connect = Callable[..., Client]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def prompt() -> Prompt:
    return Prompt(name="queries.write", version=1, system="You write queries.", user="Write some.")


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    def make(endpoint: ScriptedEndpoint | str, **fields: Any) -> Settings:
        url = endpoint if isinstance(endpoint, str) else endpoint.url
        fields = {"llm_model": "scripted", "OPENAI_API_KEY": "sk-secret-key", **fields}
        return Settings(
            llm_url=url, workspace=tmp_path / "ws", cache_dir=tmp_path / "cache", **fields
        )

    return make


@pytest.fixture
def client_for(settings_for: Callable[..., Settings], ledger: MemoryLedger) -> Connect:
    def make(endpoint: ScriptedEndpoint | str, **fields: Any) -> Client:
        return connect(settings_for(endpoint, **fields), ledger, project_id="p")

    return make


@pytest.fixture
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The openai client waits half a second and more between retries; here it need not."""
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.002)
