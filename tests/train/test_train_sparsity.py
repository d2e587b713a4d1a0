"""The controller of the regularisers' weights."""

from __future__ import annotations

import json

import pytest
import torch

from distiller.train.losses import active_dims, flops
from distiller.train.sparsity import Side, Steering


class Toy(torch.nn.Module):
    """Weights of 200 terms for 16 texts, which a loss wants to be 1 and a regulariser 0."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(3)
        self.logits = torch.nn.Parameter(torch.rand(16, 200, generator=draw))
        self.wanted = torch.rand(16, 200, generator=draw)

    def forward(self) -> torch.Tensor:
        return torch.log1p(torch.relu(self.logits))


def trained(steering: Steering, steps: int) -> float:
    model = Toy()
    optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
    for step in range(steps):
        steering.step = step
        weights = model()
        steering.see(active_dims(weights), active_dims(weights))
        wish = (model.wanted * (model.logits - 1) ** 2).mean(1).sum()
        loss = wish + steering.passage.weight(steering.ramp) * flops(weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steering.settle()
    return active_dims(model())


def steered(target: float | None, full: float = 1e-3) -> Steering:
    return Steering(Side(full, target), Side(full, target), ramp_steps=50)


@pytest.mark.parametrize("target", [40.0, 90.0])
@pytest.mark.parametrize("full", [1e-3, 1.0])
def test_a_toy_model_ends_at_the_target_wherever_the_weight_began(
    target: float, full: float
) -> None:
    assert trained(steered(target, full), 600) == pytest.approx(target, rel=0.1)


def test_without_a_target_the_weight_is_the_recipes() -> None:
    steering = steered(None)
    assert trained(steering, 60) > 190
    assert steering.passage.weight(1.0) == 1e-3
    assert steering.passage.weight(0.25) == 2.5e-4


def test_too_many_dimensions_raise_the_weight_and_too_few_lower_it() -> None:
    side = Side(full=1.0, target=100.0)
    assert side.weight(1.0) == 1.0
    side.observe(200.0, ramp=1.0)
    assert side.weight(1.0) > 1.0
    side = Side(full=1.0, target=100.0)
    side.observe(50.0, ramp=1.0)
    assert 0.0 < side.weight(1.0) < 1.0


def test_nothing_is_wound_up_before_the_ramp_has_begun() -> None:
    side = Side(full=1.0, target=10.0)
    for _ in range(1000):
        side.observe(500.0, ramp=0.0)
    assert side.integral == 0.0


def test_a_collapsed_model_is_no_error() -> None:
    side = Side(full=1.0, target=10.0)
    for _ in range(1000):
        side.observe(0.0, ramp=1.0)
    assert 0 < side.weight(1.0) < 0.01


def test_accumulated_batches_count_as_one_step() -> None:
    one, two = steered(10.0), steered(10.0)
    for steering in (one, two):
        steering.step = 50
    one.see(20.0, 30.0)
    two.see(10.0, 20.0)
    two.see(30.0, 40.0)
    one.settle()
    two.settle()
    assert one == two


def test_the_state_goes_through_json_and_leads_to_the_same_weights() -> None:
    steering, other = steered(40.0), steered(40.0)
    trained(steering, 100)
    other.restore(json.loads(json.dumps(steering.state())))
    for side in ("query", "passage"):
        assert getattr(other, side) == getattr(steering, side)
