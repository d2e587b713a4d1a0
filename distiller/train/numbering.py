"""Texts by numbers, so that no text has to be in memory to be compared."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from distiller.dataset.texts import key_of_text, passage_text
from distiller.schema.dataset import Example

Numbers = NDArray[np.int64]


def numbered(keys: NDArray[np.uint64]) -> tuple[Numbers, Numbers]:
    """Number keys in the order in which they first stand.

    Returns:
        The number of each key, in its shape, and where each number stands first in the flat keys.
    """
    _, first, inverse = np.unique(keys.reshape(-1), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(len(order))
    return numbers[inverse].reshape(keys.shape), first[order]


class Passages:
    """The distinct passages of examples, in the order in which they first stand."""

    def __init__(self, examples: Sequence[Example], chosen: Sequence[int]) -> None:
        """Go through the passages of some examples, in the order of `chosen`."""
        self._examples = examples
        keys, places = array("Q"), array("q")
        for at in chosen:
            example = examples[at]
            for place, passage in enumerate(chain(example.positives, example.negatives)):
                keys.append(key_of_text(passage_text(passage)))
                places.extend((at, place))
        known = np.array(keys, dtype=np.uint64)
        _, first = numbered(known)
        self._places = np.array(places, dtype=np.int64).reshape(-1, 2)[first]
        self._keys = known[first]
        self._order = np.argsort(self._keys)
        self._sorted = self._keys[self._order]

    def __len__(self) -> int:
        return len(self._places)

    def number(self, text: str) -> int:
        """Where it stands; it has to be one of them."""
        found = np.searchsorted(self._sorted, np.uint64(key_of_text(text)))
        return int(self._order[found])

    def text(self, number: int) -> str:
        """The passage of a number."""
        at, place = self._places[number]
        example = self._examples[int(at)]
        return passage_text([*example.positives, *example.negatives][place])
