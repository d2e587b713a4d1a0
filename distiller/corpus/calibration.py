"""Scores of different units made comparable, per query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def calibrated(scores: Floats, asked: NDArray[np.intp]) -> Floats:
    """Scores around 0 for each query, in units of their usual spread within a query.

    The usual one, and not each query's own: a teacher that sees hardly any difference between a
    query's passages must not be made to say that there is a large one. A query of which a passage
    has no score gets none at all, for its passages could not be compared.

    Args:
        scores: NaN where unknown. Shape (pairs,).
        asked: Each pair's query, counted from 0. Shape (pairs,).
    """
    count = np.bincount(asked)
    total = np.bincount(asked, weights=scores)  # NaN for a query with one that is unknown
    centred = scores - (total / np.maximum(count, 1))[asked]
    known = centred[~np.isnan(centred)]
    usual = float(np.sqrt(np.mean(known**2))) if len(known) else 0.0
    calibrated: Floats = centred / usual if usual > 1e-9 else centred * 0.0
    return calibrated


def mixed(parts: Sequence[Floats], asked: NDArray[np.intp]) -> Floats:
    """The mean of calibrated scores, of those parts that know all passages of the query.

    Args:
        parts: Calibrated scores, each of shape (pairs,); at least one.
        asked: Each pair's query. Shape (pairs,).
    """
    assert all(len(part) == len(asked) for part in parts)
    stacked = np.stack(parts)
    known = (~np.isnan(stacked)).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)
