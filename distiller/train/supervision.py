"""What is known of every training row, as tensors. Imports torch: import it inside functions."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from torch import Tensor

from distiller.dataset.texts import key_of_text
from distiller.train.losses import calibrated
from distiller.train.numbering import Numbers, numbered
from distiller.train.rows import TrainingRow

_NOBODY = -1


@dataclass(frozen=True)
class Supervision:
    """Looked up by a row's number, which travels with its texts as their label."""

    weights: Tensor
    """1 on average. Shape (rows,)."""
    teacher: Tensor
    """Z-scores per row, NaN where the teacher was not asked. Shape (rows, 1 + negatives)."""
    queries: Tensor
    """Numbers of the query texts. Shape (rows,)."""
    passages: Tensor
    """Numbers of the passage texts, the positive first. Shape (rows, 1 + negatives)."""
    positives: Tensor
    """Every passage that answers the row's query, filled up with −1. Shape (rows, most)."""
    query_texts: Sequence[str]
    passage_texts: Sequence[str]
    longest: int
    """Characters of the longest passage."""

    @property
    def has_teacher(self) -> bool:
        """Whether any row can be distilled from."""
        return bool(((~self.teacher.isnan()).sum(1) >= 2).any())

    def candidates(self, rows: Tensor) -> Tensor:
        """Passages of a batch in the order of its columns: all positives, then all first negatives…

        Returns:
            Numbers of passage texts, shape (batch × (1 + negatives),).
        """
        return self.passages[rows].T.flatten()

    def never(self, rows: Tensor) -> Tensor:
        """Where a candidate of the batch answers a query that it does not stand beside.

        Returns:
            Shape (batch, batch × (1 + negatives)); False at each row's own positive.
        """
        answers = self.candidates(rows)[None, :, None] == self.positives[rows][:, None, :]
        never = answers.any(2)
        own = torch.arange(len(rows), device=never.device)
        never[own, own] = False
        return never


class Texts(Sequence[str]):
    """Texts of rows by their numbers: the first place where each stands."""

    def __init__(self, rows: Sequence[TrainingRow], places: Numbers, columns: int) -> None:
        """Texts at places of rows × columns, the positive first; a query's, without columns."""
        self.rows = rows
        self.places = places
        self.columns = columns

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        at, column = divmod(int(self.places[number]), self.columns or 1)
        row = self.rows[at]
        return (row.positive, *row.negatives)[column] if self.columns else row.query


def supervision(rows: Sequence[TrainingRow]) -> Supervision:
    """Number the texts, scale the weights to 1 on average and the teacher's scores to z-scores."""
    columns = 1 + len(rows[0].negatives)
    keys, asked = array("Q"), array("Q")
    longest = 0
    for row in rows:
        texts = (row.positive, *row.negatives)
        keys.extend(map(key_of_text, texts))
        asked.append(key_of_text(row.query))
        longest = max(longest, *map(len, texts))
    passages, first_passages = numbered(np.array(keys, dtype=np.uint64).reshape(-1, columns))
    queries, first_queries = numbered(np.array(asked, dtype=np.uint64))
    weights = torch.tensor([row.weight for row in rows])
    return Supervision(
        weights=weights / weights.mean(),
        teacher=calibrated(torch.tensor([_scores(row) for row in rows])),
        queries=torch.from_numpy(queries),
        passages=torch.from_numpy(passages),
        positives=_answers(queries, passages[:, 0]),
        query_texts=Texts(rows, first_queries, 0),
        passage_texts=Texts(rows, first_passages, columns),
        longest=longest,
    )


def _answers(queries: Numbers, positives: Numbers) -> Tensor:
    """Distinct positives of each row's query, filled up. Shape (rows, most)."""
    pairs = np.unique(np.stack([queries, positives], axis=1), axis=0)
    counts = np.bincount(pairs[:, 0])
    starts = np.cumsum(counts) - counts
    found = np.full((len(counts), int(counts.max())), _NOBODY)
    found[pairs[:, 0], np.arange(len(pairs)) - starts[pairs[:, 0]]] = pairs[:, 1]
    return torch.from_numpy(found[queries])


def _scores(row: TrainingRow) -> list[float]:
    known = row.scores or (None,) * (1 + len(row.negatives))
    return [float("nan") if score is None else score for score in known]
