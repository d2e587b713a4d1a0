from __future__ import annotations

import numpy as np
import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from transformers import DistilBertConfig, DistilBertForMaskedLM

from distiller.splade import SpladeEncoder, StartModel
from distiller.splade.head import install, uninstall
from distiller.splade.loading import load_model
from distiller.train.query_table import with_query_table
from distiller.train.rarity import can_reweigh, reweigh

THINGS = ["flow", "drag", "lift", "shape", "weight", "noise", "heat", "speed"]
PASSAGES = [f"the {thing} of the wing" for thing in THINGS]


@pytest.fixture
def model(tiny: StartModel) -> SparseEncoder:
    return load_model(tiny.source)[0]


def weights(model: SparseEncoder) -> np.ndarray:
    return SpladeEncoder(model).encode_passages(PASSAGES).toarray()


def test_what_is_everywhere_loses_and_the_usual_weight_stays(model) -> None:
    before = weights(model)
    reweigh(model, PASSAGES, 0.5)
    after = weights(model)
    assert ((after > 0) == (before > 0)).all()
    wing, *things = model.tokenizer.convert_tokens_to_ids(["wing", *THINGS])
    assert after[0, wing] < 0.9 * before[0, wing]
    for row, thing in enumerate(things):
        assert after[row, thing] > before[row, thing]
    assert after.sum() == pytest.approx(before.sum(), rel=0.2)


def test_each_terms_mean_weight_is_multiplied_by_the_power_of_its_rarity(model) -> None:
    before = weights(model)
    reweigh(model, PASSAGES, 0.3)
    after = weights(model)
    counts, sums = (before > 0).sum(axis=0), before.sum(axis=0)
    rarity = np.log1p((len(PASSAGES) - counts + 0.5) / (counts + 0.5))
    wanted = (rarity / (rarity @ sums / sums.sum())) ** 0.3
    once = counts == 1  # then the weight is the mean
    np.testing.assert_allclose(after.sum(axis=0)[once], (sums * wanted)[once], rtol=1e-3, atol=1e-5)


def test_no_weight_is_multiplied_without_bounds(model) -> None:
    before = weights(model)
    reweigh(model, PASSAGES, 50.0)
    after = weights(model)
    assert np.isfinite(after).all()
    once = (before > 0).sum(axis=0) == 1
    assert (after.sum(axis=0)[once] <= 3.01 * before.sum(axis=0)[once]).all()


def test_power_zero_changes_nothing_but_the_tie(model) -> None:
    before = weights(model)
    reweigh(model, PASSAGES, 0.0)
    np.testing.assert_allclose(weights(model), before, atol=1e-5)


def test_what_was_reweighed_loads_in_plain_sentence_transformers(model, tmp_path) -> None:
    reweigh(model, PASSAGES, 0.5)
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    plain = SparseEncoder(str(tmp_path / "saved"), device="cpu")
    found = plain.encode_document(PASSAGES, convert_to_sparse_tensor=False).numpy()
    np.testing.assert_allclose(found, weights(model), atol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
@pytest.mark.parametrize("tied", [True, False])
def test_other_heads_and_activations(model, tmp_path, activation, tied) -> None:
    torch.manual_seed(1)
    config = DistilBertConfig(
        vocab_size=30_522, dim=32, hidden_dim=64, n_layers=1, n_heads=2, tie_word_embeddings=tied
    )
    folder = tmp_path / "distil"
    DistilBertForMaskedLM(config).save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    other = SparseEncoder(
        modules=[
            Transformer(str(folder), transformer_task="fill-mask"),
            SpladePooling("max", activation_function=activation),
        ],
        device="cpu",
    ).eval()
    assert not can_reweigh(other)  # before it has the fast head
    assert install(other)
    assert can_reweigh(other)
    before = weights(other)
    reweigh(other, PASSAGES, 0.2)
    after = weights(other)
    counts = (before > 0).sum(axis=0)
    rarity = np.log1p((len(PASSAGES) - counts + 0.5) / (counts + 0.5))
    wanted = (rarity / (rarity @ before.sum(axis=0) / before.sum())) ** 0.2
    once = counts == 1
    assert once.any()
    np.testing.assert_allclose(
        after.sum(axis=0)[once], (before.sum(axis=0) * wanted)[once], rtol=1e-3, atol=1e-5
    )


def test_texts_without_weights_change_nothing(model) -> None:
    before = weights(model)
    pooling = model[1]
    pooling.embedding_dimension = None
    with torch.no_grad():
        model[0].model.get_output_embeddings().bias.fill_(-1e4)
    assert weights(model).sum() == 0
    reweigh(model, PASSAGES, 0.5)
    assert before.any()


def test_models_with_a_query_table_or_another_head_are_not_for_this(model) -> None:
    assert not can_reweigh(with_query_table(model, PASSAGES))
    uninstall(model)
    assert not can_reweigh(model)
