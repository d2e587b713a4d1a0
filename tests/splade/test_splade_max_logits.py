"""The tiled maximum against the plain computation."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sparse_encoder.modules import SpladePooling
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from distiller.splade.max_logits import max_logits
from distiller.splade.tiling import Tile


def plainly(hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """What sentence-transformers computes, by its own module."""
    features = {
        "token_embeddings": nn.functional.linear(hidden, weight, bias),
        "attention_mask": mask,
    }
    return SpladePooling().train()(features)["sentence_embedding"]


@st.composite
def projections(draw: st.DrawFn) -> dict[str, Any]:
    """Hidden states, mask, weights and bias of any small shape, from dense to without any word."""
    batch, length = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    width, vocabulary = draw(st.integers(1, 9)), draw(st.integers(1, 70))
    row = st.lists(st.booleans(), min_size=length, max_size=length)
    mask = draw(st.lists(row, min_size=batch, max_size=batch))
    torch.manual_seed(draw(st.integers(0, 10_000)))
    if draw(st.booleans()):  # small whole numbers, exact in any order of addition: ties abound
        hidden = torch.randint(-1, 2, (batch, length, width)).double()
        weight = torch.randint(-1, 2, (vocabulary, width)).double()
    else:
        hidden = torch.randn(batch, length, width, dtype=torch.float64)
        weight = torch.randn(vocabulary, width, dtype=torch.float64)
    shift = draw(st.sampled_from([None, 0.0, -1.0, -4.0, 4.0]))
    bias = None if shift is None else torch.full((vocabulary,), shift, dtype=torch.float64)
    return {"hidden": hidden, "mask": torch.tensor(mask).long(), "weight": weight, "bias": bias}


@settings(max_examples=300, deadline=None)
@given(
    parts=projections(),
    tile=st.builds(Tile, st.integers(1, 60), st.integers(1, 80)),
    seed=st.integers(0, 100),
)
def test_values_and_gradients_are_those_of_the_plain_computation(
    parts: dict[str, Any], tile: Tile, seed: int
) -> None:
    outcomes = []
    gradient = None
    for compute in (
        plainly,
        lambda *args: torch.log1p(max_logits(*args, tile=tile)),
    ):
        leaves = {
            name: part.clone().requires_grad_() if name != "mask" and part is not None else part
            for name, part in parts.items()
        }
        pooled = compute(*leaves.values())
        if gradient is None:
            torch.manual_seed(seed)
            gradient = torch.randn_like(pooled)
        pooled.backward(gradient)
        outcomes.append(
            [pooled.detach(), *(leaf.grad for leaf in leaves.values() if leaf is not None)]
        )
    for plain, fast in zip(*outcomes, strict=True):
        # float64; the order of additions differs
        torch.testing.assert_close(fast, plain, rtol=1e-11, atol=1e-11)


@settings(max_examples=150, deadline=None)
@given(parts=projections(), tile=st.builds(Tile, st.integers(1, 60), st.integers(1, 80)))
def test_bfloat16_is_exact_where_numbers_are_whole(parts: dict[str, Any], tile: Tile) -> None:
    """Whole numbers of few digits are exact in bfloat16, so ties are ties on both sides."""
    outcomes = []
    for compute in (plain_maximum, partial(max_logits, tile=tile), max_logits):
        leaves = {
            name: part.round().to(torch.bfloat16).requires_grad_()
            if name != "mask" and part is not None
            else part
            for name, part in parts.items()
        }
        pooled = compute(**leaves)
        pooled.sum().backward()
        outcomes.append(
            [pooled.detach(), *(leaf.grad for leaf in leaves.values() if leaf is not None)]
        )
    for found in outcomes[1:]:
        for ours, theirs in zip(found, outcomes[0], strict=True):
            assert ours is theirs is None or torch.equal(ours, theirs)


def plain_maximum(hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Before the logarithm, which is not exact."""
    logits = torch.relu(nn.functional.linear(hidden, weight, bias)) * mask[..., None]
    return logits.max(1).values


def test_a_quarter_of_a_million_words_learn_the_same() -> None:
    torch.manual_seed(1)
    size = 250_002
    hidden, weight = torch.randn(3, 40, 8), torch.randn(size, 8)
    mask = torch.arange(40) < torch.tensor([[40], [0], [1]])  # whole, without and with one token
    outcomes = []
    for compute in (plain_maximum, max_logits):
        leaves = [
            part.clone().requires_grad_() for part in (hidden, weight, torch.full((size,), -6.0))
        ]
        pooled = compute(leaves[0], mask, *leaves[1:])
        (pooled**2).sum().backward()
        outcomes.append([pooled.detach(), *(leaf.grad for leaf in leaves)])
    assert 0 < (outcomes[0][0] > 0).float().mean() < 0.5
    assert not outcomes[1][0][1].any()
    for plain, fast in zip(*outcomes, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(
    width=st.sampled_from([128, 384, 768]),
    tile=st.sampled_from([Tile(256, 512), Tile(1024, 1024), Tile(2048, 512), Tile(4096, 256)]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_the_tile_changes_no_bit(width: int, tile: Tile, dtype: torch.dtype) -> None:
    torch.manual_seed(width)
    hidden = torch.randn(6, 90, width, dtype=dtype)
    weight, bias = torch.randn(3000, width, dtype=dtype), torch.randn(3000, dtype=dtype)
    mask = torch.arange(90) < torch.tensor([[90], [3], [0], [41], [90], [1]])
    usual = max_logits(hidden, mask, weight, bias, Tile(512, 512))
    assert torch.equal(max_logits(hidden, mask, weight, bias, tile), usual)


class Largest(TorchDispatchMode):
    """Elements of the largest tensor that was made meanwhile."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.untyped_storage().nbytes() // 4)
        return made


@pytest.mark.parametrize("bias", [-6.0, 6.0])
def test_no_tensor_of_all_logits_is_made(bias: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distiller.splade.max_logits._DENSE_BYTES", 2**18)
    hidden = torch.randn(16, 64, 8, requires_grad=True)
    weight = torch.randn(2000, 8, requires_grad=True)
    shift = torch.full((2000,), bias, requires_grad=True)
    with Largest() as largest:
        max_logits(hidden, torch.ones(16, 64), weight, shift, Tile(256, 256)).sum().backward()
    # The result itself has 16 × 2,000; all logits would be 16 × 64 × 2,000.
    assert largest.elements < 5 * 16 * 2000


def test_nothing_is_kept_for_learning_where_nothing_learns() -> None:
    weight = torch.randn(20, 4, requires_grad=True)
    with torch.no_grad():
        assert not max_logits(torch.randn(2, 3, 4), torch.ones(2, 3), weight, None).requires_grad
    assert max_logits(torch.randn(2, 3, 4), torch.ones(2, 3), weight, None).requires_grad


def test_of_tokens_with_the_same_logit_the_first_that_counts_learns() -> None:
    hidden = torch.ones(1, 4, 2, requires_grad=True)
    mask = torch.tensor([[0, 1, 1, 0]])
    max_logits(hidden, mask, torch.ones(3, 2), None).sum().backward()
    # Each of three words adds its weight of 1 to both components of the second token.
    assert hidden.grad is not None
    assert hidden.grad.tolist() == [[[0, 0], [3, 3], [0, 0], [0, 0]]]


def test_a_second_derivative_is_refused() -> None:
    hidden = torch.randn(1, 3, 2, requires_grad=True)
    pooled = max_logits(hidden, torch.ones(1, 3), torch.randn(5, 2), None)
    (first,) = torch.autograd.grad((pooled**2).sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
