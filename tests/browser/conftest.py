"""A workspace, its app and a Chromium for each module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_probe import FLAGS, PATIENCE_MS, free_port, start_app, stop_app, stop_workers
from playwright.sync_api import Browser, expect, sync_playwright

from distiller.store import Store

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("browser")
    yield folder
    stop_workers(folder)


@pytest.fixture(scope="module")
def store(workspace: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{workspace / 'distiller.db'}") as opened:
        yield opened


@pytest.fixture(scope="module")
def address(workspace: Path, store: Store) -> Iterator[str]:
    port = free_port()
    server = start_app(workspace, port)
    yield f"http://127.0.0.1:{port}"
    if server.poll() is None:
        stop_app(server)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=FLAGS)


@pytest.fixture(autouse=True)
def _pages_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """A page left open goes on asking the app for what is new, which slows down all that follow."""
    yield
    if "chromium" in request.fixturenames:
        for context in request.getfixturevalue("chromium").contexts:
            context.close()
