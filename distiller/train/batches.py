"""Which rows make a batch together. Imports torch: import it inside functions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

from distiller.train import processes
from distiller.train.supervision import Supervision

_POOL = 16
"""Batches whose rows are sorted by length together: enough for texts of like length to meet, few
enough for a batch to differ from epoch to epoch."""


class LengthBuckets(DefaultBatchSampler):  # type: ignore[misc]
    """Batches of texts of like length, in which no query and no answer stands twice.

    Padding is work for nothing: a batch is as wide as its longest text. A row that cannot go into
    any batch of its pool waits for the next; what is left at the end goes where there is room, and
    the loss never takes an answer for a negative there.

    Each of several processes deals itself its part of every batch; the batches are the same for any
    number of processes.
    """

    def __init__(
        self,
        supervision: Supervision,
        lengths: Sequence[int],
        *,
        batch_size: int,
        seed: int,
        bucket: bool = True,
    ) -> None:
        """Batches of `batch_size` rows; `bucket` False leaves the order to chance alone.

        `batch_size` counts the rows of all processes together.
        """
        super().__init__(range(len(lengths)), batch_size=batch_size, drop_last=False, seed=seed)
        self.lengths = lengths
        self.bucket = bucket
        self.passages = supervision.passages
        self.queries = supervision.queries

    def __len__(self) -> int:
        return math.ceil(len(self.lengths) / int(self.batch_size))

    def __iter__(self) -> Iterator[list[int]]:
        draw = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.lengths), generator=draw).tolist()
        size = self.batch_size * (_POOL if self.bucket else 1)
        full: list[list[int]] = []
        waiting: list[int] = []
        for begin in range(0, len(order), size):
            pool = [*waiting, *order[begin : begin + size]]
            if self.bucket:
                pool.sort(key=lambda row: self.lengths[row])
            batches, waiting = self._fill(pool)
            full += batches
        full += [
            waiting[begin : begin + self.batch_size]
            for begin in range(0, len(waiting), self.batch_size)
        ]
        for index in torch.randperm(len(full), generator=draw).tolist():
            yield processes.part_of(full[index], processes.rank(), processes.count())

    def _fill(self, rows: Sequence[int]) -> tuple[list[list[int]], list[int]]:
        """Full batches, and the rows of those that did not fill."""
        started: list[list[int]] = []
        full: list[list[int]] = []
        queries = dict(zip(rows, self.queries[list(rows)].tolist(), strict=True))
        texts = dict(zip(rows, self.passages[list(rows)].tolist(), strict=True))

        def clash(row: int, other: int) -> bool:
            return (
                queries[row] == queries[other]
                or texts[row][0] in texts[other]
                or texts[other][0] in texts[row]
            )

        for row in rows:
            batch = next((b for b in started if not any(clash(row, other) for other in b)), None)
            if batch is None:
                batch = []
                started.append(batch)
            batch.append(row)
            if len(batch) == self.batch_size:
                started.remove(batch)
                full.append(batch)
        return full, [row for batch in started for row in batch]
