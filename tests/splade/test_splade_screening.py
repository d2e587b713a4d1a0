"""No word that is active may be ruled out, and what is not ruled out is computed exactly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from distiller.splade import max_logits as pooling
from distiller.splade import products, screening
from distiller.splade.max_logits import max_logits
from distiller.splade.packing import pack

pytestmark = pytest.mark.skipif(
    not products._integers_are_faster(torch.get_num_threads()),
    reason="this processor has no fast products of 8-bit integers",
)


@st.composite
def projections(draw: st.DrawFn, outliers: bool = True) -> dict[str, Any]:
    """Hidden states, mask, weights, bias: whole numbers with ties, or any, some of them outliers."""
    batch, length = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    width, vocabulary = draw(st.sampled_from([2, 3, 16, 200])), draw(st.integers(1, 90))
    row = st.lists(st.booleans(), min_size=length, max_size=length)
    mask = torch.tensor(draw(st.lists(row, min_size=batch, max_size=batch))).long()
    torch.manual_seed(draw(st.integers(0, 10_000)))
    if draw(st.booleans()):
        hidden = torch.randint(-1, 2, (batch, length, width)).float()
        weight = torch.randint(-1, 2, (vocabulary, width)).float()
    else:
        hidden, weight = torch.randn(batch, length, width), torch.randn(vocabulary, width)
        if outliers:
            hidden[..., 0] *= draw(st.sampled_from([0.0, 1.0, 300.0]))
            weight[0] *= draw(st.sampled_from([0.0, 1e-12, 1.0, 1e4]))
    shift = draw(st.sampled_from([None, 0.0, -1.0, -20.0, 4.0]))
    bias = None if shift is None else torch.full((vocabulary,), shift)
    return {"hidden": hidden, "mask": mask, "weight": weight, "bias": bias}


def logits(hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The largest of each word, in float64; minus infinity for a text without tokens."""
    found = hidden.double() @ weight.double().t() + (0 if bias is None else bias.double())
    return found.masked_fill(mask[..., None] == 0, -torch.inf).amax(1)


@settings(max_examples=300, deadline=None)
@given(parts=projections(), words=st.sampled_from([1, 7, 512]), tokens=st.integers(1, 60))
def test_no_active_word_is_ruled_out(parts: dict[str, Any], words: int, tokens: int) -> None:
    packed = pack(parts["hidden"], parts["mask"], tokens)
    usual, screening._WORDS = screening._WORDS, words
    try:
        possible = screening.possible(packed, parts["weight"], parts["bias"])
    finally:
        screening._WORDS = usual
    active = logits(**parts)[list(packed.order)] > 0
    assert not (active & ~possible).any()


def test_most_words_far_below_are_ruled_out() -> None:
    torch.manual_seed(0)
    hidden = torch.nn.functional.layer_norm(torch.randn(4, 64, 128), (128,))
    weight = torch.randn(2000, 128)
    bias = -logits(hidden, torch.ones(4, 64), weight, None).quantile(0.99).float().expand(2000)
    possible = screening.possible(pack(hidden, torch.ones(4, 64), 128), weight, bias)
    assert possible.float().mean() < 0.03


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
@pytest.mark.parametrize("where", ["hidden", "weight", "bias"])
def test_what_is_no_number_is_not_ruled_out(number: float, where: str) -> None:
    parts = {"hidden": torch.ones(1, 3, 4), "weight": -torch.ones(5, 4), "bias": torch.zeros(5)}
    parts[where].view(-1)[0] = number
    hidden, mask = parts["hidden"], torch.ones(1, 3)
    possible = screening.possible(pack(hidden, mask, 9), parts["weight"], parts["bias"])
    assert possible[0, 0]
    assert bool(possible.all()) == (where == "hidden")


@pytest.mark.usefixtures("multiplied")
@settings(max_examples=150, deadline=None)
@given(parts=projections(outliers=False), seed=st.integers(0, 100))
def test_values_and_gradients_do_not_depend_on_the_way(parts: dict[str, Any], seed: int) -> None:
    outcomes = []
    for dtype in (torch.float64, torch.float32):  # float64 has neither integers nor oneDNN
        leaves = {
            name: part.to(dtype).requires_grad_() if name != "mask" and part is not None else part
            for name, part in parts.items()
        }
        pooled = max_logits(**leaves)
        torch.manual_seed(seed)
        # A word whose float32 logit is just on the other side of zero weighs next to nothing.
        factor = torch.rand(pooled.shape, dtype=torch.float64).to(dtype) * pooled.detach()
        (pooled * factor).sum().backward()
        grads = [leaf.grad for name, leaf in leaves.items() if name != "mask" and leaf is not None]
        outcomes.append([pooled.detach(), *grads])
    for exact, found in zip(*outcomes, strict=True):
        torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-3)


def test_where_many_words_are_active_all_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "LEAST_TOKENS", 1)
    called = []
    for name in ("_chosen", "_tiled"):
        usual = getattr(pooling, name)
        monkeypatch.setattr(
            pooling, name, lambda *args, n=name, f=usual: (called.append(n), f(*args))[1]
        )
    hidden, weight = torch.randn(2, 8, 16), torch.randn(300, 16)
    for shift in (-100.0, 100.0):
        max_logits(hidden, torch.ones(2, 8), weight, torch.full((300,), shift))
    assert called == ["_chosen", "_tiled"]
