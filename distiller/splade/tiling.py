"""How large a piece of the tokens × words matrix of logits is computed at a time.

A piece has to stay in the cache between the product that writes it and the maximum that reads it;
a very small one costs more in calls than in arithmetic. Which size is best differs from machine to
machine, so it is measured, once per process and shape family. The size changes no result.
"""

from __future__ import annotations

import time
from functools import cache
from typing import NamedTuple

import torch

from distiller.splade.products import linear
from distiller.splade.timing import least_seconds


class Tile(NamedTuple):
    """A piece of the matrix of logits."""

    tokens: int
    words: int


_USUAL = Tile(2048, 512)
"""4 MB of float32."""
_OTHERS = (Tile(1024, 512), Tile(1024, 1024), Tile(2048, 1024), Tile(4096, 256), Tile(4096, 512))
_BETTER = 0.95
"""Share of the usual tile's time that another must stay under, so that noise chooses nothing."""
_LENGTH = 128
"""Tokens per passage while measuring."""
_WORTH_MEASURING = 2e10
"""Multiply-adds of a call below which the usual tile is taken: a search query's projection should
not wait for a measurement that takes as long as itself."""
_ACCELERATOR_BYTES = 256 * 2**20
"""A tile's size on an accelerator, where launching kernels costs more than memory."""


def tile_for(tokens: int, weight: torch.Tensor) -> Tile:
    """The tile for projecting so many tokens by `weight`, shape (vocabulary, width)."""
    vocabulary, width = weight.shape
    if weight.device.type != "cpu":
        words = _ACCELERATOR_BYTES // (weight.element_size() * max(tokens, 1)) // 64 * 64
        return Tile(tokens, min(max(words, 256), vocabulary))
    if tokens * vocabulary * width < _WORTH_MEASURING:
        return _USUAL
    return fastest(width, weight.dtype, torch.get_num_threads())


@cache
def fastest(width: int, dtype: torch.dtype, threads: int) -> Tile:
    """The tile with the most logits per second on this processor.

    Args:
        width: Of the hidden states.
        dtype: Of hidden states and weights.
        threads: How many PyTorch uses; part of what the answer is kept under.
    """
    usual, *others = (_seconds_per_logit(tile, width, dtype) for tile in (_USUAL, *_OTHERS))
    best, tile = min(zip(others, _OTHERS, strict=True))
    return tile if best < _BETTER * usual else _USUAL


def _seconds_per_logit(tile: Tile, width: int, dtype: torch.dtype) -> float:
    hidden = torch.full((tile.tokens, width), 0.5, dtype=dtype)
    weight = torch.full((tile.words, width), 0.5, dtype=dtype)
    logits = torch.empty(tile.tokens, tile.words, dtype=dtype)

    def largest() -> torch.Tensor:
        product = linear(hidden, weight, out=logits)
        return torch.amax(product.view(-1, _LENGTH, tile.words), 1)

    return least_seconds(largest, clock=time.thread_time) / (tile.tokens * tile.words)
