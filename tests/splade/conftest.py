"""The packaged start model, on one thread."""

from __future__ import annotations

import pytest
import torch
from splade_models import bert, folder_of

from distiller.splade import SpladeEncoder, StartModel, resolve


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StartModel:
    torch.set_num_threads(1)
    return resolve("tiny", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def encoder(tiny: StartModel) -> SpladeEncoder:
    return SpladeEncoder(tiny.source, name=tiny.name, device="cpu")


@pytest.fixture(scope="session")
def small(tiny: StartModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a plain BERT of 16 dimensions."""
    return folder_of(bert(), tiny, tmp_path_factory.mktemp("small"))
