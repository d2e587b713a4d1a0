"""A project, a store and a client that talks to a scripted endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from endpoint import Script, ScriptedEndpoint
from scripted_writer import Connect

from distiller.llm import Client, connect
from distiller.schema.domain import Domain, Project
from distiller.settings import Settings
from distiller.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'distiller.db'}") as opened:
        yield opened


@pytest.fixture
def project(store: Store) -> Project:
    domain = Domain(
        name="residential tenancy law",
        template="legal",
        example_queries=["rent too late, and now?"],
    )
    return store.create_project(domain)


@pytest.fixture
def connected(store: Store, project: Project, tmp_path: Path) -> Connect:
    """`async with connected(script) as client`: a real client, a real server, a scripted model."""

    @asynccontextmanager
    async def connected(
        script: Script, *, concurrency: int = 4, refuses: tuple[str, ...] = ()
    ) -> AsyncIterator[Client]:
        with ScriptedEndpoint(script, refuses=refuses) as endpoint:
            settings = Settings(
                llm_url=endpoint.url,
                llm_model="scripted",
                llm_concurrency=concurrency,
                cache_dir=tmp_path / "cache",
                openai_api_key="not-a-key",
            )
            async with connect(settings, store.ledger, project_id=project.id) as client:
                yield client

    return connected
