"""Texts of a padded batch laid out without their padding, for what looks at tokens one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Block:
    """Texts of similar length, cut at the longest of them."""

    first: int
    """The place of its first text among all packed ones."""
    hidden: Tensor
    """(texts × length, width), padding replaced by the text's own first token, which changes no
    maximum."""
    source: Tensor
    """(texts, length) which row of the batch's flat hidden states each one is, int32."""


@dataclass(frozen=True)
class Packed:
    """The texts of a batch that have tokens."""

    order: Sequence[int]
    """Their places in the batch, in the order in which they are packed."""
    blocks: Sequence[Block]

    @property
    def largest(self) -> int:
        """Tokens of the largest block."""
        return max((block.source.numel() for block in self.blocks), default=0)


def pack(hidden: Tensor, mask: Tensor, tokens: int) -> Packed:
    """Cut a batch into blocks of about so many tokens; padding is left out as far as it can be.

    Args:
        hidden: (batch, length, width).
        mask: (batch, length), zero where a token is padding, on either side.
        tokens: Of a block at most, where one text alone is not longer.
    """
    mask = mask.to(torch.bool)
    lengths: list[int] = mask.sum(1).tolist()
    order = sorted(
        (row for row, length in enumerate(lengths) if length), key=lambda row: -lengths[row]
    )
    flat = hidden.reshape(-1, hidden.shape[-1])
    source = torch.arange(len(flat), dtype=torch.int32, device=flat.device).view(mask.shape)
    whole = all(length == hidden.shape[1] for length in lengths)
    if not whole:  # each text's tokens first, then its first token again and again
        places = torch.argsort(~mask, dim=1, stable=True)
        inside = torch.arange(mask.shape[1], device=mask.device) < mask.sum(1, keepdim=True)
        source = source.gather(1, torch.where(inside, places, places[:, :1]))
        source = source[torch.tensor(order, dtype=torch.long, device=flat.device)]
    blocks, first = [], 0
    while first < len(order):
        length = lengths[order[first]]
        count = max(1, tokens // length)
        some = source[first : first + count, :length]
        rows = flat[first * length : (first + count) * length] if whole else flat[some.flatten()]
        blocks.append(Block(first, rows, some))
        first += count
    return Packed(order, blocks)
