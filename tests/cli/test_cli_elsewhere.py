"""A training taken to another computer by its command, and its model brought back."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from distiller.cli import main
from distiller.schema.retrieval import TrainedModel
from distiller.store import Store

EXAMPLE = Path(__file__).parents[2] / "examples" / "tenancy" / "dataset.json"
SHORT = ("--set", "min_steps=2", "--set", "epochs=0.05", "--set", "batch_size=2")
Run = Callable[..., str]


@pytest.fixture
def distiller(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program in this process and one folder after the other; returns what it says."""
    for name in os.environ:
        if name.startswith(("DISTILLER_", "OPENAI_")):
            monkeypatch.delenv(name)

    def run(folder: Path, *arguments: str, fails: bool = False) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["distiller", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert bool(ended.value.code) is fails, said.err
        return said.err if fails else said.out

    return run


def models_of(home: Path) -> list[TrainedModel]:
    with Store.open(f"sqlite:///{home / 'workspace' / 'distiller.db'}") as store:
        return store.models(store.project().id)


@pytest.fixture
def places(tmp_path: Path, distiller: Run) -> tuple[Path, Path]:
    """Two computers: one with a project of a dozen queries, one with nothing."""
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    away.mkdir()
    few = json.loads(EXAMPLE.read_text(encoding="utf-8"))[:12]
    (home / "few.json").write_text(json.dumps(few))
    distiller(home, "import", "few.json", "--domain", "tenancy law")
    return home, away


@pytest.mark.slow
@pytest.mark.parametrize("file", ["data.jsonl.gz", "data.parquet"])
def test_the_other_computer_makes_the_model_that_this_one_would_have_made(
    places: tuple[Path, Path], distiller: Run, file: str
) -> None:
    home, away = places
    train = ("train", "--preset", "quick", *SHORT)
    told = json.loads(distiller(home, *train, "--elsewhere", file, "--json"))
    assert told["file"] == file
    assert told["brings"] == []
    shutil.move(home / file, away)

    program, *arguments = shlex.split(told["command"])
    assert program == "distiller"
    distiller(away, *arguments)
    assert not (away / "workspace").exists()
    shutil.move(away / told["result"], home)
    brought = json.loads(distiller(home, "import-model", told["result"], "--json"))
    assert brought["new"]
    (model,) = models_of(home)
    assert (model.id, model.path) == (brought["id"], brought["path"])

    # The same training here finds it done, and a second import changes nothing.
    distiller(home, *train)
    assert not json.loads(distiller(home, "import-model", told["result"], "--json"))["new"]
    assert [one.id for one in models_of(home)] == [model.id]

    distiller(home, "format", "--format", "beir", "--output", "beir")
    found = json.loads(
        distiller(
            home, "search", "deposit", "--model", model.path, "--collection", "beir", "--json"
        )
    )
    assert len(found["hits"]) == 5
    shutil.rmtree(model.path)
    there = json.loads((away / told["result"].removesuffix(".zip") / "distiller.json").read_text())
    distiller(home, *train, "--output", "here")
    here = json.loads((home / "here" / "distiller.json").read_text())
    assert here["recipe"]["identity"] == there["recipe"]["identity"]
    assert here["metrics"] == there["metrics"]


def test_a_model_of_other_data_is_refused(
    places: tuple[Path, Path], distiller: Run, tmp_path: Path
) -> None:
    home, _ = places
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "distiller.json").write_text("{}")
    said = distiller(home, "import-model", str(folder), fails=True)
    assert said.startswith("distiller: distiller.json is not a record of a training")
    assert models_of(home) == []


def test_what_else_the_other_computer_needs_is_said(
    places: tuple[Path, Path], distiller: Run, collections_dir: Path, tmp_path: Path
) -> None:
    home, _ = places
    base = tmp_path / "my base"
    base.mkdir()
    (base / "config.json").write_text('{"architectures": ["BertForMaskedLM"]}')
    options = ("--base", str(base), "--canary", str(collections_dir / "adi"))
    told = distiller(home, "train", *options, "--elsewhere", "out/data.jsonl.gz")
    assert f"Take out/data.jsonl.gz and {base}, {collections_dir / 'adi'} to the other" in told
    assert "--base './my base'" in told
    assert "--canary ./adi" in told
    assert "distiller import-model" in told


def test_seed_and_settings_are_in_the_command(places: tuple[Path, Path], distiller: Run) -> None:
    home, _ = places
    (home / "data.jsonl.gz").write_text("mine")
    command = ("train", "--seed", "7", "--set", "learning_rate=3e-05", "--set", "epochs=2")
    told = json.loads(distiller(home, *command, "--elsewhere", "data.jsonl.gz", "--json"))
    assert (home / "data.jsonl.gz.bak").read_text() == "mine"
    parts = shlex.split(told["command"])
    assert parts[parts.index("--seed") + 1] == "7"
    assert [parts[at + 1] for at, part in enumerate(parts) if part == "--set"] == [
        "epochs=2", "learning_rate=3e-05",
    ]  # fmt: skip
