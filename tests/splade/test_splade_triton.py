"""The kernel against the plain computation: on a CUDA device, or by Triton's interpreter.

Without CUDA, `test_splade_fused` runs this file with TRITON_INTERPRET=1, which has to be set before
Triton is imported; on its own the file is skipped there.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from splade_models import assert_same_step, plain_and_fast, step
from torch import Tensor, nn

from distiller.splade import fused, max_logits
from distiller.splade.fused import Call, Fused, Measured
from distiller.splade.tiling import Tile

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
if not INTERPRETED and not torch.cuda.is_available():
    pytest.skip("no CUDA device; test_splade_fused interprets these", allow_module_level=True)
pytest.importorskip("triton")

import triton.language as tl  # noqa: E402
from triton.runtime import interpreter  # noqa: E402
from triton.runtime.errors import OutOfResources  # noqa: E402

from distiller.splade.triton_head import CANDIDATES, Blocks, largest_logits  # noqa: E402

DEVICE = "cpu" if INTERPRETED else "cuda"
BLOCKS = Blocks(64, 64, 4, 2)
"""Small, so that little shapes have many blocks."""
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 2**-7, torch.float16: 2**-10}
on_device = pytest.mark.skipif(INTERPRETED, reason="needs a CUDA device, and there is none here")


@pytest.fixture(scope="module", autouse=True)
def _bfloat16() -> Any:
    """Triton 3.7's interpreter keeps bfloat16 as its bits, and multiplies those: give it numbers."""
    if not INTERPRETED:
        yield
        return
    usual = interpreter.InterpreterBuilder.create_dot

    def numbers(self: Any, handle: Any) -> Any:
        return self.create_fp_ext(handle, tl.float32) if handle.dtype == tl.bfloat16 else handle

    def widened(self: Any, left: Any, right: Any, *more: Any) -> Any:
        return usual(self, numbers(self, left), numbers(self, right), *more)

    interpreter.InterpreterBuilder.create_dot = widened
    yield
    interpreter.InterpreterBuilder.create_dot = usual


@pytest.fixture
def kernel_only(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """`max_logits` goes to the kernel, whatever is faster; the calls that it was given."""
    calls: list[Call] = []
    blocks = Blocks(2048, 64, 4, 2) if INTERPRETED else CANDIDATES[0]
    usual = fused.by_kernel

    def counted(call: Call, blocks: Blocks) -> fused.Pooled:
        calls.append(call)
        return usual(call, blocks)

    monkeypatch.setattr(fused, "by_kernel", counted)
    monkeypatch.setattr(fused, "measure", lambda *_: Measured(blocks, kernel=0.0, tiles=1.0))
    monkeypatch.setattr(fused, "_WORTH_MEASURING", 0)
    monkeypatch.setattr(max_logits, "FUSED", Fused(DEVICE))
    return calls


def masked(hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """All logits in float64, (batch, length, vocabulary), below any other where masked."""
    added = None if bias is None else bias.double()
    logits = nn.functional.linear(hidden.double(), weight.double(), added)
    return logits.masked_fill(mask[..., None] == 0, -torch.inf)


def operands(shape: tuple[int, int, int, int], dtype: torch.dtype) -> tuple[Tensor, ...]:
    batch, length, width, vocabulary = shape
    torch.manual_seed(length)
    parts = torch.randn(batch, length, width), torch.randn(vocabulary, width)
    mask = (torch.rand(batch, length) > 0.3).long()
    mask[0] = 1
    hidden, weight, bias = (part.to(DEVICE, dtype) for part in (*parts, torch.randn(vocabulary)))
    return hidden, mask.to(DEVICE), weight, bias


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1, 1), (1, 7, 16, 64), (3, 21, 37, 70), (2, 130, 64, 65), (4, 17, 100, 129)],
    ids=str,
)
def test_values_and_winners(
    shape: tuple[int, int, int, int], dtype: torch.dtype, biased: bool
) -> None:
    hidden, mask, weight, bias = operands(shape, dtype)
    added = bias if biased else None
    pooled, rows = largest_logits(hidden, mask, weight, added, BLOCKS, learns=True)
    assert pooled.dtype == dtype
    logits = masked(hidden, mask, weight, added)
    expected = logits.amax(1).relu()
    tolerance = ROUNDING[dtype]
    torch.testing.assert_close(pooled.double(), expected, rtol=tolerance, atol=1e-4)
    assert rows is not None
    tokens = rows.long() - torch.arange(len(mask), device=DEVICE)[:, None] * mask.shape[1]
    won = logits.gather(1, tokens.clamp(0)[:, None])[:, 0].relu()
    torch.testing.assert_close(won[pooled > 0], expected[pooled > 0], rtol=1e-5, atol=1e-4)
    alone, none = largest_logits(hidden, mask, weight, added, BLOCKS, learns=False)
    assert none is None
    assert torch.equal(alone, pooled)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 20), st.integers(1, 90)),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    dtype=st.sampled_from(list(ROUNDING)),
    seed=st.integers(0, 1000),
)
def test_the_first_of_equal_tokens_wins(
    shape: tuple[int, int, int, int], share: float, dtype: torch.dtype, seed: int
) -> None:
    """Small whole numbers are exact in any order of addition, and ties abound."""
    batch, length, width, vocabulary = shape
    torch.manual_seed(seed)
    mask = (torch.rand(batch, length) >= share).long().to(DEVICE)
    hidden = torch.randint(-1, 2, (batch, length, width)).to(DEVICE, dtype)
    weight = torch.randint(-1, 2, (vocabulary, width)).to(DEVICE, dtype)
    call = Call(hidden, mask, weight, None, learns=True)
    pooled, (texts, words, tokens) = fused.by_kernel(call, Blocks(64, 32, 4, 2))
    values, places = masked(hidden, mask, weight, None).max(1)
    assert torch.equal(pooled.double(), values.relu())
    expected = (values > 0).nonzero(as_tuple=True)
    assert (texts.tolist(), words.tolist()) == tuple(part.tolist() for part in expected)
    assert torch.equal(tokens.long(), texts * length + places[expected])


def test_texts_without_tokens_are_zero() -> None:
    hidden, mask, weight, _ = operands((3, 5, 8, 20), torch.float32)
    bias = torch.ones(20, device=DEVICE)
    mask[1] = 0
    pooled, _ = largest_logits(hidden, mask, weight, bias, BLOCKS, learns=True)
    assert (pooled[1] == 0).all()
    assert (pooled[0] > 0).any()


def test_what_is_not_a_number_is_not_passed_over() -> None:
    hidden, mask, weight, bias = operands((2, 40, 8, 20), torch.float32)
    hidden[0, 33, 2] = torch.nan
    pooled, _ = largest_logits(hidden, mask, weight, bias, BLOCKS, learns=True)
    assert pooled[0].isnan().all()
    assert pooled[1].isfinite().all()


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("shape", [(1, 1, 5, 30), (5, 23, 24, 150)], ids=str)
def test_gradients(
    kernel_only: list[Call], shape: tuple[int, int, int, int], dtype: torch.dtype
) -> None:
    """Against tiles of float32: where bfloat16 makes tokens equal, the larger one learns here."""
    hidden, mask, weight, bias = operands(shape, dtype)
    outcomes = []
    for kind, tile in ((dtype, None), (torch.float32, Tile(64, 64))):  # the kernel, then tiles
        leaves = [part.to(kind, copy=True).requires_grad_() for part in (hidden, weight, bias)]
        pooled = max_logits.max_logits(leaves[0], mask, leaves[1], leaves[2], tile)
        torch.manual_seed(1)
        pooled.backward(torch.randn(pooled.shape).to(dtype).to(pooled))
        outcomes.append([pooled.detach(), *(leaf.grad for leaf in leaves)])
    assert len(kernel_only) == 1
    tolerance = 4 * ROUNDING[dtype]  # sums of some terms, each rounded
    for ours, theirs in zip(*outcomes, strict=True):
        largest = float(theirs.abs().max())
        torch.testing.assert_close(
            ours.float(), theirs, rtol=tolerance, atol=tolerance * max(1.0, largest)
        )


def test_the_whole_head_learns_the_same(kernel_only: list[Call], small: str) -> None:
    plain, fast = (model.to(DEVICE) for model in plain_and_fast(small))
    expected = step(plain)
    assert 0 < (expected[0] > 0).float().mean() < 1
    assert_same_step(expected, step(fast))
    assert [call.learns for call in kernel_only] == [True]


def test_compiled_models_use_it(kernel_only: list[Call], small: str) -> None:
    plain, fast = (model.to(DEVICE) for model in plain_and_fast(small))
    torch._dynamo.reset()
    fast.compile(backend="aot_eager")
    assert_same_step(step(plain), step(fast), tolerance=1e-4)
    torch._dynamo.reset()
    assert len(kernel_only) == 1


@on_device
@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("candidate", CANDIDATES, ids=str)
def test_full_size(candidate: Blocks, dtype: torch.dtype, tf32: bool) -> None:
    """Every candidate that fits the device, at DistilBERT's size, and its agreement with tiles."""
    hidden, mask, weight, bias = operands((32, 128, 768, 30_522), dtype)
    weight *= 0.05
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        call = Call(hidden, mask, weight, bias, learns=True)
        pooled, _ = fused.by_kernel(call, candidate)
        tiles = max_logits.max_logits(hidden, mask, weight, bias, Tile(4096, 2048))
        assert fused._agree(pooled, tiles, tf32 and dtype == torch.float32)
    except OutOfResources:
        pytest.skip("more shared memory than this device has")
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


@on_device
@pytest.mark.parametrize("dtype", ROUNDING)
def test_the_choice_on_the_device(dtype: torch.dtype, caplog: pytest.LogCaptureFixture) -> None:
    own = Fused()
    call = Call(*operands((32, 128, 768, 30_522), dtype), learns=True)

    def tiles() -> fused.Pooled:
        return max_logits._by_tiles(call, Tile(4096, 2048))

    pooled, winners = own.pool(call, tiles)
    assert own.works, caplog.text
    (measured,) = own.measured.values()
    assert measured.kernel > 0 < measured.tiles
    assert fused._agree(pooled, tiles()[0], tf32=False)
    assert len(winners[0]) == int((pooled != 0).sum())
