"""How long something takes on this machine, whatever else runs on it."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

ROUNDS = 5


def least_seconds(
    call: Callable[[], object],
    device: torch.device | None = None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """The least time of a few calls, which other work disturbs least.

    Args:
        call: Runs once more, unmeasured, before: the first time compiles, or fills the cache.
        device: Where it runs; an accelerator is waited for.
        clock: `time.thread_time` does not count what other processes take of a busy processor, but
            nor what an accelerator or other threads do.
    """
    _finish(call, device)
    took = []
    for _ in range(ROUNDS):
        begun = clock()
        _finish(call, device)
        took.append(clock() - begun)
    return min(took)


def synchronize(device: torch.device | None) -> None:
    """Wait for what an accelerator still does."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)


def _finish(call: Callable[[], object], device: torch.device | None) -> None:
    call()
    synchronize(device)
