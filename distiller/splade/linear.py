"""Linear layers whose products, forward and backward, are those of `products`.

What a model's layers compute stays what it was, up to rounding; on processors where PyTorch's own
product is the faster one, nothing changes at all.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from distiller.splade.products import hastens, linear


class Linear(nn.Linear):
    """A linear layer that takes the place of an `nn.Linear`, by its class alone."""

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Linear`."""
        usual = torch.compiler.is_compiling() or torch.is_autocast_enabled(input.device.type)
        if usual or self.weight.dtype != input.dtype or not hastens(input):
            return super().forward(input)
        product: Tensor = _Product.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return product


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows = input.reshape(-1, input.shape[-1])
        ctx.save_for_backward(rows, weight)
        ctx.shape = input.shape
        return linear(rows, weight, bias).view(*input.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        gradient = gradient.reshape(-1, len(weight))
        for_input, for_weight, for_bias = ctx.needs_input_grad
        return (
            linear(gradient, weight.t()).view(ctx.shape) if for_input else None,
            linear(gradient.t(), rows.t()) if for_weight else None,
            gradient.sum(0) if for_bias else None,
        )


def hasten(model: nn.Module) -> None:
    """Put these in the place of a model's linear layers; parameters, hooks and names stay."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = Linear


def restore(model: nn.Module) -> None:
    """Give the usual layers back."""
    for module in model.modules():
        if type(module) is Linear:
            module.__class__ = nn.Linear  # type: ignore[assignment]
