"""Between the start model and the tuned one. Imports torch: import it inside functions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from sentence_transformers import SparseEncoder
from torch import Tensor


def interpolated(
    start: Mapping[str, Tensor], tuned: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Weights a share of the way from the start model to the tuned one, tensor by tensor.

    Wortsman et al. 2022, https://arxiv.org/abs/2109.01903: part of the way keeps most of what was
    learned, and more of what was known.

    Args:
        start: Names → tensors.
        tuned: The same names and shapes.
        share: 0 gives the start model, 1 the tuned one. What is not a floating-point number, such
            as positions, is the tuned model's.
    """
    return {
        name: torch.lerp(start[name].to(value.device), value, share)
        if value.is_floating_point()
        else value
        for name, value in tuned.items()
    }


class Between:
    """One model object that is given the weights of any place between start and tuned."""

    def __init__(self, start: SparseEncoder, tuned: SparseEncoder) -> None:
        self.model = tuned
        self._start = start.state_dict()
        self._tuned = {name: value.clone() for name, value in tuned.state_dict().items()}

    def at(self, share: float) -> SparseEncoder:
        """The model at a share of the way; the same object each time."""
        self.model.load_state_dict(interpolated(self._start, self._tuned, share))
        return self.model
