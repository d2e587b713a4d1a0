"""What a training step is paid for, as functions of scores. Imports torch: import it inside functions.

Every function takes scores that are dot products of term weights, without a temperature: a SPLADE
model's scores already spread over tens of points.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_LEAST_SPREAD = 0.5
"""A query whose teacher scores spread less than this share of the usual is not blown up to it."""


def info_nce(scores: Tensor, targets: Tensor, never: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of each query's positive against all candidates of the batch, weighted.

    Van den Oord et al. 2018, https://arxiv.org/abs/1807.03748.

    Args:
        scores: Shape (queries, candidates).
        targets: Each query's positive, as a column. Shape (queries,).
        never: True where a candidate must not count as a negative: it answers that query too.
            Shape (queries, candidates); False at the targets.
        weights: What each query counts, 1 on average over the dataset. Shape (queries,).
    """
    open_scores = scores.masked_fill(never, -torch.inf)
    return (functional.cross_entropy(open_scores, targets, reduction="none") * weights).mean()


def listwise_kl(student: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """KL divergence of the student's ranking from the teacher's, over each query's own candidates.

    Lin et al. 2020, https://arxiv.org/abs/2010.11386. Averaged over the queries with at least two
    teacher scores; 0 where there is none.

    Args:
        student: Shape (queries, own candidates).
        teacher: On the student's scale, NaN where the teacher was not asked. Same shape.
        weights: Shape (queries,).
    """
    scored = ~teacher.isnan()
    usable = scored.sum(1) >= 2
    if not usable.any():
        return student.sum() * 0.0
    student, teacher, scored = student[usable], teacher[usable], scored[usable]
    ours = student.masked_fill(~scored, -torch.inf).log_softmax(1).masked_fill(~scored, 0.0)
    theirs = teacher.masked_fill(~scored, -torch.inf).log_softmax(1).masked_fill(~scored, 0.0)
    divergence = (theirs.exp() * (theirs - ours) * scored).sum(1)
    return (divergence * weights[usable]).mean()


def margin_mse(student: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """Squared error of the margins between the first candidate (the positive) and each other.

    Hofstätter et al. 2020, https://arxiv.org/abs/2010.02666. Averaged over the margins that the
    teacher knows; 0 where it knows none. Arguments as in `listwise_kl`.
    """
    error = (student[:, :1] - student[:, 1:]) - (teacher[:, :1] - teacher[:, 1:])
    known = ~error.isnan()
    if not known.any():
        return student.sum() * 0.0
    squared = torch.where(known, error, torch.zeros_like(error)) ** 2
    return (squared * weights[:, None]).sum() / known.sum()


def ranking_kl(student: Tensor, start: Tensor, never: Tensor) -> Tensor:
    """How far the ranking of a batch's candidates has moved from the start model's.

    KL divergence, mean over queries; the same candidates are left out as in `info_nce`, so that
    what `never` says is not contradicted. Arguments have shape (queries, candidates).
    """
    ours = student.masked_fill(never, -torch.inf).log_softmax(1).masked_fill(never, 0.0)
    theirs = start.masked_fill(never, -torch.inf).log_softmax(1).masked_fill(never, 0.0)
    return (theirs.exp() * (theirs - ours)).masked_fill(never, 0.0).sum(1).mean()


def flops(term_weights: Tensor) -> Tensor:
    """Sum over terms of the squared mean weight. Shape of the argument: (texts, vocabulary).

    Paria et al. 2020, https://arxiv.org/abs/2004.05665.
    """
    return (term_weights.mean(0) ** 2).sum()


def active_dims(term_weights: Tensor) -> float:
    """Mean number of terms with a weight per text. Shape of the argument: (texts, vocabulary)."""
    return float((term_weights.detach() != 0).sum(1).float().mean())


def spread(scores: Tensor) -> Tensor:
    """Standard deviation of each row's known scores; NaN with fewer than two. Shape (rows,)."""
    known = ~scores.isnan()
    count = known.sum(1)
    mean = scores.nansum(1, keepdim=True) / count[:, None].clamp(min=1)
    variance = ((scores - mean) ** 2).nansum(1) / count.clamp(min=1)
    return torch.where(count >= 2, variance.sqrt(), torch.full_like(variance, torch.nan))


def calibrated(scores: Tensor) -> Tensor:
    """Teacher scores as z-scores of each row, so that any teacher's scale will do.

    A softmax over raw scores depends on the teacher's unit: cosine similarities give a flat one,
    logits a spike. Rows with hardly any spread keep little of it: a teacher that sees no
    difference should not be made to say that there is one.

    Args:
        scores: NaN where unknown. Shape (rows, candidates).
    """
    deviation = spread(scores)
    usual = deviation.nanmean()
    known = ~scores.isnan()
    mean = scores.nansum(1, keepdim=True) / known.sum(1, keepdim=True).clamp(min=1)
    floor = torch.clamp(torch.nan_to_num(usual) * _LEAST_SPREAD, min=1e-6)
    return (scores - mean) / deviation.clamp(min=float(floor))[:, None]
