"""The heaviest terms of a text, and what a pruned model is called."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_matrix

from distiller.schema.errors import InputError
from distiller.splade import PrunedEncoder, SpladeEncoder, heaviest

ROWS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
)


@given(rows=ROWS, terms=st.integers(1, 9))
def test_the_heaviest_are_those_of_a_full_sort(rows: np.ndarray, terms: int) -> None:
    kept = heaviest(csr_matrix(rows), terms).toarray()
    for before, after in zip(rows, kept, strict=True):
        order = sorted(np.flatnonzero(before), key=lambda index: (-before[index], index))[:terms]
        expected = np.zeros_like(before)
        expected[order] = before[order]
        np.testing.assert_array_equal(after, expected)


def test_each_side_keeps_its_own_number(encoder: SpladeEncoder) -> None:
    pruned = PrunedEncoder(encoder, query_terms=3, passage_terms=5, name="tiny@3/5")
    text = ["the landlord keeps the deposit"]
    assert pruned.name == "tiny@3/5"
    assert pruned.encode_queries(text).nnz == 3
    assert pruned.encode_passages(text).nnz == 5
    whole = PrunedEncoder(encoder)
    assert whole.encode_queries(text).nnz == encoder.encode_queries(text).nnz > 5


def test_nothing_cannot_be_kept(encoder: SpladeEncoder) -> None:
    with pytest.raises(InputError, match="at least 1"):
        PrunedEncoder(encoder, passage_terms=0)
