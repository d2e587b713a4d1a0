"""When the kernel is taken, and that nothing is lost where it is not."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from distiller.splade import fused, max_logits
from distiller.splade.fused import Call, Fused, Pooled
from distiller.splade.tiling import Tile

WITHOUT = "Triton is not installed; it has no build for this machine"
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason=WITHOUT)
SHARED_MEMORY = {80: 163, 86: 99, 90: 227}
"""KB that a program can have on a compute capability (CUDA C++ Programming Guide, table 16)."""


def call_of(vocabulary: int = 50, dtype: torch.dtype = torch.float32) -> Call:
    torch.manual_seed(0)
    hidden, weight = torch.randn(3, 4, 8, dtype=dtype), torch.randn(vocabulary, 8, dtype=dtype)
    return Call(hidden, torch.ones(3, 4), weight, torch.randn(vocabulary, dtype=dtype), learns=True)


def by_tiles(call: Call) -> Pooled:
    return max_logits._by_tiles(call, Tile(64, 64))


class Kernel:
    """Gives what the tiles give, and does what else a test wants of it."""

    def __init__(self, act: Callable[[Any], None]) -> None:
        self.act, self.calls = act, 0

    def __call__(self, call: Call, blocks: Any) -> Pooled:
        self.calls += 1
        self.act(blocks)
        return by_tiles(call)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Fused:
    monkeypatch.setattr(fused, "_WORTH_MEASURING", 0)
    return Fused("cpu")


def kernel_that(monkeypatch: pytest.MonkeyPatch, act: Callable[[Any], None]) -> Kernel:
    kernel = Kernel(act)
    monkeypatch.setattr(fused, "by_kernel", kernel)
    return kernel


def assert_as_tiles(own: Fused, call: Call, tiles: Callable[[], Pooled] | None = None) -> None:
    pooled, winners = own.pool(call, tiles or (lambda: by_tiles(call)))
    expected = by_tiles(call)
    assert torch.equal(pooled, expected[0])
    assert all(map(torch.equal, winners, expected[1]))


@needs_triton
@pytest.mark.parametrize("kernel_is_slow", [False, True])
def test_the_faster_way_is_measured_once_and_kept(
    own: Fused, monkeypatch: pytest.MonkeyPatch, kernel_is_slow: bool
) -> None:
    pause = 0.01
    kernel = kernel_that(monkeypatch, lambda _: time.sleep(pause * kernel_is_slow))
    call, tiled = call_of(), []

    def tiles() -> Pooled:
        tiled.append(1)
        time.sleep(pause * (not kernel_is_slow))
        return by_tiles(call)

    assert_as_tiles(own, call, tiles)
    (measured,) = own.measured.values()
    assert measured.wins != kernel_is_slow
    before = (kernel.calls, len(tiled))
    assert_as_tiles(own, call, tiles)
    assert_as_tiles(own, call, tiles)
    more = (kernel.calls - before[0], len(tiled) - before[1])
    assert more == ((0, 2) if kernel_is_slow else (2, 0))
    assert_as_tiles(own, call_of(vocabulary=51))  # another kind of call
    assert len(own.measured) == 2


@needs_triton
def test_little_faster_is_not_faster() -> None:
    from distiller.splade.triton_head import CANDIDATES  # noqa: PLC0415 - optional

    assert not fused.Measured(CANDIDATES[0], kernel=1.0, tiles=1.05).wins
    assert fused.Measured(CANDIDATES[0], kernel=1.0, tiles=1.5).wins


@needs_triton
def test_a_failure_is_told_once_and_tiles_are_used(
    own: Fused, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("no C compiler")

    kernel = kernel_that(monkeypatch, fail)
    call = call_of()
    assert_as_tiles(own, call)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "no C compiler" in caplog.text
    tried = kernel.calls
    monkeypatch.setattr(max_logits, "FUSED", own)
    again = max_logits.max_logits(*call[:4])
    assert torch.equal(again, by_tiles(call)[0])
    assert kernel.calls == tried
    assert len(caplog.records) == 1


@needs_triton
def test_a_failure_after_the_choice(
    own: Fused, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    call = call_of()
    failing: list[bool] = []

    def act(_: Any) -> None:
        if failing:
            raise ValueError("out of registers")

    kernel_that(monkeypatch, act)
    monkeypatch.setattr(fused, "_BETTER", 0.0)  # taken whatever the time
    assert_as_tiles(own, call)
    assert own.works
    failing.append(True)
    assert_as_tiles(own, call)
    assert not own.works
    assert caplog.text.count("does not work here") == 1


@needs_triton
def test_a_candidate_that_does_not_fit_is_left_out(
    own: Fused, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from distiller.splade.triton_head import CANDIDATES  # noqa: PLC0415 - optional

    def only_last(blocks: Any) -> None:
        if blocks != CANDIDATES[-1]:
            raise RuntimeError("out of shared memory")

    kernel_that(monkeypatch, only_last)
    assert_as_tiles(own, call_of())
    (measured,) = own.measured.values()
    assert measured.blocks == CANDIDATES[-1]
    assert not caplog.records


@needs_triton
def test_a_kernel_that_computes_wrongly_is_not_taken(
    own: Fused, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(call: Call, _: Any) -> Pooled:
        pooled, winners = by_tiles(call)
        return pooled * 1.01, winners

    monkeypatch.setattr(fused, "by_kernel", wrong)
    assert_as_tiles(own, call_of())
    assert not own.works
    assert "differ" in caplog.text


@needs_triton
def test_too_little_memory_is_no_fault_of_the_kernel(
    own: Fused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise torch.OutOfMemoryError("tried to allocate")

    kernel_that(monkeypatch, fail)
    with pytest.raises(torch.OutOfMemoryError):
        own.pool(call_of(), lambda: by_tiles(call_of()))
    assert own.works


@needs_triton
def test_small_calls_wait_for_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = kernel_that(monkeypatch, lambda _: None)
    own = Fused("cpu")
    assert_as_tiles(own, call_of())
    assert not kernel.calls
    assert not own.measured


def test_where_it_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Fused("cpu")
    own.works = True
    assert own.may_help(call_of())
    assert not own.may_help(call_of(dtype=torch.float64))
    assert not own.may_help(call_of(vocabulary=0))
    assert not own.may_help(call_of()._replace(weight=torch.ones(50, 9)))
    assert not own.may_help(call_of()._replace(bias=torch.ones(50).half()))
    assert not fused.FUSED.may_help(call_of())
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert not Fused("cpu").works


def test_triton_is_not_imported_on_a_processor() -> None:
    code = (
        "import sys, torch; from distiller.splade.max_logits import max_logits;"
        " max_logits(torch.ones(64, 128, 64), torch.ones(64, 128), torch.ones(9000, 64), None);"
        " sys.exit('triton' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@needs_triton
@pytest.mark.parametrize(("arch", "products"), [(80, "mma.sync"), (86, "mma.sync"), (90, "wgmma")])
def test_it_compiles_to_tensor_cores(
    arch: int, products: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Triton brings NVIDIA's assembler, which needs no device."""
    import triton  # noqa: PLC0415 - optional
    from triton.backends.compiler import GPUTarget  # noqa: PLC0415 - optional
    from triton.compiler import ASTSource  # noqa: PLC0415 - optional

    from distiller.splade import triton_head  # noqa: PLC0415 - optional

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    blocks = triton_head.CANDIDATES[2]
    hidden = torch.empty(2, 128, 384, dtype=torch.bfloat16)
    constants = triton_head.constants(hidden, hidden, blocks, learns=True)
    kernel = triton_head._largest_logits
    kinds = ["*bf16"] * 3 + ["*i32"] * 2 + ["*bf16", "*i32"] + ["i32"] * 2
    signature = dict(zip(kernel.arg_names, kinds, strict=False))
    signature |= dict.fromkeys(constants, "constexpr")
    pointers = {(index,): [["tt.divisibility", 16]] for index in range(7)}
    source = ASTSource(kernel, signature, constants, pointers)
    compiled = triton.compile(
        source,
        target=GPUTarget("cuda", arch, 32),
        options={"num_warps": blocks.warps, "num_stages": blocks.stages},
    )
    assert products in compiled.asm["ptx"]
    assert compiled.asm["cubin"]
    assert compiled.metadata.shared <= SHARED_MEMORY[arch] * 1024


@needs_triton
@pytest.mark.slow
def test_the_kernel_by_the_interpreter() -> None:
    """All of test_splade_triton, in a process in which Triton interprets."""
    cases = Path(__file__).with_name("test_splade_triton.py")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", cases],
        env={**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-1000:]
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed is not None
    assert int(passed[1]) > 40
