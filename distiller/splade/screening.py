"""Which words can be active at all, told by products of 8-bit integers and a bound on their error.

Of 30,000 words some hundred are active in a text; the logits of all others are computed to find
that they are below zero. A product of integers, several times as fast, finds that too where it is
far enough below: with h = ĥ + e and w = ŵ + f, each side rounded to integers times a scale,

    h·w − ĥ·ŵ = e·w + ĥ·f ≤ ‖e‖ ‖w‖ + ‖ĥ‖ ‖f‖        (Cauchy and Schwarz)

Words that the bound does not rule out are computed again as they are, so the result is exact.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from distiller.splade.packing import Block, Packed
from distiller.splade.products import integers_hasten

LEAST_TOKENS = 512
"""Below, rounding the weights takes as long as the product that it saves."""
_LEAST_WIDTH = 2
"""PyTorch's product of integers is wrong at a width of 1."""
_WORDS = 512
"""Rounded and multiplied at a time, so that they stay in the cache."""
_STEPS = 127
"""The largest integer; −128 has no opposite."""
_ROUNDING = 1e-5
"""Of the norms' product: more than the rounding of float32 sums of a few thousand terms."""


class _Rounded(NamedTuple):
    """The hidden states of a block as integers times a scale."""

    block: Block
    integers: Tensor
    """(texts × length, width), int8."""
    scale: Tensor
    """()"""
    error: Tensor
    """(texts, 1), the largest norm of what rounding took from a token of the text."""
    norm: Tensor
    """(texts, 1), the largest norm of a rounded token of the text."""


def is_worth(hidden: Tensor) -> bool:
    """Whether sifting so many hidden states, (tokens, width), costs less than it saves."""
    tokens, width = hidden.shape
    return tokens >= LEAST_TOKENS and width >= _LEAST_WIDTH and integers_hasten(hidden)


def possible(packed: Packed, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Words whose logit may be above zero for some token of a text.

    Args:
        packed: Texts of float32 hidden states.
        weight: (vocabulary, width), float32, at least 2 wide.
        bias: (vocabulary,).

    Returns:
        (texts as packed, vocabulary) of bool. All are possible where a number is not finite.
    """
    rounded = [_round(block) for block in packed.blocks]
    found = torch.empty(len(packed.order), len(weight), dtype=torch.bool)
    buffer = torch.empty(packed.largest * min(_WORDS, len(weight)), dtype=torch.int32)
    for start in range(0, len(weight), _WORDS):
        some = weight[start : start + _WORDS]
        scale, integers = _as_integers(some, dim=1)
        error = torch.linalg.vector_norm(some - scale * integers, dim=1)
        norm = torch.linalg.vector_norm(some, dim=1)
        for one in rounded:
            count, length = one.block.source.shape
            sums = buffer[: count * length * len(some)].view(count * length, len(some))
            torch._int_mm(one.integers, integers.t(), out=sums)
            largest = sums.view(count, length, len(some)).amax(1)
            above = largest * (one.scale * scale.view(-1))
            above += (one.error + _ROUNDING * one.norm) * norm + one.norm * error
            if bias is not None:
                above += bias[start : start + _WORDS]
            # so that what is not a number is possible
            torch.logical_not(
                above <= 0,
                out=found[one.block.first : one.block.first + count, start:][:, : len(some)],
            )
    return found


def _round(block: Block) -> _Rounded:
    scale, integers = _as_integers(block.hidden)
    back = scale * integers
    shape = block.source.shape
    error, norm = (
        torch.linalg.vector_norm(part, dim=1).view(shape).amax(1, keepdim=True)
        for part in (block.hidden - back, back)
    )
    return _Rounded(block, integers, scale, error, norm)


def _as_integers(numbers: Tensor, dim: int | None = None) -> tuple[Tensor, Tensor]:
    """Scale, one for all or one for each row, and int8 numbers, whose product is about these."""
    largest = numbers.abs().amax() if dim is None else numbers.abs().amax(dim, keepdim=True)
    scale = (largest / _STEPS).clamp(min=torch.finfo(numbers.dtype).tiny)
    return scale, (numbers / scale).round_().clamp_(-_STEPS, _STEPS).to(torch.int8)
