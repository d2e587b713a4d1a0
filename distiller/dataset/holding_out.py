"""The dev split of a dataset that is too large for the search of near-duplicates."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from distiller.dataset.texts import key_of_text
from distiller.quality.texts import fold
from distiller.schema.dataset import Example

SHARE = 0.1
MOST = 2_000
"""Queries that are held out at most: enough to tell models apart by a point of nDCG@10."""

Keys = NDArray[np.uint64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Texts:
    """Keys of the folded texts of one kind, and in which example each stands."""

    keys: Keys
    rows: NDArray[np.int64]


def hold_out(examples: Sequence[Example], *, seed: int) -> Iterator[Example]:
    """The examples, about a tenth of the training queries as val, so that no text is in both.

    Examples whose queries or positives are the same but for case, spaces and punctuation are never
    parted; near-duplicates are not looked for. A hard negative that both would hold stays where
    it is a positive, or else where it stands more often, as in `split`. The order is kept, and
    does not count, nor do identifiers.

    Args:
        examples: They are gone through twice.
        seed: Decides which.
    """
    queries, positives, negatives, train = _keys(examples)
    held = _chosen(queries, positives, train, seed) & train
    dropped = _shared(positives, negatives, held)
    for at, example in enumerate(examples):
        left = dropped[int(held[at])]
        stay = [p for p in example.negatives if key_of_text(fold(p.text)) not in left]
        update = {"negatives": stay, "split": "val" if held[at] else example.split}
        yield example.model_copy(update=update)


def _keys(examples: Sequence[Example]) -> tuple[_Texts, _Texts, _Texts, Flags]:
    """Of queries, positives and negatives; and which examples are for training."""
    found = [(array("Q"), array("q")) for _ in range(3)]
    train = np.zeros(len(examples), dtype=np.bool_)
    for at, example in enumerate(examples):
        train[at] = example.split == "train"
        texts = [
            [example.query],
            *([p.text for p in s] for s in (example.positives, example.negatives)),
        ]
        for (keys, rows), some in zip(found, texts, strict=True):
            keys.extend(key_of_text(fold(text)) for text in some)
            rows.extend([at] * len(some))
    queries, positives, negatives = (
        _Texts(np.array(keys, np.uint64), np.array(rows, np.int64)) for keys, rows in found
    )
    return queries, positives, negatives, train


def _chosen(queries: _Texts, positives: _Texts, train: Flags, seed: int) -> Flags:
    """Which examples are held out: whole groups of tied ones, in an order that the seed decides."""
    count = len(train)
    # A query and a passage of the same words tie their examples as well; that does no harm.
    keys = np.concatenate([queries.keys, positives.keys])
    rows = np.concatenate([queries.rows, positives.rows])
    distinct, numbers = np.unique(keys, return_inverse=True)
    size = count + len(distinct)
    ties = coo_matrix((np.ones(len(rows), np.int8), (rows, count + numbers)), shape=(size, size))
    groups = connected_components(ties, directed=False)[1][:count]
    sizes = np.bincount(groups[train], minlength=int(groups.max(initial=0)) + 1)
    least = np.full(len(sizes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, groups, _mixed(queries.keys, seed))
    room = max(1, min(MOST, round(int(train.sum()) * SHARE)))
    taken = np.zeros(len(sizes), dtype=np.bool_)
    for group in np.argsort(least, kind="stable"):
        if 0 < sizes[group] <= room:
            taken[group] = True
            room -= int(sizes[group])
        if not room:
            break
    return np.asarray(taken[groups])


def _mixed(keys: Keys, seed: int) -> Keys:
    """Keys in another order for each seed."""
    factor = np.uint64(2 * key_of_text(str(seed)) % 2**63 + 1)
    mixed = keys * factor
    return np.asarray(mixed ^ (mixed >> np.uint64(29)), dtype=np.uint64)


def _shared(positives: _Texts, negatives: _Texts, held: Flags) -> tuple[set[int], set[int]]:
    """Negatives to leave out of what is not held out, and of what is."""
    here, there = (
        np.unique(negatives.keys[held[negatives.rows] == side]) for side in (False, True)
    )
    answers = [np.unique(positives.keys[held[positives.rows] == side]) for side in (False, True)]
    both = np.intersect1d(here, there)
    counts = []
    for side in (False, True):
        some = np.sort(negatives.keys[held[negatives.rows] == side])
        ends = np.searchsorted(some, both, "right"), np.searchsorted(some, both, "left")
        counts.append(ends[0] - ends[1])
    to_train = np.isin(both, answers[0]) | ((counts[0] > counts[1]) & ~np.isin(both, answers[1]))
    from_train = np.union1d(both[~to_train], np.intersect1d(here, answers[1]))
    from_held = np.union1d(both[to_train], np.intersect1d(there, answers[0]))
    return set(from_train.tolist()), set(from_held.tolist())
