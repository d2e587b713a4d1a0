"""Term weights, against the formula and against the libraries."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SparseEncoder
from transformers import AutoModelForMaskedLM, AutoTokenizer

from distiller.schema import retrieval
from distiller.schema.errors import InputError, ModelUnavailable, NotFound
from distiller.splade import SpladeEncoder, StartModel
from distiller.splade.encoder import _batches

TEXTS = [
    "Can my landlord keep the deposit?",
    "",
    "rent",
    "The landlord may end the lease only in writing, and must say why. " * 12,
    "Ünïcödé — 租房 🏠",
]


def test_weights_are_the_splade_formula(encoder: SpladeEncoder, tiny: StartModel) -> None:
    # arXiv 2109.10086, equation 6: the maximum over tokens of log(1 + relu(logit))
    tokenizer = AutoTokenizer.from_pretrained(tiny.source)
    model = AutoModelForMaskedLM.from_pretrained(tiny.source).eval()
    with torch.inference_mode():
        logits = model(**tokenizer(TEXTS[0], return_tensors="pt")).logits[0]
    expected = torch.log1p(torch.relu(logits)).max(dim=0).values
    actual = encoder.encode_queries(TEXTS[:1]).toarray()[0]
    np.testing.assert_allclose(actual, expected.numpy(), atol=1e-5)


def test_weights_are_those_of_sentence_transformers(
    encoder: SpladeEncoder, tiny: StartModel
) -> None:
    plain = SparseEncoder(tiny.source, device="cpu")
    expected = plain.encode_document(TEXTS, convert_to_sparse_tensor=False).numpy()
    weights = encoder.encode_passages(TEXTS)
    assert weights.shape == (len(TEXTS), 30522)
    assert weights.dtype == np.float32
    assert weights.has_canonical_format
    assert (weights.data > 0).all()
    # float32, and batches padded to other widths
    np.testing.assert_allclose(weights.toarray(), expected, atol=1e-4)


def test_no_text_and_empty_text(encoder: SpladeEncoder) -> None:
    assert encoder.encode_queries([]).shape == (0, 30522)
    empty, filled = encoder.encode_queries(["", "rent"]).toarray()
    assert np.isfinite(empty).all()
    alone = encoder.encode_queries(["rent"]).toarray()[0]
    np.testing.assert_allclose(filled, alone, atol=1e-4)


ALIKE = ["rent is due on friday", "lessee owes late fees", "zzzzzz qqqqqq xxxxxxx", "roof"]
"""Three of 21 characters, so that order alone could pair them differently."""


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(len(ALIKE))))
def test_the_order_of_the_texts_changes_nothing(tiny: StartModel, order: list[int]) -> None:
    pairs = _in_pairs(tiny.source)
    weights = pairs.encode_passages(ALIKE)
    shuffled = pairs.encode_passages([ALIKE[index] for index in order])
    assert (shuffled != weights[order]).nnz == 0


@cache
def _in_pairs(source: str) -> SpladeEncoder:
    return SpladeEncoder(source, device="cpu", batch_size=2)


def test_queries_and_passages_are_cut_at_their_own_lengths(tiny: StartModel) -> None:
    # [CLS] and [SEP] take two of the tokens; "rent" is one.
    encoder = SpladeEncoder(tiny.source, device="cpu", query_length=64, passage_length=256)
    for encode, length in [(encoder.encode_queries, 64), (encoder.encode_passages, 256)]:
        read, more, fewer = (
            encode(["rent " * count + "lease"]) for count in (length - 2, 400, length - 3)
        )
        assert (read != more).nnz == 0
        assert (read != fewer).nnz > 0


def test_terms_are_words_heaviest_first(encoder: SpladeEncoder) -> None:
    row = encoder.encode_queries(["deposit deposit"])
    terms = encoder.terms(row)
    assert terms[0][0] == "deposit"
    assert len(terms) == row.nnz
    weights = [weight for _, weight in terms]
    assert weights == sorted(weights, reverse=True)
    assert dict(terms)["deposit"] == pytest.approx(row.max())
    assert encoder.terms(encoder.encode_queries(["rent"]) * 0) == []


def test_batches_are_bounded_by_count_and_by_tokens() -> None:
    # 2,000 characters are taken for 256 tokens (the limit), so 4096 / 256 = 16 fit in a batch;
    # 20 characters for 12, so the count of 32 decides.
    texts = ["x" * 2000] * 20 + ["x" * 20] * 40
    batches = list(_batches(range(60), texts, 32, 256, 4096))
    assert [len(batch) for batch in batches] == [16, 16, 28]
    assert [index for batch in batches for index in batch] == list(range(60))
    assert list(_batches([], [], 32, 256, 4096)) == []


def test_a_plain_masked_language_model_is_given_splade_pooling(
    encoder: SpladeEncoder, tiny: StartModel, tmp_path: Path
) -> None:
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    for name in names:
        shutil.copy(Path(tiny.source) / name, tmp_path / name)
    plain = SpladeEncoder(tmp_path, device="cpu")
    assert plain.name == tmp_path.name
    assert plain.notes == [f"{tmp_path.name}: a masked language model, given SPLADE max pooling"]
    assert (plain.encode_queries(TEXTS) != encoder.encode_queries(TEXTS)).nnz == 0
    assert encoder.notes == []


def copy_of(tiny: StartModel, folder: Path) -> Path:
    return Path(shutil.copytree(tiny.source, folder / "copy"))


def test_a_dense_model_is_refused(tiny: StartModel, tmp_path: Path) -> None:
    folder = copy_of(tiny, tmp_path)
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["type"] = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match="is a dense model"):
        SpladeEncoder(folder)


def test_a_model_without_a_language_modelling_head_is_refused(
    tiny: StartModel, tmp_path: Path
) -> None:
    folder = copy_of(tiny, tmp_path)
    (folder / "modules.json").unlink()
    config = json.loads((folder / "config.json").read_text()) | {"architectures": ["BertModel"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="BertModel has no masked-language-model head"):
        SpladeEncoder(folder)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model.safetensors", b"\x00" * 100, "cannot be loaded as a sparse encoder"),
        ("modules.json", b'[{"idx": 0, ', r"modules\.json: not valid JSON"),
        ("tokenizer.json", b"{}", "cannot be loaded as a sparse encoder"),
    ],
)
def test_a_damaged_folder_is_one_clear_line(
    file: str, content: bytes, said: str, tiny: StartModel, tmp_path: Path
) -> None:
    folder = copy_of(tiny, tmp_path)
    (folder / file).write_bytes(content)
    with pytest.raises(ModelUnavailable, match=said) as caught:
        SpladeEncoder(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for missing in (tmp_path / "nowhere", str(tmp_path / "nowhere"), "./nowhere"):
        with pytest.raises(NotFound, match="nowhere: no such model folder"):
            SpladeEncoder(missing)


def test_it_is_the_encoder_that_retrieval_asks_for(encoder: SpladeEncoder) -> None:
    asked: retrieval.SparseEncoder = encoder
    assert asked.name == "tiny"
