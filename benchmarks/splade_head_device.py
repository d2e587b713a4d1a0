"""The head alone on an accelerator: tiles, our kernel, and sentence-transformers' own module.

Called by splade_head.py --device cuda. Forward, and forward and backward, of 32 texts of 128 tokens
with about 150 active words, in milliseconds, medians of turns; with the peak of memory that each
adds to its operands.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from sentence_transformers.sparse_encoder.modules import SpladePooling

from distiller.splade import fused
from distiller.splade.max_logits import max_logits
from distiller.splade.tiling import Tile, tile_for

HEADINGS = ("device", "numbers", "words", "width", "way", "forward ms", "both ms", "× st", "MB")
ACTIVE = 150

Parts = list[torch.Tensor]


def operands(
    device: str, dtype: torch.dtype, vocabulary: int, width: int, shape: tuple[int, int]
) -> Parts:
    """Hidden states, weights and bias that learn."""
    torch.manual_seed(0)
    hidden = torch.nn.functional.layer_norm(torch.randn(*shape, width), (width,))
    weight = torch.randn(vocabulary, width) * 0.05
    largest = torch.cat([(hidden[:2] @ some.t()).amax(1) for some in weight.split(8192)], 1)
    kept = min(ACTIVE, vocabulary // 2) * len(largest)
    bias = torch.full((vocabulary,), -float(largest.flatten().topk(kept).values[-1]))
    return [part.to(device, dtype).requires_grad_() for part in (hidden, weight, bias)]


def ways(parts: Parts) -> dict[str, Callable[[], torch.Tensor]]:
    """Each way to log1p of the pooled logits."""
    hidden, weight, bias = parts
    mask = torch.ones(hidden.shape[:2], device=hidden.device)
    pooling = SpladePooling()

    def tiles() -> torch.Tensor:
        tile: Tile = tile_for(mask.numel(), weight)
        return torch.log1p(max_logits(hidden, mask, weight, bias, tile))

    def library() -> torch.Tensor:
        logits = torch.nn.functional.linear(hidden, weight, bias)
        pooled: torch.Tensor = pooling({"token_embeddings": logits, "attention_mask": mask})[
            "sentence_embedding"
        ]
        return pooled

    def kernel() -> torch.Tensor:
        return torch.log1p(max_logits(hidden, mask, weight, bias))

    return {"kernel": kernel, "tiles": tiles, "sentence-transformers": library}


def milliseconds(call: Callable[[], Any], device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    begun = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - begun)


def megabytes(call: Callable[[], Any], device: str) -> str:
    """By how much a call raises the peak."""
    if device != "cuda":
        return "–"
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    return f"{(torch.cuda.max_memory_allocated() - before) / 2**20:,.0f}"


def head_on(
    device: str,
    dtype: torch.dtype,
    vocabulary: int,
    width: int,
    rounds: int,
    shape: Any = (32, 128),
) -> list[list[str]]:
    """The rows of one size; the kernel's stands for what was measured even where tiles are taken."""
    parts = operands(device, dtype, vocabulary, width, shape)
    pooled = ways(parts)
    usual, fused._BETTER = fused._BETTER, 0.0  # whatever is faster
    calls: dict[tuple[str, str], Callable[[], Any]] = {}
    for name, way in pooled.items():
        calls[name, "forward"] = torch.inference_mode()(way)
        calls[name, "both"] = lambda way=way: way().sum().backward()
    took: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    memory = {}
    for (name, part), call in calls.items():
        try:
            call()  # the kernel is compiled and its blocks are measured
            memory[name] = megabytes(call, device)
        except torch.OutOfMemoryError:
            took.pop((name, part))
            memory[name] = "too much"
    for _ in range(rounds):
        for key, times in took.items():
            times.append(milliseconds(calls[key], device))
    fused._BETTER = usual
    seconds = {key: statistics.median(times) for key, times in took.items()}
    theirs = seconds.get(("sentence-transformers", "both"))
    rows = []
    for name in pooled:
        forward, both = seconds.get((name, "forward")), seconds.get((name, "both"))
        label = name if name != "kernel" or fused.FUSED.works else "kernel (fails: tiles)"
        cells = [str(dtype).removeprefix("torch."), f"{vocabulary:,}", str(width), label]
        cells += ["–" if time is None else f"{time:.2f}" for time in (forward, both)]
        cells += [f"{theirs / both:.1f}" if theirs and both else "–", memory[name]]
        rows.append([device, *cells])
    return rows


def chosen() -> list[str]:
    """What was measured for each kind of call, and what is taken there."""
    return [
        f"{kind.dtype} {kind.vocabulary:,} × {kind.width}, blocks of {kind.token_block} tokens,"
        f" {'learning' if kind.learns else 'encoding'}{', TF32' if kind.tf32 else ''}:"
        f" kernel {1e3 * found.kernel:.2f} ms {tuple(found.blocks)}, tiles"
        f" {1e3 * found.tiles:.2f} ms, {'kernel' if found.wins else 'tiles'} taken"
        for kind, found in fused.FUSED.measured.items()
    ]
