"""Products of matrices by whichever of PyTorch's two libraries is faster on this processor.

PyTorch multiplies float32 matrices with MKL, which leaves half of a processor idle that Intel did
not make. oneDNN comes with PyTorch too and does not, and its products of 8-bit integers are several
times as fast again where a processor has instructions for them. What is fastest is measured once
per process, in a few milliseconds; without oneDNN, and on accelerators, nothing changes.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from distiller.splade.timing import least_seconds

_LEAST_WORK = 2**21
"""Multiply-adds of a product below which oneDNN's longer way to begin costs more than it saves."""
_BETTER = 1.25
"""How many times as fast as MKL oneDNN must be, so that noise chooses nothing."""
_INTEGERS_BETTER = 2.0
"""Likewise 8-bit integers, whose products only sift what is computed again."""
_SHAPE = (1024, 256, 512)
"""Rows, width and columns of the products that are timed."""


def linear(
    rows: Tensor, weight: Tensor, bias: Tensor | None = None, out: Tensor | None = None
) -> Tensor:
    """`torch.nn.functional.linear` of two dimensions, without a gradient.

    Args:
        rows: (n, width).
        weight: (m, width); transposed views are as good as others.
        bias: (m,).
        out: (n, m), where the product without a bias may be written; oneDNN makes its own.

    Returns:
        (n, m), equal to the usual product up to its rounding.
    """
    if rows.shape[0] * weight.numel() >= _LEAST_WORK and hastens(rows):
        return _by_onednn(rows, weight, bias)
    if out is not None and bias is None:
        return torch.mm(rows, weight.t(), out=out)
    return torch.nn.functional.linear(rows, weight, bias)


def hastens(rows: Tensor) -> bool:
    """Whether oneDNN multiplies matrices like this one faster than PyTorch's own choice."""
    return _is_usual(rows) and _onednn_is_faster(torch.get_num_threads())


def integers_hasten(rows: Tensor) -> bool:
    """Whether products of 8-bit integers are exact here, and far faster than those of numbers
    like these.
    """
    return _is_usual(rows) and _integers_are_faster(torch.get_num_threads())


def _is_usual(rows: Tensor) -> bool:
    return rows.dtype == torch.float32 and rows.device.type == "cpu"


def _by_onednn(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return product


@cache
def _onednn_is_faster(threads: int) -> bool:
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    rows, columns = _operands()
    usual = torch.mm(rows, columns.t())
    if not torch.allclose(_by_onednn(rows, columns), usual, rtol=1e-4, atol=1e-3):
        return False
    own = least_seconds(lambda: torch.mm(rows, columns.t()))
    return own > _BETTER * least_seconds(lambda: _by_onednn(rows, columns))


@cache
def _integers_are_faster(threads: int) -> bool:
    if not hasattr(torch, "_int_mm"):
        return False
    rows, columns = _operands()
    # The largest numbers: processors without the instruction may saturate at 16 bits.
    signs = [torch.where(part > 0, 127, -127).to(torch.int8) for part in (rows, columns)]
    try:
        product = torch._int_mm(signs[0], signs[1].t())
    except RuntimeError:
        return False
    if not torch.equal(product.float(), signs[0].float() @ signs[1].float().t()):
        return False
    own = least_seconds(lambda: linear(rows, columns))
    return own > _INTEGERS_BETTER * least_seconds(lambda: torch._int_mm(signs[0], signs[1].t()))


def _operands() -> tuple[Tensor, Tensor]:
    rows, width, columns = _SHAPE
    chance = torch.Generator().manual_seed(0)  # the caller's own chance goes on as it was
    return (
        torch.randn(rows, width, generator=chance),
        torch.randn(columns, width, generator=chance),
    )
