"""The packaged start model, on one thread."""

from __future__ import annotations

import pytest
import torch

from distiller.splade import SpladeEncoder, StartModel, resolve


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StartModel:
    torch.set_num_threads(1)
    return resolve("tiny", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def encoder(tiny: StartModel) -> SpladeEncoder:
    return SpladeEncoder(tiny.source, name=tiny.name, device="cpu")
