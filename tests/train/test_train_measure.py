"""What is measured while training, checked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from distiller.schema.errors import ModelUnavailable, StageFailed
from distiller.train.measure import check_dims, measure, worth
from distiller.train.rows import DevSet


class Words:
    """Term weights that count words: small enough to work out by hand."""

    name = "words"

    def __init__(self, *vocabulary: str, spoiled: bool = False) -> None:
        self.vocabulary = vocabulary
        self.spoiled = spoiled

    def encode_queries(self, texts: Sequence[str]) -> csr_matrix:
        counts = [[text.split().count(word) for word in self.vocabulary] for text in texts]
        return csr_matrix(np.array(counts, dtype=np.float32) * (np.nan if self.spoiled else 1))

    encode_passages = encode_queries


DEV = DevSet(
    corpus={"p1": "red red", "p2": "red blue", "p3": "blue blue green"},
    queries={"q1": "red", "q2": "blue red"},
    qrels={"q1": {"p2": 3, "p1": 0}, "q2": {"p3": 2}},
)


def test_measures_by_hand() -> None:
    # q1 ranks p1 (2), p2 (1): the relevant p2 is second.
    # q2 ranks p1, p2, p3 with 2 each, by passage id: the relevant p3 is third.
    measured = measure(Words("red", "blue", "green"), DEV)
    assert measured == pytest.approx(
        {
            "query_dims": (1 + 2) / 2,
            "passage_dims": (1 + 2 + 2) / 3,
            "ndcg@10": (1 / log2(3) + 1 / log2(4)) / 2,
            "recall@100": 1.0,
        },
        abs=1e-6,
    )


def test_a_model_of_zeros_finds_nothing() -> None:
    measured = measure(Words("purple"), DEV)
    assert measured == {
        "query_dims": 0.0,
        "passage_dims": 0.0,
        "ndcg@10": 0.0,
        "recall@100": 0.0,
    }


def test_without_qrels_only_dimensions_are_measured() -> None:
    measured = measure(Words("red"), DevSet(DEV.corpus, DEV.queries))
    assert measured == pytest.approx({"query_dims": 1.0, "passage_dims": 2 / 3})


def test_weights_that_are_not_numbers_are_an_error() -> None:
    with pytest.raises(ModelUnavailable, match="not finite"):
        measure(Words("red", spoiled=True), DEV)


@pytest.mark.parametrize(
    ("query_dims", "passage_dims", "said"),
    [
        (4.9, 100, r"step 7: a query has 4\.9 .* under 5: .*lower query_lambda"),
        (30, 0, r"a passage has 0\.0 .* under 5: .*lower passage_lambda"),
        (2001, 100, r"a query has 2001 .* over 2000: .*raise query_lambda"),
        (30, 30522, r"a passage has 30522 .* over 2000: .*raise passage_lambda"),
    ],
)
def test_collapse_names_the_side_and_the_remedy(
    query_dims: float, passage_dims: float, said: str
) -> None:
    measured = {"query_dims": query_dims, "passage_dims": passage_dims, "ndcg@10": 0.9}
    with pytest.raises(StageFailed, match=said):
        check_dims(measured, 7)
    assert worth(measured) == -1


def test_dimensions_at_the_bounds_are_fine() -> None:
    measured = {"query_dims": 5.0, "passage_dims": 2000.0, "ndcg@10": 0.25}
    check_dims(measured, 1)
    assert worth(measured) == 0.25
