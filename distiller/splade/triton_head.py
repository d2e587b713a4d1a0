"""The largest logit of every word over a text's tokens as one Triton kernel, for CUDA.

A program takes one text and a block of words. It multiplies the text's tokens, a block at a time,
with those words and keeps of each word the largest product so far and whose it was; no logit leaves
the chip. Nearest work: Sparton, https://arxiv.org/abs/2603.25011.

Imported only where Triton is there and may help, see `fused`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor


class Blocks(NamedTuple):
    """How a program is cut; what is fastest differs from device to device."""

    words: int
    depth: int
    """Bytes of a token or a word that are multiplied at a time."""
    warps: int
    stages: int
    """Of the pipeline that loads the next while the last are multiplied."""


CANDIDATES = (
    Blocks(128, 128, 8, 3),
    Blocks(128, 64, 4, 4),
    Blocks(64, 128, 4, 3),
    Blocks(256, 128, 8, 3),
)
"""The last one needs more shared memory than most devices have; which fit is found by trying."""
_LEAST_TOKENS, _MOST_TOKENS = 16, 128
"""Of a block. Tensor cores take no fewer than 16."""


def token_block(length: int) -> int:
    """Tokens that a program multiplies at a time, for texts of at most so many."""
    return min(_MOST_TOKENS, max(_LEAST_TOKENS, 1 << (length - 1).bit_length()))


@triton.jit  # type: ignore[untyped-decorator]
def _largest_logits(  # type: ignore[no-untyped-def]  # noqa: PLR0913, PLR0917
    hidden,
    weight,
    bias,
    rows,
    counts,
    pooled,
    winners,
    length,
    vocabulary,
    width: tl.constexpr,
    BIASED: tl.constexpr,  # noqa: N803 - Triton's way to write constants
    LEARNS: tl.constexpr,  # noqa: N803
    PRECISION: tl.constexpr,  # noqa: N803
    TOKENS: tl.constexpr,  # noqa: N803
    WORDS: tl.constexpr,  # noqa: N803
    DEPTH: tl.constexpr,  # noqa: N803
):
    text = tl.program_id(0).to(tl.int64)  # as texts × vocabulary may pass 2³¹
    words = tl.program_id(1) * WORDS + tl.arange(0, WORDS)
    depths = tl.arange(0, DEPTH)
    # The last word again and again where the vocabulary ends: nothing has to be masked, nor stored.
    word_rows = tl.minimum(words, vocabulary - 1).to(tl.int64)
    of_words = weight + word_rows[:, None] * width + depths[None, :]
    count = tl.load(counts + text)
    best = tl.full((WORDS,), float("-inf"), tl.float32)
    winner = tl.zeros((WORDS,), tl.int32)
    for start in range(0, count, TOKENS):
        tokens = start + tl.arange(0, TOKENS)
        # Past its end a text's first token stands again, which changes no maximum.
        row = tl.load(rows + text * length + tl.where(tokens < count, tokens, 0))
        of_tokens = hidden + row.to(tl.int64)[None, :] * width + depths[:, None]
        logits = tl.zeros((WORDS, TOKENS), tl.float32)
        for depth in range(0, width, DEPTH):
            if width % DEPTH == 0:
                left = tl.load(of_words + depth)
                right = tl.load(of_tokens + depth)
            else:
                inside = depths < width - depth
                left = tl.load(of_words + depth, mask=inside[None, :], other=0.0)
                right = tl.load(of_tokens + depth, mask=inside[:, None], other=0.0)
            logits = tl.dot(left, right, logits, input_precision=PRECISION)
        # What is not a number would lose every comparison and pass for zero.
        logits = tl.where(logits == logits, logits, float("inf"))  # noqa: PLR0124
        top, place = tl.max(logits, 1, return_indices=True, return_indices_tie_break_left=True)
        winner = tl.where(top > best, start + place, winner)  # so the first of equals stays
        best = tl.maximum(top, best)
    best = tl.where(best == float("inf"), float("nan"), best)
    is_word = words < vocabulary
    if BIASED:
        best += tl.load(bias + words, mask=is_word, other=0.0).to(tl.float32)
    place = text * vocabulary + words
    tl.store(pooled + place, tl.where(best <= 0, 0.0, best), mask=is_word)
    if LEARNS:
        row = tl.load(rows + text * length + tl.where(winner < count, winner, 0))
        tl.store(winners + place, row, mask=is_word)


def largest_logits(
    hidden: Tensor,
    mask: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    blocks: Blocks,
    learns: bool,
) -> tuple[Tensor, Tensor | None]:
    """Max over tokens of relu(hidden · weightᵀ + bias), and whose it is; no gradient.

    Products are summed in float32, whatever the numbers are, and rounded once.

    Args:
        hidden: (batch, length, width), float32, bfloat16 or float16.
        mask: (batch, length), zero where a token is padding, anywhere.
        weight: (vocabulary, width), of the same kind of numbers.
        bias: (vocabulary,).
        blocks: One of the candidates.
        learns: Whether the winners are wanted.

    Returns:
        (batch, vocabulary), zero for a text without any token, and the first token that has the
        largest logit, (batch, vocabulary), int32, as a row of the flat hidden states.

    Raises:
        Exception: Of many kinds, if the kernel cannot be compiled or run on this device.
    """
    batch, length = mask.shape
    vocabulary = len(weight)
    kept = mask.to(torch.int8)
    counts = kept.sum(1, dtype=torch.int32)
    rows = torch.argsort(kept, dim=1, descending=True, stable=True).to(torch.int32)
    rows += torch.arange(0, batch * length, length, dtype=torch.int32, device=mask.device)[:, None]
    pooled = weight.new_empty(batch, vocabulary)
    winners = torch.empty_like(pooled, dtype=torch.int32) if learns else None
    parts = (hidden.contiguous(), weight.contiguous(), bias, rows, counts, pooled, winners)
    grid = (batch, triton.cdiv(vocabulary, blocks.words))
    with torch.cuda.device_of(hidden):  # type: ignore[no-untyped-call]
        _largest_logits[grid](
            *parts, length, vocabulary, **constants(hidden, bias, blocks, learns),
            num_warps=blocks.warps, num_stages=blocks.stages,
        )  # fmt: skip
    return pooled, winners


def constants(hidden: Tensor, bias: Tensor | None, blocks: Blocks, learns: bool) -> dict[str, Any]:
    """What the kernel is compiled for."""
    return {
        "width": hidden.shape[-1],
        "BIASED": bias is not None,
        "LEARNS": learns,
        "PRECISION": "tf32" if rounds_to_tf32(hidden) else "ieee",
        "TOKENS": token_block(hidden.shape[1]),
        "WORDS": blocks.words,
        "DEPTH": max(16, blocks.depth // hidden.element_size()),
    }


def rounds_to_tf32(numbers: Tensor) -> bool:
    """Whether PyTorch may round such numbers to TF32 before it multiplies them."""
    matmul = torch.backends.cuda.matmul
    if hasattr(matmul, "fp32_precision"):  # from PyTorch 2.9; the older one may raise from then on
        allowed = matmul.fp32_precision == "tf32"
    else:
        allowed = matmul.allow_tf32
    return numbers.dtype == torch.float32 and allowed
