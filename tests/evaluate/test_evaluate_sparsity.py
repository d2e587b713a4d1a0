"""FLOPS and active dimensions on matrices made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from distiller.evaluate.sparsity import active_dims, flops

QUERIES = csr_matrix(np.float32([[1, 0, 2], [0, 0, 5]]))
PASSAGES = csr_matrix(np.float32([[3, 0, 0], [1, 1, 1], [0, 4, 1], [0, 0, 9]]))


def test_active_dims_is_the_mean_number_of_non_zeros():
    assert active_dims(QUERIES) == (2 + 1) / 2
    assert active_dims(PASSAGES) == (1 + 3 + 2 + 1) / 4


def test_flops_is_the_sum_of_products_of_activation_probabilities():
    assert flops(QUERIES, PASSAGES) == pytest.approx(1 / 2 * 2 / 4 + 0 * 2 / 4 + 2 / 2 * 3 / 4)


def test_flops_is_the_mean_number_of_shared_dimensions():
    shared = (QUERIES.toarray() > 0).astype(int) @ (PASSAGES.toarray() > 0).T.astype(int)
    assert flops(QUERIES, PASSAGES) == pytest.approx(shared.mean())


def test_flops_does_not_depend_on_the_weights():
    assert flops(QUERIES * 100, PASSAGES) == flops(QUERIES, PASSAGES)


def test_stored_zeros_are_not_active():
    padded = csr_matrix((np.float32([0, 1]), np.array([0, 2]), np.array([0, 2])), shape=(1, 3))
    assert active_dims(padded) == 1
    assert flops(padded, PASSAGES) == 3 / 4


def test_undefined_without_texts_and_zero_for_an_empty_model():
    none = csr_matrix((0, 3), dtype=np.float32)
    assert active_dims(none) is None
    assert flops(none, PASSAGES) is None
    assert flops(QUERIES * 0, PASSAGES) == 0
