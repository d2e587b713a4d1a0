"""Several processes train the model that one would have trained."""

from __future__ import annotations

import json
import shutil
import signal as signals
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from launched import (
    ENVIRONMENT,
    LAUNCHERS,
    PATIENCE_S,
    Outcome,
    Task,
    accelerate,
    started,
    together,
    unattended,
)
from safetensors.numpy import load_file
from train_examples import EVERYTHING, taught
from transformers import BertConfig, BertForMaskedLM

from distiller.schema.errors import InputError
from distiller.schema.retrieval import TrainedModel
from distiller.splade import SpladeEncoder, StartModel
from distiller.train import Recipe, train
from distiller.train.batches import LengthBuckets
from distiller.train.processes import check, part_of
from distiller.train.rows import TrainingRow
from distiller.train.supervision import supervision

TEXTS = ["banana window", "The rules about tax and every window are written down here."]
TABLE = {"query_table": True}
ADAPTERS = {"adapter_rank": 4, "adapter_rate": 3e-3}


@pytest.fixture(scope="session")
def steady(tiny: StartModel, tmp_path_factory: pytest.TempPathFactory) -> StartModel:
    """The packaged start model without dropout, whose masks differ with the number of processes."""
    folder = tmp_path_factory.mktemp("steady") / "model"
    shutil.copytree(tiny.source, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return tiny.model_copy(update={"source": str(folder)})


@pytest.fixture(scope="session")
def untied(steady: StartModel, tmp_path_factory: pytest.TempPathFactory) -> StartModel:
    """The same with a vocabulary projection of its own, and so with a bias that nothing uses."""
    folder = tmp_path_factory.mktemp("untied") / "model"
    shutil.copytree(steady.source, folder)
    tied = BertForMaskedLM.from_pretrained(folder)
    model = BertForMaskedLM(BertConfig.from_pretrained(folder, tie_word_embeddings=False))
    model.load_state_dict(tied.state_dict())
    model.save_pretrained(folder)
    return steady.model_copy(update={"source": str(folder)})


@pytest.fixture(scope="session")
def full(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update=EVERYTHING | {"batch_size": 6})


@pytest.fixture(scope="session")
def alone(
    steady: StartModel, full: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], TrainedModel]:
    """What one process trains of so many rows; for each number it does so once."""
    return cache(
        lambda rows: train(taught(rows), full, steady, tmp_path_factory.mktemp("alone") / "tuned")
    )


@pytest.fixture(scope="session")
def by_two(
    steady: StartModel,
    untied: StartModel,
    full: Recipe,
    recipe: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Outcome]:
    """What two processes make of one training after the other: starting them takes the longest."""
    table, adapters = (recipe.model_copy(update=kind) for kind in (TABLE, ADAPTERS))
    trainings = {
        "all at once": (steady, full),
        "in parts": (steady, full),
        "table": (steady, table),
        "adapters": (steady, adapters),
        "untied": (untied, table),
    }
    tasks = [
        Task(base, tmp_path_factory.mktemp("two") / "tuned", chosen, part=2 * (name == "in parts"))
        for name, (base, chosen) in trainings.items()
    ]
    return dict(zip(trainings, together(2, *tasks), strict=True))


def assert_alike(trained: TrainedModel, expected: TrainedModel) -> None:
    assert trained.best_step == expected.best_step
    for ours, theirs in zip(trained.metrics, expected.metrics, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-3)  # a term more or less
    assert trained.promoted == expected.promoted
    assert trained.interpolation == expected.interpolation
    for model in (trained, expected):
        assert not list(Path(model.path).parent.glob(".*.training-*"))
    encoded = [
        SpladeEncoder(model.path).encode_passages(TEXTS).toarray() for model in (trained, expected)
    ]
    np.testing.assert_allclose(*encoded, atol=1e-3)


def assert_same_weights(trained: TrainedModel, expected: TrainedModel) -> None:
    ours, theirs = (load_file(Path(m.path) / "model.safetensors") for m in (trained, expected))
    for name, value in theirs.items():
        # AdamW takes whole steps also along gradients that are nothing but rounding: of words that
        # stand in no text. The longest way that a weight can have gone is 1.5e-3.
        rounding = 3e-4 if "word_embeddings" in name else 2e-5
        np.testing.assert_allclose(ours[name], value, atol=rounding, err_msg=name)


def assert_same_training(
    trained: TrainedModel, told: Sequence[int], expected: TrainedModel
) -> None:
    assert expected.promoted
    steps = [step for step in told if step]
    assert list(dict.fromkeys(steps)) == list(range(1, 16))
    assert_alike(trained, expected)
    assert_same_weights(trained, expected)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["all at once", "in parts"])
def test_two_processes_train_what_one_trains(
    alone: Callable[[int], TrainedModel], by_two: dict[str, Outcome], way: str
) -> None:
    assert_same_training(*by_two[way], alone(16))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [("table", TABLE), ("adapters", ADAPTERS)])
def test_tables_and_adapters_are_trained_together_too(
    steady: StartModel,
    recipe: Recipe,
    by_two: dict[str, Outcome],
    output: Path,
    name: str,
    kind: dict[str, float],
) -> None:
    expected = train(taught(16), recipe.model_copy(update=kind), steady, output)
    assert expected.promoted
    assert_alike(by_two[name][0], expected)


@pytest.mark.slow
def test_a_weight_that_nothing_uses_keeps_no_gradient_from_being_shared(
    untied: StartModel, recipe: Recipe, by_two: dict[str, Outcome], output: Path
) -> None:
    expected = train(taught(16), recipe.model_copy(update=TABLE), untied, output)
    assert expected.promoted
    assert_alike(by_two["untied"][0], expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "processes", "launcher"),
    [(16, 2, "accelerate"), (15, 3, "torchrun")],
    ids=["two by accelerate", "three, and a batch that does not divide"],
)
def test_several_processes_train_what_one_trains(
    steady: StartModel,
    full: Recipe,
    alone: Callable[[int], TrainedModel],
    output: Path,
    rows: int,
    processes: int,
    launcher: str,
) -> None:
    task = Task(steady, output, full, rows)
    [(trained, told)] = together(processes, task, launcher=launcher)
    assert_same_training(trained, told, alone(rows))


@pytest.fixture(scope="session")
def killed(steady: StartModel, full: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes leave behind of `tuned` when one of them is killed."""
    output = tmp_path_factory.mktemp("killed") / "tuned"
    with started(2, Task(steady, output, full)) as process:
        for line in process.stdout:
            if int(line) == 8:
                psutil.Process(process.pid).children()[1].kill()  # the launcher ends the others
                break
        process.wait(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert not output.exists()
    return output.parent


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 1])
def test_killed_together_goes_on_with_the_same_number_or_another(
    steady: StartModel,
    full: Recipe,
    alone: Callable[[int], TrainedModel],
    killed: Path,
    output: Path,
    processes: int,
) -> None:
    expected = alone(16)
    shutil.copytree(killed, output.parent)
    [(trained, told)] = together(processes, Task(steady, output, full))
    assert told[:2] == [0, 6]
    assert_alike(trained, expected)


@pytest.mark.slow
def test_a_collapse_stops_all_and_the_first_says_why(
    steady: StartModel, recipe: Recipe, output: Path
) -> None:
    strong = recipe.model_copy(update={"query_lambda": 100.0, "learning_rate": 1e-3})
    with started(2, Task(steady, output, strong)) as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "the model collapsed; lower query_lambda" in errors
    assert "the first process has stopped the training, and says why" in errors
    assert not output.exists()


def trained_on_pairs(tmp_path: Path, launcher: Sequence[str]) -> tuple[dict[str, Any], str]:
    """What the command line prints, once, of a training in one process or several; and its log."""
    file = tmp_path / "pairs.json"
    records = [
        {
            "query": one.query,
            "positive_document": one.positives[0].text,
            "negative_documents": [one.negatives[0].text],
            "explanations": [],
        }
        for one in taught(16).examples
    ]
    file.write_text(json.dumps(records))
    output = tmp_path / "model"
    options = ["--train-file", file, "--output", output, "--preset", "quick", "--json"]
    options += ["--workspace", tmp_path / "workspace", "--set", "min_steps=6"]
    done = subprocess.run(
        [*launcher, "-m", "distiller", "train", *map(str, options)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["path"] == str(output)
    assert (output / "model.safetensors").is_file()
    return said, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_command_line_trains_together(tmp_path: Path, launcher: str) -> None:
    trained_on_pairs(tmp_path, LAUNCHERS[launcher](2))


@pytest.mark.slow
def test_one_process_where_several_were_meant_trains_the_same_and_says_so(tmp_path: Path) -> None:
    for name in ("one", "meant"):
        (tmp_path / name).mkdir()
    expected, log = trained_on_pairs(tmp_path / "one", [sys.executable])
    assert "has started one process only" not in log
    said, log = trained_on_pairs(tmp_path / "meant", accelerate(2, "--cpu"))
    assert "accelerate launch --cpu has started one process only" in log
    assert "accelerate launch --multi_gpu --num_processes N" in log
    assert said["metrics"] == expected["metrics"]


def test_batches_are_the_same_for_any_number_of_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [TrainingRow(f"query {n}", f"positive {n}", (f"negative {n}",)) for n in range(23)]
    buckets = LengthBuckets(supervision(rows), list(range(23)), batch_size=5, seed=1)
    whole = list(buckets)
    assert sorted(map(len, whole)) == [3, 5, 5, 5, 5]
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    parts = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        parts.append(list(buckets))
    for batch, first, second in zip(whole, *parts, strict=True):
        assert len(first) == len(second) == (len(batch) + 1) // 2
        assert [*first, *second] == [*batch, batch[0]][: len(first) * 2]


def test_a_part_of_a_batch_is_filled_up_from_its_start() -> None:
    assert [part_of([7, 8, 9, 4, 5], part, 3) for part in range(3)] == [[7, 8], [9, 4], [5, 7]]
    assert [part_of([7], part, 3) for part in range(3)] == [[7], [7], [7]]
    assert part_of([7, 8], 0, 1) == [7, 8]


def test_more_processes_than_rows_in_a_batch_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distiller.train.processes.count", lambda: 5)
    with pytest.raises(InputError, match="5 processes cannot share batches of 4"):
        check(4)
    check(5)


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSTOP"])
def test_who_waits_for_a_lost_first_process_ends(signal: str) -> None:
    silence = 3 if signal == "SIGSTOP" else 100
    with unattended(2, "wait_together.py", str(silence)) as (first, second):
        assert second.stdout.readline() == "met\n"
        begin = time.monotonic()
        first.send_signal(getattr(signals, signal))
        _, errors = second.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - begin < 30
    assert second.returncode == 1
    assert "Lost: a process that trains with this one is lost" in errors
    assert "run the same again: it goes on at the last checkpoint" in errors


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_training_ends_where_one_of_its_processes_is_lost(
    steady: StartModel, recipe: Recipe, output: Path, lost: int
) -> None:
    output.parent.mkdir(parents=True)
    long = recipe.model_copy(update={"min_steps": 2000, "evaluations": 100})
    task = Task(steady, output, long)
    with unattended(2, "train_together.py", task.argument) as processes:
        for line in processes[0].stdout:
            if int(line) == 8:
                break
        processes[lost].kill()
        begin = time.monotonic()
        _, errors = processes[1 - lost].communicate(timeout=PATIENCE_S)
        assert time.monotonic() - begin < 60
    assert processes[1 - lost].returncode == 1
    assert "lost" in errors.splitlines()[-1]
    assert "it goes on at the last checkpoint" in errors.splitlines()[-1]
    assert not output.exists()
