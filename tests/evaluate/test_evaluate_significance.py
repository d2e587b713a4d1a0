"""Intervals, tests and verdicts on distributions whose answer is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from distiller.evaluate import significance
from distiller.evaluate.significance import (
    compare,
    corrected,
    holm,
    interval,
    randomization_p,
    verdict,
)
from distiller.schema.retrieval import Interval


def test_interval_of_a_normal_sample_is_that_of_theory():
    values = np.random.default_rng(1).normal(0.4, 0.1, 400)
    found = interval(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.05 * 2 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05 * 2 * half)


def test_interval_covers_the_truth_about_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(significance, "RESAMPLES", 1000)
    rng = np.random.default_rng(2)
    samples = (rng.beta(2, 3, 60) for _ in range(300))
    covered = sum((i := interval(sample)).low <= 2 / 5 <= i.high for sample in samples)
    assert 0.91 <= covered / 300 <= 0.98


def test_interval_needs_two_values_and_keeps_constants():
    assert interval([]) is None
    assert interval([0.5]) is None
    assert interval([0.5, 0.5, 0.5]) == Interval(value=0.5, low=0.5, high=0.5)


def test_the_seed_decides():
    values = np.random.default_rng(3).random(70)
    assert interval(values, seed=1) == interval(values, seed=1)
    assert interval(values, seed=1) != interval(values, seed=2)
    assert randomization_p(values - 0.45, seed=1) == randomization_p(values - 0.45, seed=1)


def test_randomization_is_exact_for_few_queries():
    assert randomization_p([0.1, 0.1, 0.1]) == pytest.approx(2 / 2**3)
    differences = np.array([0.5, -0.1, 0.3, 0.2])
    signs = np.array(list(product([1, -1], repeat=4)))
    sums = np.abs(signs @ differences)
    assert randomization_p(differences) == pytest.approx(
        np.mean(sums >= abs(differences.sum()) - 1e-12)
    )


def test_randomization_without_differences_shows_none():
    assert randomization_p([]) == 1
    assert randomization_p([0.3]) == 1
    assert randomization_p([0.0] * 60) == 1


def test_randomization_rejects_a_true_null_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(significance, "RESAMPLES", 500)
    rng = np.random.default_rng(4)
    rejected = sum(randomization_p(rng.normal(0, 1, 50)) < 0.05 for _ in range(300))
    assert rejected / 300 <= 0.09


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == [
        pytest.approx(0.01 * 3),
        pytest.approx(max(0.03 * 2, 0.04 * 1)),
        pytest.approx(0.03 * 2),
    ]
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("low", "high", "p_value", "queries", "expected"),
    [
        (0.01, 0.05, 0.01, 50, "better"),
        (0.01, 0.05, 0.01, 49, "inconclusive"),
        (-0.05, -0.01, 0.01, 200, "worse"),
        (0.01, 0.05, 0.06, 200, "no difference shown"),
        (-0.01, 0.05, 0.04, 200, "no difference shown"),
        (0.0, 0.05, 0.04, 200, "no difference shown"),
    ],
)
def test_verdict(low, high, p_value, queries, expected):
    assert verdict(Interval(value=0.02, low=low, high=high), p_value, queries) == expected


def values(start, count=60):
    return {f"q{i}": start[i % len(start)] for i in range(count)}


def test_compare_pairs_by_query():
    baseline, other = values([0.5, 0.2, 0.4]), values([0.6, 0.2, 0.3])
    found = compare("old", "new", "ndcg@10", (baseline, dict(reversed(other.items()))))
    assert (found.wins, found.ties, found.losses) == (20, 20, 20)
    assert found.difference.value == pytest.approx((0.1 + 0 - 0.1) / 3, abs=1e-12)
    assert found.verdict == "no difference shown"


def test_compare_leaves_out_what_only_one_has():
    found = compare("old", "new", "map", ({"a": 0.1, "b": 0.2}, {"b": 0.5, "c": 0.9}))
    assert found.difference == Interval(value=0.5 - 0.2, low=-1, high=1)
    assert found.verdict == "inconclusive"


def test_swapping_the_systems_swaps_the_sign():
    rng = np.random.default_rng(6)
    one = {f"q{i}": v for i, v in enumerate(rng.random(60))}
    two = {f"q{i}": v for i, v in enumerate(rng.random(60))}
    there, back = compare("1", "2", "map", (one, two)), compare("2", "1", "map", (two, one))
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert (there.wins, there.losses) == (back.losses, back.wins)


def test_correction_can_take_back_a_verdict():
    base, weak = values([0.5]), values([0.6] * 3 + [0.45] * 3)
    one = compare("base", "weak", "map", (base, weak))
    assert 0.05 / 4 < one.p_value < 0.05
    assert one.verdict == "better"
    many = corrected([one] * 4)
    assert {c.verdict for c in many} == {"no difference shown"}
    assert many[0].p_value == pytest.approx(4 * one.p_value)
