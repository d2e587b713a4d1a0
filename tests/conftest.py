"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def collections_dir() -> Path:
    """Human-judged test collections; they may not be in the repository (licences)."""
    folder = REPOSITORY.parent / "shared" / "collections"
    if not folder.is_dir():
        pytest.skip("needs the shared test collections beside the checkout (../shared/collections)")
    return folder
