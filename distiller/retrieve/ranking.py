"""What all retrievers share: a corpus in a fixed order, and an exact top k with fixed ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from distiller.schema.errors import InputError


def in_order(corpus: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Passage ids in ascending order, and their texts.

    Indexing in this order makes every ranking independent of the order of the corpus file, and
    lets a tie be broken by position.

    Raises:
        InputError: The corpus is empty.
    """
    if not corpus:
        raise InputError("the corpus has no passages; give at least one")
    ids = sorted(corpus)
    return ids, [corpus[passage_id] for passage_id in ids]


def check_depth(k: int) -> None:
    """Refuse a ranking of no passages.

    Raises:
        InputError: `k` is below 1.
    """
    if k < 1:
        raise InputError(f"k is {k}, but a ranking needs at least 1 passage")


def top_k(scores: NDArray[np.floating], k: int) -> NDArray[np.intp]:
    """Positions of the k highest scores above zero, highest first, ties in order of position.

    A score of zero means that query and passage share nothing. Such passages are not retrieved:
    a system that scores everything zero ranks nothing, and earns nothing.

    Args:
        scores: Shape (passages,).
        k: At least 1; may exceed the number of passages.

    Returns:
        At most k positions.
    """
    found = np.flatnonzero(scores > 0)
    if len(found) > k:
        cutoff = np.partition(scores[found], len(found) - k)[len(found) - k]
        found = found[scores[found] >= cutoff]
    return found[np.argsort(-scores[found], kind="stable")][:k]


def as_ranking(
    ids: Sequence[str], positions: NDArray[np.intp], scores: NDArray[np.floating]
) -> dict[str, float]:
    """One query's part of a run: passage_id → score, best first."""
    return {ids[i]: float(scores[i]) for i in positions}
