"""The fast head against the modules of sentence-transformers that it stands in for."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding
from splade_models import (
    ARCHITECTURES,
    TEXTS,
    assert_same_step,
    bert,
    folder_of,
    mobilebert,
    modernbert,
    plain_and_fast,
    step,
    weights_of,
)
from torch import nn
from transformers import PreTrainedModel

from distiller.splade import StartModel
from distiller.splade.head import install, is_installed, uninstall
from distiller.splade.loading import load_model


@pytest.fixture(scope="module", params=ARCHITECTURES)
def source(
    request: pytest.FixtureRequest, tiny: StartModel, tmp_path_factory: pytest.TempPathFactory
) -> str:
    model = ARCHITECTURES[request.param]()
    return folder_of(model, tiny, tmp_path_factory.mktemp("model"))


@pytest.mark.usefixtures("multiplied")
def test_every_architecture_learns_the_same(source: str) -> None:
    plain, fast = plain_and_fast(source)
    assert [name for name, _ in plain.named_parameters()] == [
        name for name, _ in fast.named_parameters()
    ]
    expected = step(plain)
    assert 0 < (expected[0] > 0).float().mean() < 1
    assert_same_step(expected, step(fast))
    torch.testing.assert_close(weights_of(fast), weights_of(plain), rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("multiplied")
@pytest.mark.parametrize("make", [bert, modernbert])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_quarter_of_a_million_words(
    make: Callable[..., PreTrainedModel], tied: bool, tiny: StartModel, tmp_path: Path
) -> None:
    source = folder_of(make(vocab_size=250_002, tie_word_embeddings=tied), tiny, tmp_path)
    plain, fast = plain_and_fast(source)
    texts = ["Can my landlord keep the deposit?", "", "rent"]
    expected = step(plain, texts)
    assert expected[0].shape == (3, 250_002)
    assert 0 < (expected[0] > 0).float().mean() < 1
    assert_same_step(expected, step(fast, texts))


def test_the_packaged_model_gives_the_same_weights(tiny: StartModel, multiplied: str) -> None:
    plain, fast = (weights_of(model) for model in plain_and_fast(tiny.source))
    if multiplied == "usual":
        assert torch.equal(fast, plain)
    torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-5)
    assert torch.equal(fast > 1e-4, plain > 1e-4)


def test_a_model_comes_back_from_disk_on_both_sides(source: str, tmp_path: Path) -> None:
    plain, fast = plain_and_fast(source)
    fast.save_pretrained(str(tmp_path / "fast"))
    plain.save_pretrained(str(tmp_path / "plain"))
    kinds = [
        [module["type"] for module in json.loads((tmp_path / name / "modules.json").read_text())]
        for name in ("plain", "fast")
    ]
    assert kinds[0] == kinds[1]
    assert {path.name for path in (tmp_path / "fast").rglob("*")} == {
        path.name for path in (tmp_path / "plain").rglob("*")
    }
    theirs = SparseEncoder(str(tmp_path / "fast"), device="cpu")
    ours, _ = load_model(tmp_path / "plain", device="cpu")
    assert type(theirs[0]) is Transformer
    assert type(ours[0]) is not Transformer
    assert torch.equal(weights_of(theirs), weights_of(plain))
    assert torch.equal(weights_of(ours), weights_of(fast))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_and_pickles_keep_the_fast_head(small: str, again: Any) -> None:
    _, fast = plain_and_fast(small)
    other = again(fast)
    assert type(other[0]) is type(fast[0])
    assert other[0].model.get_output_embeddings() is not fast[0].model.get_output_embeddings()
    assert torch.equal(weights_of(other), weights_of(fast))


def test_install_is_undone_by_uninstall(small: str) -> None:
    plain, fast = plain_and_fast(small)
    assert install(fast)  # twice changes nothing more
    assert is_installed(fast)
    uninstall(fast)
    uninstall(fast)
    assert not is_installed(fast)
    assert not is_installed(plain)
    assert [type(module) for module in fast.modules()] == [
        type(module) for module in plain.modules()
    ]
    assert torch.equal(weights_of(fast), weights_of(plain))


def test_the_language_model_itself_still_gives_logits(small: str) -> None:
    plain, fast = plain_and_fast(small)
    inputs = plain.preprocess(TEXTS)
    logits = [
        model[0].model(inputs["input_ids"], inputs["attention_mask"]).logits
        for model in (plain, fast)
    ]
    assert torch.equal(*logits)


@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_other_poolings_and_activations(small: str, strategy: str, activation: str) -> None:
    plain, fast = plain_and_fast(small, pooling_strategy=strategy, activation_function=activation)
    assert_same_step(step(plain), step(fast))


def test_a_head_that_does_more_than_project_is_left_alone(tiny: StartModel, tmp_path: Path) -> None:
    # MobileBERT joins two matrices at every call and never calls its output layer
    model = SparseEncoder(folder_of(mobilebert(), tiny, tmp_path), device="cpu")
    before = [type(module) for module in model.modules()]
    assert not install(model)
    assert [type(module) for module in model.modules()] == before


def test_dense_activations(tiny: StartModel, tmp_path: Path) -> None:
    model = bert()
    source = folder_of(model, tiny, tmp_path)
    plain, fast = plain_and_fast(source)
    for encoder in (plain, fast):
        nn.init.constant_(encoder[0].model.get_output_embeddings().bias, 6.0)
    expected = step(plain, ["rent", "lease"])
    assert (expected[0] > 0).float().mean() > 0.9
    assert_same_step(expected, step(fast, ["rent", "lease"]))


def test_one_text_of_no_words(small: str) -> None:
    plain, fast = plain_and_fast(small)
    assert_same_step(step(plain, [""]), step(fast, [""]))


def test_padding_on_the_left(small: str) -> None:
    plain, fast = plain_and_fast(small)
    for model in (plain, fast):
        model.tokenizer.padding_side = "left"
    assert plain.preprocess(TEXTS)["attention_mask"][2, 0] == 0
    assert_same_step(step(plain), step(fast))


def test_bfloat16_autocast(small: str) -> None:
    plain, fast = plain_and_fast(small)
    with torch.autocast("cpu", torch.bfloat16):
        expected, actual = step(plain), step(fast)
    assert actual[0].dtype == expected[0].dtype
    # bfloat16 keeps 8 bits; products are summed in blocks of another shape
    torch.testing.assert_close(actual[0], expected[0], rtol=2**-7, atol=2**-7)
    for name, gradient in expected[1].items():
        assert actual[1][name].dtype == gradient.dtype
    # Rounding makes many tokens equal, of which either may win: the whole points the same way.
    ours, theirs = (
        torch.cat([g.flatten() for g in found.values()]) for _, found in (actual, expected)
    )
    assert torch.cosine_similarity(ours, theirs, dim=0) > 0.99


def test_sparse_tensors_and_the_largest_dimensions_only(small: str) -> None:
    plain, fast = plain_and_fast(small)
    sparse = [model.encode(TEXTS, max_active_dims=8) for model in (plain, fast)]
    assert all(tensor.is_sparse for tensor in sparse)
    torch.testing.assert_close(sparse[1].to_dense(), sparse[0].to_dense(), rtol=1e-5, atol=1e-5)


def test_inside_a_router(small: str) -> None:
    models = []
    for _ in range(2):
        chain = SparseEncoder(small, device="cpu")
        words = SparseStaticEmbedding(tokenizer=chain.tokenizer)
        router = Router.for_query_document([words], [chain[0], chain[1]])
        models.append(SparseEncoder(modules=[router], device="cpu"))
    plain, fast = models
    assert install(fast)
    assert is_installed(fast)
    assert type(fast[0].sub_modules["document"][0]) is not Transformer
    for side in ("encode_query", "encode_document"):
        ours, theirs = (
            getattr(model, side)(TEXTS, convert_to_sparse_tensor=False) for model in (fast, plain)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    uninstall(fast)
    assert type(fast[0].sub_modules["document"][0]) is Transformer
