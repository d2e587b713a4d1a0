"""Exact sparse retrieval against a full dense ranking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_matrix

from distiller.retrieve import SparseIndex, sparse
from distiller.schema.errors import InputError, ModelUnavailable


class TableEncoder:
    """Encodes a text that is a number as that row of a table."""

    name = "table"

    def __init__(self, queries, passages):
        self.queries, self.passages = np.float32(queries), np.float32(passages)

    def encode_queries(self, texts):
        return csr_matrix(self.queries[[int(text) for text in texts]])

    def encode_passages(self, texts):
        return csr_matrix(self.passages[[int(text) for text in texts]])


def numbered(count, prefix="p"):
    return {f"{prefix}{i}": str(i) for i in range(count)}


small = st.integers(1, 6)


@st.composite
def tables(draw):
    weights = st.integers(0, 3).map(float)
    vocabulary = draw(small)
    return tuple(
        draw(hnp.arrays(np.float64, (draw(small), vocabulary), elements=weights)) for _ in range(2)
    )


@given(tables(), st.integers(1, 8), st.randoms(use_true_random=False))
def test_agrees_with_sorting_all_dense_scores(both, k, rng):
    queries, passages = both
    corpus = list(numbered(len(passages)).items())
    rng.shuffle(corpus)
    run = SparseIndex(TableEncoder(queries, passages), dict(corpus)).retrieve(
        numbered(len(queries), "q"), k
    )
    for i, scores in enumerate(queries @ passages.T):
        found = [j for j in range(len(passages)) if scores[j] > 0]
        expected = sorted(found, key=lambda j: (-scores[j], f"p{j}"))[:k]
        assert list(run[f"q{i}"].items()) == [(f"p{j}", scores[j]) for j in expected]


def test_batches_rank_as_the_whole(monkeypatch):
    rng = np.random.default_rng(7)
    tables_ = [rng.random((n, 20)) * (rng.random((n, 20)) < 0.3) for n in (9, 30)]
    whole = SparseIndex(TableEncoder(*tables_), numbered(30)).retrieve(numbered(9, "q"), 5)
    monkeypatch.setattr(sparse, "_SCORES_AT_ONCE", 45)
    monkeypatch.setattr(sparse, "_ENCODE_AT_ONCE", 4)
    assert SparseIndex(TableEncoder(*tables_), numbered(30)).retrieve(numbered(9, "q"), 5) == whole


def test_a_model_of_all_zeros_retrieves_nothing():
    index = SparseIndex(TableEncoder(np.zeros((2, 4)), np.zeros((3, 4))), numbered(3))
    assert index.retrieve(numbered(2, "q")) == {"q0": {}, "q1": {}}
    assert index.passages.nnz == 0


def test_explicit_zeros_are_not_active():
    class Padded(TableEncoder):
        def encode_passages(self, texts):
            return csr_matrix((np.float32([0, 2]), np.array([0, 1]), np.array([0, 2])), (1, 3))

    assert SparseIndex(Padded(np.ones((1, 3)), []), {"p": "0"}).passages.nnz == 1


def test_no_query_gives_an_empty_run():
    assert (
        SparseIndex(TableEncoder(np.ones((1, 2)), np.ones((1, 2))), {"p": "0"}).retrieve({}) == {}
    )


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(ModelUnavailable, match="table: term weights are not finite"):
        SparseIndex(TableEncoder([[1.0]], [[np.nan]]), {"p": "0"})
    index = SparseIndex(TableEncoder([[np.inf]], [[1.0]]), {"p": "0"})
    with pytest.raises(ModelUnavailable, match="not finite"):
        index.retrieve({"q": "0"})


def test_a_model_that_encodes_too_few_texts_is_refused():
    class Short(TableEncoder):
        def encode_passages(self, texts):
            return csr_matrix(self.passages[:1])

    with pytest.raises(ModelUnavailable, match="1 encodings for 2 texts"):
        SparseIndex(Short([[1.0]], [[1.0], [1.0]]), numbered(2))


def test_refuses_an_empty_corpus_and_no_depth():
    with pytest.raises(InputError, match="no passages"):
        SparseIndex(TableEncoder([[1.0]], [[1.0]]), {})
    with pytest.raises(InputError, match="k is -1"):
        SparseIndex(TableEncoder([[1.0]], [[1.0]]), {"p": "0"}).retrieve({"q": "0"}, -1)


def test_an_index_of_given_weights_ranks_as_one_that_encoded_them():
    encoder = TableEncoder([[1, 0], [1, 2]], [[1, 1], [0, 3], [2, 0]])
    plain = SparseIndex(encoder, numbered(3))
    given = SparseIndex.of(encoder, plain.passage_ids, plain.passages)
    assert given.name == "table"
    queries = numbered(2, "q")
    assert given.retrieve(queries) == plain.retrieve(queries)
    for ids in ([], ["p1", "p0", "p2"]):
        with pytest.raises(InputError, match="ids in order"):
            SparseIndex.of(encoder, ids, plain.passages)
