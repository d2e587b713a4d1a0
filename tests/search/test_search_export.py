"""Exported models rank as the models that they were made from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import SpladePooling

from distiller.dataset import example_texts
from distiller.schema.errors import InputError, ModelUnavailable
from distiller.search import export_onnx
from distiller.splade import OnnxEncoder, SpladeEncoder, StartModel, is_exported

TEXTS = [
    "can my landlord keep the deposit",
    "",
    "¿Qué? 租金 🏠 <b>rent</b>",
    "The landlord returns the deposit within thirty days. " * 40,
]


def test_weights_are_those_of_the_model(graph: Path, tiny: StartModel) -> None:
    exported, model = OnnxEncoder(graph), SpladeEncoder(tiny.source, device="cpu")
    expected = model.encode_passages(TEXTS).toarray()
    found = exported.encode_passages(TEXTS).toarray()
    # Another order of summation: a few last places of a 32-bit float.
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert exported.vocabulary_size == model.vocabulary_size == found.shape[1]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(max_size=60), max_size=5), seed=st.randoms(use_true_random=False))
def test_the_order_of_the_texts_changes_nothing(graph: Path, texts: list[str], seed) -> None:
    encoder = OnnxEncoder(graph)
    shuffled = list(range(len(texts)))
    seed.shuffle(shuffled)
    straight = encoder.encode_queries(texts)
    mixed = encoder.encode_queries([texts[index] for index in shuffled])
    assert straight.shape == (len(texts), encoder.vocabulary_size)
    np.testing.assert_allclose(mixed.toarray(), straight[shuffled].toarray(), atol=2e-5)


def test_an_export_is_checked_and_ranks_the_same(tiny: StartModel, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra `onnx`")
    queries, corpus = (dict(list(texts.items())[:120]) for texts in example_texts())
    exact = export_onnx(tiny.source, tmp_path / "exact", queries=queries, corpus=corpus)
    small = export_onnx(tiny.source, tmp_path / "small", queries=queries, corpus=corpus, int8=True)
    assert (exact.queries, exact.passages) == (len(queries), len(corpus))
    assert exact.overlap == 1.0
    assert exact.equal_top_k > 0.98  # all but ties within rounding
    assert 0.5 < small.overlap < 1.0
    assert small.bytes < exact.bytes / 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exact", "small"]
    assert is_exported(tmp_path / "small")


def test_what_is_there_is_never_overwritten(tiny: StartModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        export_onnx(tiny.source, tmp_path, queries={"q": "a"}, corpus={"p": "a"})
    with pytest.raises(InputError, match="give queries and passages"):
        export_onnx(tiny.source, tmp_path / "new", queries={}, corpus={"p": "a"})
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_sums_is_refused_and_leaves_nothing(tiny: StartModel, tmp_path: Path) -> None:
    modules = [SparseEncoder(tiny.source, device="cpu")[0], SpladePooling("sum")]
    SparseEncoder(modules=modules, device="cpu").save_pretrained(str(tmp_path / "summing"))
    with pytest.raises(InputError, match="max pooling"):
        export_onnx(tmp_path / "summing", tmp_path / "out", queries={"q": "a"}, corpus={"p": "a"})
    assert [path.name for path in tmp_path.iterdir()] == ["summing"]


def test_the_opensearch_activation_is_kept(tiny: StartModel, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra `onnx`")
    pooling = SpladePooling("max", activation_function="log1p_relu")
    modules = [SparseEncoder(tiny.source, device="cpu")[0], pooling]
    SparseEncoder(modules=modules, device="cpu").save_pretrained(str(tmp_path / "twice"))
    check = export_onnx(
        tmp_path / "twice",
        tmp_path / "out",
        queries={"q": "rent deposit"},
        corpus={"p": "the rent", "r": "the deposit is due"},
    )
    assert check.equal_top_k == 1.0
    expected = SpladeEncoder(tmp_path / "twice", device="cpu").encode_queries(["rent deposit"])
    found = OnnxEncoder(tmp_path / "out").encode_queries(["rent deposit"])
    np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=2e-5)


def test_a_damaged_export_is_one_clear_line(graph: Path, tmp_path: Path) -> None:
    for file in graph.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable, match="export it again") as raised:
        OnnxEncoder(tmp_path)
    assert "\n" not in str(raised.value)


def test_searching_with_an_export_needs_no_torch(graph: Path) -> None:
    program = (
        "import sys\n"
        "from distiller.splade import OnnxEncoder\n"
        f"weights = OnnxEncoder({str(graph)!r}).encode_queries(['rent'])\n"
        "assert weights.nnz > 0\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
