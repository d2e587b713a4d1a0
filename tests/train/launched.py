"""Starting several processes that train together, and what came of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from distiller.schema.retrieval import TrainedModel
from distiller.splade import StartModel
from distiller.train import Recipe

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
PATIENCE_S = 200


def torchrun(processes: int) -> list[str]:
    module = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*module, "--nproc_per_node", str(processes)]


def accelerate(processes: int, kind: str) -> list[str]:
    module = [sys.executable, "-m", "accelerate.commands.launch"]
    return [*module, kind, "--main_process_port", "0", "--num_processes", str(processes)]


LAUNCHERS = {"torchrun": torchrun, "accelerate": partial(accelerate, kind="--multi_gpu")}


class Task(NamedTuple):
    """A training, as `train_together` is given it."""

    base: StartModel
    output: Path
    recipe: Recipe
    rows: int = 16
    part: int = 0
    """Texts that are computed at once; 0 for all."""

    @property
    def argument(self) -> str:
        base, recipe = self.base.model_dump_json(), self.recipe.model_dump_json()
        return json.dumps([base, str(self.output), recipe, self.rows, self.part])


@contextmanager
def started(
    processes: int, *tasks: Task, launcher: str = "torchrun"
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [
            *LAUNCHERS[launcher](processes),
            str(HERE / "train_together.py"),
            *(task.argument for task in tasks),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        yield process


Outcome = tuple[TrainedModel, list[int]]
"""What every process was given, and the steps that the first was told of."""


def together(processes: int, *tasks: Task, launcher: str = "torchrun") -> list[Outcome]:
    for task in tasks:
        task.output.parent.mkdir(parents=True, exist_ok=True)
    with started(processes, *tasks, launcher=launcher) as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    return [outcome(processes, task.output) for task in tasks]


def outcome(processes: int, output: Path) -> Outcome:
    given, told = (
        [output.with_name(f"{name}-{rank}.json").read_text() for rank in range(processes)]
        for name in ("given", "told")
    )
    assert len(set(given)) == 1
    assert set(told[1:]) <= {"[]"}
    return TrainedModel.model_validate_json(given[0]), json.loads(told[0])


@contextmanager
def unattended(
    count: int, script: str, *arguments: str | Path
) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes that nobody watches over, as on machines that have lost each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = ENVIRONMENT | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
    }
    started = [
        subprocess.Popen(
            [sys.executable, HERE / script, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()
