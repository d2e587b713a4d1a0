"""The largest logit of every vocabulary word over a text's tokens, without the logits in between.

Of batch × length × vocabulary logits max pooling keeps batch × vocabulary, nearly all of them zero.
Words that can be above zero are found by integers where the processor is fast at those, and only
they are computed; elsewhere, or where many can be, all are computed tile by tile, or on CUDA by a
kernel where that is faster (`fused`). Only the winning token of each active word is remembered: it
alone gets a gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from distiller.splade import screening
from distiller.splade.fused import FUSED, Call, Pooled, Winners
from distiller.splade.packing import Block, Packed, pack
from distiller.splade.products import linear
from distiller.splade.tiling import Tile, tile_for

_FEW = 1 / 4
"""Share of words that can be active up to which they are computed one text after the other."""
_GATHER = 1 / 16
"""Share of active words in a tile up to which their columns are gathered to find the winners."""
_SCATTER = 1 / 6
"""Winners per logit up to which the backward pass sums them one by one. Measured on one thread, a
matrix product takes 14 times as long at 1/100 (128 wide; 23 times at 384), 1.4 and 1.9 times at
1/8. Each word has one winner per text, so only texts of a few tokens can go beyond it."""
_DENSE_BYTES = 32 * 2**20
"""Size of a piece of the gradient's matrix when it is dense."""

_PRECISE = (torch.float32, torch.float64)
"""Where the bias is added to the largest logit alone: rounding keeps order. Less precise numbers
would lose what product and bias have in common, so there it is added before the product is rounded.
"""


def max_logits(
    hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, tile: Tile | None = None
) -> Tensor:
    """Max over tokens of relu(hidden · weightᵀ + bias), as SPLADE pools it; differentiable once.

    Equal to `(relu(linear(hidden, weight, bias)) * mask).max(1)` up to the rounding of the product.
    Among tokens with the same logit the first wins and gets the gradient.

    Args:
        hidden: (batch, length, width), what the vocabulary projection is applied to.
        mask: (batch, length), zero where a token is padding.
        weight: (vocabulary, width).
        bias: (vocabulary,).
        tile: Chosen by measurement where it is not given; given, nothing but tiles is used.

    Returns:
        (batch, vocabulary), not negative; zero for a text without any token.
    """
    parts = (hidden, weight, bias)
    if torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in parts):
        pooled: Tensor = _MaxLogits.apply(hidden, mask, weight, bias, tile)  # type: ignore[no-untyped-call]
        return pooled
    return _pool(hidden, mask, weight, bias, tile, learns=False)[0]


class _MaxLogits(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        mask: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        tile: Tile | None,
    ) -> Tensor:
        pooled, winners = _pool(hidden, mask, weight, bias, tile, learns=True)
        ctx.save_for_backward(hidden.reshape(-1, hidden.shape[-1]), weight, *winners)
        ctx.shape, ctx.has_bias = hidden.shape, bias is not None
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, texts, words, tokens = ctx.saved_tensors
        values = gradient[texts, words].to(hidden.dtype)
        for_hidden = for_weight = for_bias = None
        if len(values) <= _SCATTER * len(hidden) * len(weight):
            if ctx.needs_input_grad[0]:
                for_hidden = _weighted_sums(tokens, words, values, weight, len(hidden))
            if ctx.needs_input_grad[2]:
                for_weight = _weighted_sums(words, tokens, values, hidden, len(weight))
        else:
            for_hidden, for_weight = _dense_gradients(values, words, tokens, hidden, weight)
        if ctx.has_bias and ctx.needs_input_grad[3]:
            for_bias = values.new_zeros(len(weight)).index_add_(0, words, values)
        return (
            None if for_hidden is None else for_hidden.view(ctx.shape),
            None,
            for_weight,
            for_bias,
            None,
        )


def _weighted_sums(keys: Tensor, among: Tensor, values: Tensor, table: Tensor, size: int) -> Tensor:
    """For each key: the rows of `table` named by `among`, times `values`, summed.

    Args:
        keys: (n,) from 0 to size - 1, where each product goes.
        among: (n,) rows of the table.
        values: (n,) factors.
        table: (rows, width).
        size: Rows of the result.

    Returns:
        (size, width); the order of the sums, so the result, is always the same.
    """
    order = torch.sort(keys, stable=True).indices
    ends = torch.bincount(keys, minlength=size).cumsum(0)
    starts = torch.cat([ends.new_zeros(1), ends[:-1]]).to(among.dtype)
    return torch.nn.functional.embedding_bag(
        among[order], table, starts, mode="sum", per_sample_weights=values[order]
    )


def _dense_gradients(
    values: Tensor, words: Tensor, tokens: Tensor, hidden: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of hidden states and weights by matrix products, a slice of words at a time."""
    words, order = torch.sort(words, stable=True)
    values, tokens = values[order], tokens[order]
    for_hidden, for_weight = torch.zeros_like(hidden), torch.empty_like(weight)
    step = max(64, _DENSE_BYTES // (hidden.element_size() * max(1, len(hidden))))
    bounds = torch.arange(0, len(weight) + step, step, dtype=words.dtype, device=words.device)
    cuts = torch.searchsorted(words, bounds).tolist()
    for index, (begin, end) in enumerate(pairwise(cuts)):
        first = index * step
        some = weight[first : first + step]
        matrix = hidden.new_zeros(len(hidden), len(some))
        matrix[tokens[begin:end], words[begin:end] - first] = values[begin:end]
        for_hidden.addmm_(matrix, some)
        torch.mm(matrix.t(), hidden, out=for_weight[first : first + step])
    return for_hidden, for_weight


def _pool(
    hidden: Tensor,
    mask: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    tile: Tile | None,
    learns: bool,
) -> Pooled:
    """The pooled logits, (batch, vocabulary), and the winners above zero if `learns`."""
    bias = None if bias is None else bias.detach()
    # `out=` is refused where gradients are kept
    call = Call(hidden.detach(), mask, weight.detach(), bias, learns)

    def tiles() -> Pooled:
        return _by_tiles(call, tile or tile_for(mask.numel(), weight))

    return FUSED.pool(call, tiles) if tile is None and FUSED.may_help(call) else tiles()


def _by_tiles(call: Call, tile: Tile) -> Pooled:
    """The same by PyTorch's own operations."""
    hidden, mask, weight, bias, learns = call
    packed = pack(hidden, mask, tile.tokens)
    possible = _few_possible(packed, weight, bias)
    if possible is None:
        pooled, found = _tiled(packed, weight, bias, tile, learns)
    else:
        pooled, found = _chosen(packed, weight, bias, possible, learns)
    return _unpacked(pooled, packed.order, found, len(hidden))


def _few_possible(packed: Packed, weight: Tensor, bias: Tensor | None) -> Tensor | None:
    """Words that can be active, (texts, vocabulary); None if they are many, or not worth finding."""
    if not packed.blocks or not screening.is_worth(packed.blocks[0].hidden):
        return None
    possible = screening.possible(packed, weight, bias)
    return possible if int(possible.sum()) <= _FEW * possible.numel() else None


def _chosen(
    packed: Packed, weight: Tensor, bias: Tensor | None, possible: Tensor, learns: bool
) -> tuple[Tensor, list[Winners]]:
    """Pooled logits and winners, of the words that can be active and no others."""
    pooled = weight.new_zeros(possible.shape)
    found = []
    for block in packed.blocks:
        count, length = block.source.shape
        hidden = block.hidden.view(count, length, -1)
        for place in range(count):
            text = block.first + place
            words = possible[text].nonzero().view(-1)
            logits = linear(hidden[place], weight[words])
            top, places = logits.max(0) if len(words) else (logits.new_empty(0), words)
            if bias is not None:
                top = top + bias[words]
            pooled[text, words] = top.clamp_(min=0)
            if learns:
                won = top > 0
                tokens = block.source[place, places[won]]
                texts = torch.full_like(tokens, text)
                found.append((texts, words[won].int(), tokens))
    return pooled, found


def _tiled(
    packed: Packed, weight: Tensor, bias: Tensor | None, tile: Tile, learns: bool
) -> tuple[Tensor, list[Winners]]:
    """Pooled logits and winners, of all words."""
    pooled = weight.new_empty(len(packed.order), len(weight))
    buffer = weight.new_empty(packed.largest * min(tile.words, len(weight)))
    found = []
    for start in range(0, len(weight), tile.words):
        some = weight[start : start + tile.words]
        added = None if bias is None else bias[start : start + tile.words]
        for block in packed.blocks:
            count, length = block.source.shape
            logits = buffer[: count * length * len(some)].view(count * length, len(some))
            top = pooled[block.first : block.first + count, start : start + len(some)]
            logits = _largest(block.hidden, some, added, logits, top)
            if learns:
                found.append(_winners(block, logits.view(count, length, -1), top, start))
    return pooled, found


def _largest(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, buffer: Tensor, top: Tensor
) -> Tensor:
    """The logits of a tile; in `top`, (texts, words), the largest of each text is written."""
    if bias is None or hidden.dtype in _PRECISE:
        logits = linear(hidden, weight, out=buffer)
    else:
        logits = torch.addmm(bias, hidden, weight.t(), out=buffer)
    torch.amax(logits.view(len(top), -1, len(weight)), 1, out=top)
    if bias is not None and hidden.dtype in _PRECISE:
        top.add_(bias)
    top.clamp_(min=0)
    return logits


def _winners(block: Block, logits: Tensor, top: Tensor, start: int) -> Winners:
    """Of every word above zero in a tile: its text (as packed), its number, its winning token."""
    texts, words = top.nonzero(as_tuple=True)
    if len(texts) <= _GATHER * top.numel():
        places = logits[texts, :, words].argmax(1)
    else:
        places = logits.max(1).indices[texts, words]
    tokens = block.source[texts, places]
    return (texts + block.first).int(), (words + start).int(), tokens


def _unpacked(pooled: Tensor, order: Sequence[int], found: Sequence[Winners], batch: int) -> Pooled:
    """Everything in the order of the batch; texts without tokens are zero."""
    none = torch.empty(0, dtype=torch.int32, device=pooled.device)
    texts, words, tokens = (
        (torch.cat(part) for part in zip(*found, strict=True)) if found else (none,) * 3
    )
    if list(order) == list(range(batch)):
        return pooled, (texts, words, tokens)
    rows = torch.tensor(order, dtype=torch.long, device=pooled.device)
    unpacked = pooled.new_zeros(batch, pooled.shape[1])
    unpacked[rows] = pooled
    return unpacked, (rows.int()[texts], words, tokens)
