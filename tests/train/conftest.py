"""A small dataset that can be learned, and the packaged start model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from train_examples import example, snapshot

from distiller.schema.dataset import DatasetSnapshot
from distiller.splade import StartModel, resolve
from distiller.train import Recipe


@pytest.fixture(scope="session")
def learnable() -> DatasetSnapshot:
    """16 train and 8 val queries; at the start the negative outranks the positive."""
    return snapshot([example(n, "val" if n >= 16 else "train") for n in range(24)])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StartModel:
    """The packaged start model, on one thread."""
    torch.set_num_threads(1)
    return resolve("tiny", tmp_path_factory.mktemp("cache"))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "models" / "tuned"


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """15 steps, measured and saved every 5."""
    return Recipe(
        min_steps=15,
        epochs=1,
        batch_size=4,
        negatives_per_query=1,
        learning_rate=3e-4,
        evaluations=3,
        passage_length=32,
    )
