"""Pages run by Streamlit's AppTest on a workspace of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from distiller.dataset import open_example
from distiller.schema.domain import Project
from distiller.settings import Settings
from distiller.store import Store

ROOT = Path(__file__).parents[2]
RunPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages see that a worker runs where jobs wait; here nobody would end it."""
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: False)
    monkeypatch.setattr("distiller.jobs.ensure_worker", lambda *_: False)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DISTILLER_WORKSPACE", str(tmp_path))
    for name in ("DISTILLER_LLM_URL", "DISTILLER_DATABASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield tmp_path
    st.cache_resource.clear()


@pytest.fixture
def store(workspace: Path) -> Iterator[Store]:
    with Store.open(Settings().database) as opened:
        yield opened


@pytest.fixture
def example(store: Store) -> Project:
    return open_example(store)


@pytest.fixture
def run_page(workspace: Path) -> RunPage:
    """Run the app and go to a page; `address` are its query parameters, `forged` widgets' states."""

    def run(page: str, /, forged: dict[str, str] | None = None, **address: str) -> AppTest:
        test = AppTest.from_file(str(ROOT / "distiller" / "ui" / "main.py"), default_timeout=60)
        for name, value in {"who": "ada", **address}.items():
            test.query_params[name] = value
        for name, value in (forged or {}).items():
            test.session_state[name] = value
        test.run()
        return test.switch_page(str(ROOT / "pages" / page)).run()

    return run
