"""What is known of every training row, as tensors. Imports torch: import it inside functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from distiller.train.losses import calibrated
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
    query_texts: list[str]
    passage_texts: list[str]

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


def supervision(rows: Sequence[TrainingRow]) -> Supervision:
    """Number the texts, scale the weights to 1 on average and the teacher's scores to z-scores."""
    passages: dict[str, int] = {}
    queries: dict[str, int] = {}
    numbers = [
        [passages.setdefault(text, len(passages)) for text in (row.positive, *row.negatives)]
        for row in rows
    ]
    asked = [queries.setdefault(row.query, len(queries)) for row in rows]
    answers: dict[int, list[int]] = defaultdict(list)
    for query, (positive, *_) in zip(asked, numbers, strict=True):
        if positive not in answers[query]:
            answers[query].append(positive)
    most = max(map(len, answers.values()))
    weights = torch.tensor([row.weight for row in rows])
    return Supervision(
        weights=weights / weights.mean(),
        teacher=calibrated(torch.tensor([_scores(row) for row in rows])),
        queries=torch.tensor(asked),
        passages=torch.tensor(numbers),
        positives=torch.tensor(
            [answers[query] + [_NOBODY] * (most - len(answers[query])) for query in asked]
        ),
        query_texts=list(queries),
        passage_texts=list(passages),
    )


def _scores(row: TrainingRow) -> list[float]:
    known = row.scores or (None,) * (1 + len(row.negatives))
    return [float("nan") if score is None else score for score in known]
