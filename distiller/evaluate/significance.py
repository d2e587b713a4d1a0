"""How sure a measured value is: intervals, paired tests, and a verdict that follows from them.

Bootstrap over queries: Sakai 2006, https://doi.org/10.1145/1148170.1148261. Paired
randomization test: Smucker, Allan and Carterette 2007, https://doi.org/10.1145/1321440.1321528.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from distiller.schema.retrieval import Comparison, Interval

RESAMPLES = 10_000
ENOUGH_QUERIES = 50
"""Below this many queries a comparison is inconclusive, whatever its p-value."""
SIGNIFICANT = 0.05
_CELLS_AT_ONCE = 5_000_000
"""Resampled values held in memory at once, 40 MB."""


def interval(values: Sequence[float], *, seed: int = 13) -> Interval | None:
    """Mean with its 95 % percentile bootstrap interval; None below two values.

    Args:
        values: One per query.
        seed: The same seed gives the same interval.
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) < 2:
        return None
    result = stats.bootstrap(
        (data,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_batch(data),
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    bounds = result.confidence_interval
    return Interval(value=float(data.mean()), low=float(bounds.low), high=float(bounds.high))


def randomization_p(differences: Sequence[float], *, seed: int = 13) -> float:
    """Two-sided p-value of paired differences under random change of signs.

    Exact where all changes of sign are fewer than the resamples (up to 13 queries).

    Args:
        differences: One per query; may be empty.
        seed: The same seed gives the same p-value.
    """
    data = np.asarray(differences, dtype=np.float64)
    if len(data) < 2 or not data.any():
        return 1.0
    result = stats.permutation_test(
        (data,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=_batch(data),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm 1979), in the order given.

    The smallest is multiplied by their number, the next by one less, and so on; none falls below
    one that was smaller, none exceeds 1.
    """
    corrected = [0.0] * len(p_values)
    floor = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        floor = max(floor, min(1.0, p_values[i] * (len(p_values) - rank)))
        corrected[i] = floor
    return corrected


def verdict(difference: Interval, p_value: float, queries: int) -> str:
    """`better`, `worse`, `no difference shown` or `inconclusive` (under 50 queries)."""
    if queries < ENOUGH_QUERIES:
        return "inconclusive"
    if p_value < SIGNIFICANT and difference.low > 0:
        return "better"
    if p_value < SIGNIFICANT and difference.high < 0:
        return "worse"
    return "no difference shown"


def compare(
    baseline: str,
    other: str,
    measure: str,
    values: tuple[Mapping[str, float], Mapping[str, float]],
    *,
    seed: int = 13,
) -> Comparison:
    """Pair two systems over the queries that both have a value for; not yet Holm-corrected.

    With a single query nothing is known of the spread: the interval is then that of any
    difference, -1 to 1.

    Args:
        baseline: Name of the system that is subtracted.
        other: Name of the system that it is subtracted from.
        measure: Name of the measure.
        values: query_id → value, of `baseline` and of `other`.
        seed: The same seed gives the same comparison.
    """
    shared = sorted(values[0].keys() & values[1].keys())
    differences = [values[1][query_id] - values[0][query_id] for query_id in shared]
    mean = float(np.mean(differences)) if differences else 0.0
    difference = interval(differences, seed=seed) or Interval(value=mean, low=-1.0, high=1.0)
    p_value = randomization_p(differences, seed=seed)
    return Comparison(
        baseline=baseline,
        other=other,
        measure=measure,
        difference=difference,
        p_value=p_value,
        wins=sum(d > 0 for d in differences),
        losses=sum(d < 0 for d in differences),
        ties=sum(d == 0 for d in differences),
        verdict=verdict(difference, p_value, len(differences)),
    )


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons of one report with Holm's correction, and the verdicts that follow."""
    return [
        comparison.model_copy(
            update={
                "p_value": p_value,
                "verdict": verdict(
                    comparison.difference,
                    p_value,
                    comparison.wins + comparison.losses + comparison.ties,
                ),
            }
        )
        for comparison, p_value in zip(
            comparisons, holm([comparison.p_value for comparison in comparisons]), strict=True
        )
    ]


def _batch(data: NDArray[np.float64]) -> int:
    return max(1, _CELLS_AT_ONCE // max(1, len(data)))
