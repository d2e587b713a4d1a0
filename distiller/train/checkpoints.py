"""Which checkpoints of an interrupted training can be trusted."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

_STATE = "trainer_state.json"
_ARCHIVES = ("optimizer.pt", "scheduler.pt")
"""Written by torch as zip files, whose directory stands at the end: a cut one does not open."""
_CHANCE = "rng_state*.pth"
"""Such files too, one of each process that trained. Another number of processes may go on, with
other dropout."""


def latest(folder: Path) -> Path | None:
    """The newest complete checkpoint in a folder; incomplete ones are removed on the way."""
    found = sorted(folder.glob("checkpoint-*"), key=_step, reverse=True)
    for checkpoint in found:
        if is_complete(checkpoint):
            return checkpoint
        shutil.rmtree(checkpoint, ignore_errors=True)
    return None


def is_complete(checkpoint: Path) -> bool:
    """Whether everything that resuming reads is there and whole; the state is written last."""
    try:
        state(checkpoint)
        weights = list(checkpoint.rglob("*.safetensors"))
        for path in weights:
            _read_header(path)
        chance = list(checkpoint.glob(_CHANCE))
        archives = [*(checkpoint / name for name in _ARCHIVES), *chance]
        return bool(weights and chance) and all(map(zipfile.is_zipfile, archives))
    except (OSError, ValueError):
        return False


def state(checkpoint: Path) -> dict[str, Any]:
    """The trainer's state in a checkpoint: `global_step`, `log_history` and more."""
    content = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "log_history" not in content:
        raise ValueError(f"{checkpoint / _STATE}: not a trainer's state")
    return content


def _read_header(path: Path) -> None:
    """Check a safetensors file's header against its size.

    Raises:
        ValueError: The file is shorter or longer than its header says.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        tensors = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__"]
    if 8 + length + max(ends) != path.stat().st_size:
        raise ValueError(f"{path}: cut short")


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rsplit("-", 1)[-1]
    return int(number) if number.isdigit() else -1
