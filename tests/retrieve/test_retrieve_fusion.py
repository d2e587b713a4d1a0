"""Reciprocal rank fusion, worked by hand."""

from __future__ import annotations

import pytest

from distiller.retrieve import BM25, Fusion, reciprocal_rank_fusion
from distiller.schema.errors import InputError


def test_sums_reciprocal_ranks():
    fused = reciprocal_rank_fusion(
        [{"q": {"a": 9.0, "b": 8.0, "c": 7.0}}, {"q": {"c": 0.3, "a": 0.2}}]
    )
    assert list(fused["q"]) == ["a", "c", "b"]
    assert fused["q"] == {
        "a": pytest.approx(1 / (60 + 1) + 1 / (60 + 2)),
        "c": pytest.approx(1 / (60 + 3) + 1 / (60 + 1)),
        "b": pytest.approx(1 / (60 + 2)),
    }


def test_ties_go_by_passage_id_and_k_cuts():
    assert list(reciprocal_rank_fusion([{"q": {"b": 1.0}}, {"q": {"a": 5.0}}], k=1)["q"]) == ["a"]


def test_a_query_that_one_system_lacks_is_ranked_by_the_other():
    assert reciprocal_rank_fusion([{}, {"q": {"a": 1.0}}]) == {"q": {"a": 1 / 61}}


def test_fuses_retrievers():
    corpus = {"a": "rent", "b": "rent deposit"}
    fusion = Fusion([BM25(corpus, name="first"), BM25(corpus, name="second")])
    assert fusion.name == "first+second"
    assert fusion.retrieve({"q": "deposit"}, k=5) == {"q": {"b": pytest.approx(2 / 61)}}


def test_refuses_a_single_system():
    with pytest.raises(InputError, match="at least two"):
        Fusion([BM25({"a": "rent"})])
