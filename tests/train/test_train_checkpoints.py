"""Which checkpoints are trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from distiller.train.checkpoints import is_complete, latest


def checkpoint(folder: Path, step: int) -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    save_file({"a": torch.ones(64, 64), "b": torch.zeros(7)}, made / "model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({"state": torch.ones(16)}, made / name)
    (made / "trainer_state.json").write_text(json.dumps({"global_step": step, "log_history": []}))
    return made


def test_the_newest_is_the_one_of_the_highest_step(tmp_path: Path) -> None:
    for step in (9, 100, 20):
        checkpoint(tmp_path, step)
    assert latest(tmp_path) == tmp_path / "checkpoint-100"
    assert latest(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"],
)
@pytest.mark.parametrize("kept", [None, 0, 5, -1], ids=["missing", "empty", "start", "last byte"])
def test_an_incomplete_checkpoint_is_removed_and_the_one_before_taken(
    tmp_path: Path, name: str, kept: int | None
) -> None:
    whole, cut = checkpoint(tmp_path, 10), checkpoint(tmp_path, 20)
    content = (cut / name).read_bytes()
    if kept is None:
        (cut / name).unlink()
    else:
        (cut / name).write_bytes(content[:kept])
    assert not is_complete(cut)
    assert latest(tmp_path) == whole
    assert not cut.exists()


def test_a_state_that_is_no_state_is_not_trusted(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, 10)
    (made / "trainer_state.json").write_text("[]")
    assert not is_complete(made)


def test_each_of_several_processes_has_left_its_own_state_of_chance(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, 10)
    (made / "rng_state.pth").rename(made / "rng_state_0.pth")
    torch.save({"state": torch.ones(16)}, made / "rng_state_1.pth")
    assert is_complete(made)
    (made / "rng_state_1.pth").write_bytes(b"PK")
    assert not is_complete(made)
