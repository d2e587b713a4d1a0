"""The packaged start model, on one thread."""

from __future__ import annotations

import pytest
import torch
from splade_models import bert, folder_of

from distiller.splade import SpladeEncoder, StartModel, products, resolve, screening


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


@pytest.fixture(params=["usual", "onednn", "integers"])
def multiplied(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way of multiplying that this processor has, whatever is fastest, and for small sizes."""
    way: str = request.param
    faster = {"_onednn_is_faster": way != "usual", "_integers_are_faster": way == "integers"}
    for name, answer in faster.items():
        if answer and not getattr(products, name)(torch.get_num_threads()):
            pytest.skip(f"{name} says no on this processor")
        monkeypatch.setattr(products, name, lambda _, answer=answer: answer)
    monkeypatch.setattr(products, "_LEAST_WORK", 0)
    monkeypatch.setattr(screening, "LEAST_TOKENS", 1)
    return way
