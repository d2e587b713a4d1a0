"""Pairs of sets that share most of their members: an exact join in bounded memory.

Two sets of a Jaccard similarity of at least t have a member in common among their rarest, as many as
|x| − ⌈t·|x|⌉ + 1 of each (prefix filtering: Bayardo et al. 2007, https://doi.org/10.1145/1242572.1242591;
Chaudhuri et al. 2006). So only pairs that share a rare member are looked at, and none is missed.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

_AT_ONCE = 2_000_000
"""Pairs that are looked at together."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Sets:
    """Distinct sets, as rows of numbers that stand for their members."""

    keys: list[list[str]]
    """Of each row, the keys whose set it is, in the order given."""
    members: csr_matrix
    """Shape (rows, distinct members); 1 where the row has the member, rarest members first."""

    @classmethod
    def of(cls, texts: Mapping[str, str], cut: Callable[[str], Iterable[str]]) -> Sets:
        """The sets of distinct members that `cut` makes of texts."""
        rows: dict[bytes, list[str]] = {}
        hashes, ends = array("q"), array("q", [0])
        for key, text in texts.items():
            # 64 bits: two of a hundred million members have the same with a chance of 0.03 %.
            found = array("q", sorted(set(map(hash, cut(text)))))
            digest = hashlib.blake2b(found.tobytes(), digest_size=16).digest()
            known = rows.setdefault(digest, [])
            if not known:
                hashes.extend(found)
                ends.append(len(hashes))
            known.append(key)
        return cls(list(rows.values()), _by_rarity(hashes, ends))


def _by_rarity(hashes: array[int], ends: array[int]) -> csr_matrix:
    known, at, counts = np.unique(
        np.asarray(hashes, dtype=np.int64), return_inverse=True, return_counts=True
    )
    places = np.empty(len(known), dtype=np.int32)
    places[np.argsort(counts, kind="stable")] = np.arange(len(known), dtype=np.int32)
    found = csr_matrix(
        (np.ones(len(at), dtype=np.int32), places[at], np.asarray(ends, dtype=np.int64)),
        shape=(len(ends) - 1, max(1, len(known))),
    )
    found.sort_indices()
    return found


def alike(members: csr_matrix, threshold: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows, the earlier one first, of at least that Jaccard similarity, with it."""
    sizes = np.diff(members.indptr)
    rare = _rarest(members, sizes, threshold)
    by_member = rare.T.tocsr()
    looks = rare @ np.diff(by_member.indptr).astype(np.int64)
    for start, end in _parts(looks):
        found = (rare[start:end] @ by_member).tocoo()
        first, second = found.row + start, found.col
        low = np.minimum(sizes[first], sizes[second])
        high = np.maximum(sizes[first], sizes[second])
        chosen = (first < second) & (low >= threshold * high - _ROUNDING)
        yield from _exact(members, sizes, first[chosen], second[chosen], threshold)


def _rarest(members: csr_matrix, sizes: NDArray[np.int32], threshold: float) -> csr_matrix:
    """Of each row, the members of which similar rows share one."""
    most = sizes - np.ceil(threshold * sizes - _ROUNDING).astype(np.int64) + 1
    place = np.arange(members.nnz) - np.repeat(members.indptr[:-1], sizes)
    kept = place < np.repeat(np.minimum(most, sizes), sizes)
    ends = np.concatenate([[0], np.cumsum(np.minimum(most, sizes))])
    return csr_matrix((members.data[kept], members.indices[kept], ends), shape=members.shape)


def _parts(looks: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Rows in a row that lead to about `_AT_ONCE` looks together; at least one."""
    before = np.concatenate([[0], np.cumsum(looks)])
    start = 0
    while start < len(looks):
        end = int(np.searchsorted(before, before[start] + _AT_ONCE, side="right")) - 1
        end = max(end, start + 1)
        yield start, end
        start = end


def _exact(
    members: csr_matrix,
    sizes: NDArray[np.int32],
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    threshold: float,
) -> Iterator[tuple[int, int, float]]:
    each = max(1, _AT_ONCE // max(1, int(sizes.max(initial=1))))
    for at in range(0, len(first), each):
        one, two = first[at : at + each], second[at : at + each]
        both = np.asarray(members[one].multiply(members[two]).sum(axis=1)).ravel()
        share = both / np.maximum(sizes[one] + sizes[two] - both, 1)
        for found in np.flatnonzero(share >= threshold):
            yield int(one[found]), int(two[found]), float(share[found])
