"""Steering how many terms the texts keep. Imports no torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from distiller.train.recipe import ramp_weight

_SMOOTHING = 0.9
"""Weight of the past in the running mean of active dimensions; a batch of eight queries is noisy."""
_PROPORTIONAL, _INTEGRAL = 2.0, 0.1
"""Gains on log(dimensions / target). The first answers at once, the second removes what is left."""
_BOUND = math.log(1e6)
"""How far the weight may move from the recipe's, either way."""


@dataclass
class Side:
    """The regulariser's weight of queries or of passages.

    A proportional-integral controller in the logarithm: twice as many dimensions as wished and half
    as many are errors of the same size, and the weight stays positive.
    """

    full: float
    """The recipe's weight, where steering begins."""
    target: float | None
    """Active dimensions wished for; None keeps the weight as it is."""
    mean: float | None = None
    """Running mean of what was seen."""
    integral: float = 0.0

    def observe(self, dims: float, ramp: float) -> None:
        """Take in one step's mean active dimensions; `ramp` is the share of the weight in force."""
        self.mean = dims if self.mean is None else _SMOOTHING * self.mean + (1 - _SMOOTHING) * dims
        # What the weight cannot yet do is not held against it: no wind-up during the ramp.
        self.integral = _bounded(self.integral + ramp * _INTEGRAL * self._error)

    def weight(self, ramp: float) -> float:
        """The weight in force."""
        if self.target is None:
            return ramp * self.full
        return ramp * self.full * math.exp(_bounded(self.integral + _PROPORTIONAL * self._error))

    @property
    def _error(self) -> float:
        if self.target is None or self.mean is None:
            return 0.0
        return max(-1.0, min(1.0, math.log(max(self.mean, 0.1) / self.target)))


@dataclass
class Steering:
    """Both sides, and the step that decides how far the ramp has come."""

    query: Side
    passage: Side
    ramp_steps: int
    step: int = 0
    seen: dict[str, list[float]] = field(default_factory=lambda: {"query": [], "passage": []})
    """What the step in progress has seen; several batches where gradients are accumulated."""

    @property
    def ramp(self) -> float:
        """Share of the weights in force at this step, from 0 to 1."""
        return ramp_weight(self.step, self.ramp_steps, 1.0)

    def see(self, query_dims: float, passage_dims: float) -> None:
        """Note a batch's mean active dimensions."""
        self.seen["query"].append(query_dims)
        self.seen["passage"].append(passage_dims)

    def settle(self) -> None:
        """End the step: move the weights by what was seen."""
        for name, side in (("query", self.query), ("passage", self.passage)):
            if values := self.seen[name]:
                side.observe(sum(values) / len(values), self.ramp)
            self.seen[name] = []

    def state(self) -> dict[str, Any]:
        """What a checkpoint has to keep."""
        return {"query": asdict(self.query), "passage": asdict(self.passage)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        for name, side in (("query", self.query), ("passage", self.passage)):
            side.mean, side.integral = state[name]["mean"], state[name]["integral"]


def _bounded(value: float) -> float:
    return max(-_BOUND, min(_BOUND, value))
