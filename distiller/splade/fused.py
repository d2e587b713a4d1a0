"""Whether the kernel of `triton_head` pools the logits here, and what happens where it cannot.

It does where it is faster than the tiles, which is measured once for each kind of call, on the
first such call itself; and nowhere else. Without Triton, or without CUDA, nothing changes.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from distiller.splade.timing import least_seconds, synchronize

if TYPE_CHECKING:
    from distiller.splade.triton_head import Blocks

_log = logging.getLogger(__name__)

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_WORTH_MEASURING = 4e9
"""Multiply-adds of a call below which tiles are taken unmeasured: compiling takes seconds."""
_BETTER = 1.1
"""How many times as fast as the tiles the kernel must be, so that noise chooses nothing."""
_AGREEMENT = {torch.float32: 1e-4, torch.bfloat16: 2**-6, torch.float16: 2**-9}
"""Difference from the tiles, as a share of the largest value, that passes for rounding."""
_TF32_AGREEMENT = 2**-8

Winners = tuple[Tensor, Tensor, Tensor]
"""Text, word and token (row of the flat hidden states) of each active word, three int32 vectors."""
Pooled = tuple[Tensor, Winners]


class Call(NamedTuple):
    """What is asked for: the arguments of `max_logits`, detached."""

    hidden: Tensor
    mask: Tensor
    weight: Tensor
    bias: Tensor | None
    learns: bool

    @property
    def work(self) -> int:
        """Multiply-adds."""
        return self.mask.numel() * self.weight.numel()

    def fits(self) -> bool:
        """Whether shapes, kinds and devices go together; PyTorch says what is wrong if not."""
        hidden, mask, weight, bias, _ = self
        parts = [part for part in (weight, bias) if part is not None]
        return (
            hidden.shape[:2] == mask.shape
            and hidden.shape[2:] == weight.shape[1:]
            and (bias is None or bias.shape == weight.shape[:1])
            and all((part.dtype, part.device) == (hidden.dtype, hidden.device) for part in parts)
            and mask.device == hidden.device
        )


class Kind(NamedTuple):
    """Calls for which the same is fastest."""

    device: torch.device
    width: int
    vocabulary: int
    dtype: torch.dtype
    tf32: bool
    token_block: int
    learns: bool


class Measured(NamedTuple):
    """Seconds of both ways."""

    blocks: Blocks
    """The fastest ones."""
    kernel: float
    tiles: float

    @property
    def wins(self) -> bool:
        """Whether the kernel is taken."""
        return self.tiles > _BETTER * self.kernel


class Fused:
    """The kernel, what is known of its speed, and whether it works at all."""

    def __init__(self, device_type: str = "cuda") -> None:
        self.device_type = device_type
        self.works = importlib.util.find_spec("triton") is not None
        """False from the first failure on, for as long as the process lives."""
        self.measured: dict[Kind, Measured] = {}

    def may_help(self, call: Call) -> bool:
        """Whether it is worth asking `pool`."""
        hidden = call.hidden
        return (
            self.works
            and hidden.device.type == self.device_type
            and hidden.dtype in _DTYPES
            and call.work > 0
            and call.fits()
        )

    def pool(self, call: Call, tiles: Callable[[], Pooled]) -> Pooled:
        """What the tiles give, up to rounding, by the faster of both ways.

        Args:
            call: For which `may_help` says yes.
            tiles: The other way, for the same call.

        Raises:
            torch.OutOfMemoryError: As the tiles do, when the result itself does not fit.
        """
        try:
            kind = kind_of(call)
            if kind not in self.measured and call.work < _WORTH_MEASURING:
                return tiles()
            if kind not in self.measured:
                self.measured[kind] = measure(call, tiles)
            measured = self.measured[kind]
            if measured.wins:
                return by_kernel(call, measured.blocks)
        except torch.OutOfMemoryError:
            raise
        except Exception as failure:  # compilers and drivers raise all kinds
            self.works = False
            _log.warning(
                "The Triton kernel of the SPLADE head does not work here; the tiles are used"
                " instead, with the same results: %s: %s",
                type(failure).__name__, failure,
            )  # fmt: skip
        return tiles()


def kind_of(call: Call) -> Kind:
    """The kind that a call is of."""
    from distiller.splade.triton_head import rounds_to_tf32, token_block  # noqa: PLC0415 - optional

    vocabulary, width = call.weight.shape
    return Kind(
        call.hidden.device,
        width,
        vocabulary,
        call.hidden.dtype,
        rounds_to_tf32(call.hidden),
        token_block(call.hidden.shape[1]),
        call.learns,
    )


def by_kernel(call: Call, blocks: Blocks) -> Pooled:
    """The pooled logits, (batch, vocabulary), and the winners above zero if the call learns.

    Raises:
        Exception: Of many kinds, if the kernel cannot be compiled or run.
    """
    from distiller.splade.triton_head import largest_logits  # noqa: PLC0415 - optional

    pooled, rows = largest_logits(*call[:4], blocks, call.learns)
    if rows is None:
        none = torch.empty(0, dtype=torch.int32, device=pooled.device)
        return pooled, (none, none, none)
    texts, words = pooled.nonzero(as_tuple=True)
    return pooled, (texts.int(), words.int(), rows[texts, words])


def measure(call: Call, tiles: Callable[[], Pooled]) -> Measured:
    """Time both ways on a call, the kernel with each of its candidates that runs on the device.

    Raises:
        Exception: What the last candidate raised, where none runs, or RuntimeError where one gives
            other values than the tiles.
    """
    from distiller.splade.triton_head import CANDIDATES  # noqa: PLC0415 - optional

    expected = tiles()[0]
    took: list[tuple[float, Blocks]] = []
    failure: Exception | None = None
    for blocks in CANDIDATES:
        try:
            pooled = by_kernel(call, blocks)[0]
            synchronize(pooled.device)
        except torch.OutOfMemoryError:
            raise
        except Exception as raised:  # a device may lack what one candidate needs
            failure = raised
            continue
        if not _agree(pooled, expected, kind_of(call).tf32):
            raise RuntimeError(f"its results with {blocks} differ from the tiles'")
        seconds = least_seconds(partial(by_kernel, call, blocks), pooled.device)
        took.append((seconds, blocks))
    if failure is not None and not took:
        raise failure
    seconds, blocks = min(took)
    measured = Measured(blocks, seconds, least_seconds(tiles, expected.device))
    _log.info(
        "Pooling of logits: kernel %.2f ms (%s), tiles %.2f ms",
        1e3 * measured.kernel, blocks, 1e3 * measured.tiles,
    )  # fmt: skip
    return measured


def _agree(pooled: Tensor, expected: Tensor, tf32: bool) -> bool:
    share = _TF32_AGREEMENT if tf32 else _AGREEMENT[pooled.dtype]
    largest = float(expected.nan_to_num(posinf=0.0).amax())
    return torch.allclose(
        pooled, expected, rtol=share, atol=share * max(largest, 1.0), equal_nan=True
    )


FUSED = Fused()
"""Of this process."""
