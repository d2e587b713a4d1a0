"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from distiller.store import Store

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# An example may have to wait for a core when tests run side by side.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def collections_dir() -> Path:
    """Human-judged test collections; they may not be in the repository (licences)."""
    folder = REPOSITORY.parent / "shared" / "collections"
    if not folder.is_dir():
        pytest.skip("needs the shared test collections beside the checkout (../shared/collections)")
    return folder


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A fresh database; tests of the store run on PostgreSQL as well."""
    return f"sqlite:///{tmp_path / 'workspace' / 'distiller.db'}"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open, empty store."""
    with Store.open(database_url) as opened:
        yield opened
