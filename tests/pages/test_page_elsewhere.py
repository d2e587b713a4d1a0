"""A training taken to another computer from its page, and brought back there."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from pathlib import Path

import pytest

from distiller.dataset import freeze, import_file
from distiller.pipeline import Plan, packed_data
from distiller.schema.base import new_id
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.domain import Domain, Project
from distiller.schema.jobs import Job
from distiller.splade import resolve
from distiller.store import Store
from distiller.train import PRESETS, train_files
from distiller.train.folders import pack
from distiller.train.pace import changed

EXAMPLE = Path(__file__).parents[2] / "examples" / "tenancy" / "dataset.json"
PAGE = "train/training.py"
OWN = {"min_steps": 1.0, "epochs": 0.05, "batch_size": 2.0, "evaluations": 1.0}


@pytest.fixture
def small(store: Store, tmp_path: Path) -> Project:
    """A project of a dozen queries."""
    project = store.create_project(Domain(name="tenancy law"))
    few = tmp_path / "few.json"
    few.write_text(json.dumps(json.loads(EXAMPLE.read_text(encoding="utf-8"))[:12]))
    import_file(store, project, few)
    return project


@pytest.fixture
def frozen(store: Store, small: Project) -> DatasetSnapshot:
    return freeze(store, small, seed=13)


def command_of(page) -> list[str]:
    (command,) = [code.value for code in page.code if code.value.startswith("distiller train")]
    return shlex.split(command)


def bring(page, content: bytes):
    (upload,) = [one for one in page.file_uploader if "zip" in one.label]
    upload.set_value(("tuned.zip", content, "application/zip"))
    page.run()
    return next(b for b in page.button if b.label.startswith("Check and keep")).click().run()


def test_data_and_command_are_those_of_what_is_chosen(
    run_page, store: Store, frozen: DatasetSnapshot
) -> None:
    page = run_page(PAGE, project="tenancy-law")
    assert not page.exception
    (button,) = page.get("download_button")
    assert button.label == "Download the data"
    file = f"tenancy-law-{frozen.content_hash[:10]}.jsonl.gz"
    assert command_of(page) == [
        *("distiller", "train", "--train-file", file, "--base", "tiny", "--preset", "balanced"),
        *("--seed", "13", "--language", "en"),
        *("--output", f"{frozen.content_hash[:10]}-tiny-balanced", "--zip"),
    ]
    next(radio for radio in page.radio if radio.label == "How careful").set_value("thorough")
    page.run()
    next(n for n in page.number_input if n.label == "Passes over the data").set_value(2.5)
    page.run()
    command = command_of(page)
    assert command[command.index("--preset") + 1] == "thorough"
    assert command[command.index("--set") + 1] == "epochs=2.5"


def test_a_training_under_way_can_be_run_elsewhere_too(
    run_page, store: Store, small: Project, frozen: DatasetSnapshot
) -> None:
    plan = Plan(snapshot=frozen.id, preset="quick", recipe={"epochs": 2})
    parameters = {"stages": ["snapshot", "train"], "plan": plan.model_dump(mode="json")}
    store.add_job(Job(id=new_id("job"), project_id=small.id, kind="train", parameters=parameters))
    page = run_page(PAGE, project="tenancy-law")
    assert not page.exception
    command = command_of(page)
    assert command[command.index("--preset") + 1] == "quick"
    assert command[command.index("--set") + 1] == "epochs=2"


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_command_that_does_the_first_round_only_says_so(
    run_page, store: Store, small: Project, frozen: DatasetSnapshot, rounds: int
) -> None:
    plan = Plan(snapshot=frozen.id, preset="quick", rounds=rounds)
    parameters = {"stages": ["snapshot", "train"], "plan": plan.model_dump(mode="json")}
    store.add_job(Job(id=new_id("job"), project_id=small.id, kind="train", parameters=parameters))
    page = run_page(PAGE, project="tenancy-law")
    assert not page.exception
    assert command_of(page)
    said = [one.value for one in page.warning if "round 1 of 2 only" in one.value]
    assert len(said) == rounds - 1


def test_what_is_no_model_is_said_and_changes_nothing(
    run_page, store: Store, small: Project, frozen: DatasetSnapshot
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as writing:
        writing.writestr("distiller.json", "{}")
    for content, said in ((b"no zip", "no zip"), (packed.getvalue(), "not a record")):
        page = bring(run_page(PAGE, project="tenancy-law"), content)
        assert not page.exception
        assert said in page.error[0].value
    assert store.models(small.id) == []


@pytest.mark.slow
def test_a_model_brought_back_is_listed_and_measured(
    run_page, store: Store, small: Project, frozen: DatasetSnapshot, workspace: Path
) -> None:
    away = workspace / "away"
    away.mkdir()
    (away / "data.jsonl.gz").write_bytes(packed_data(frozen))
    recipe = changed(PRESETS["quick"], OWN)
    tiny = resolve("tiny", workspace / "cache")
    train_files(away / "data.jsonl.gz", None, recipe, tiny, away / "tuned")
    page = bring(run_page(PAGE, project="tenancy-law"), pack(away / "tuned").read_bytes())
    assert not page.exception
    (model,) = store.models(small.id)
    (job,) = store.jobs(small.id, kind="evaluate")
    assert job.parameters["plan"]["model"] == model.id
    (table,) = [frame.value for frame in page.dataframe if "How it ended" in frame.value]
    assert list(table["How it ended"]) == ["done on another computer"]
    assert list(table["Model"]) == [model.path]
    page = run_page("train/evaluation.py", project="tenancy-law")
    assert not page.exception
    chosen = next(box for box in page.selectbox if box.label == "Model")
    assert Path(model.path).name in chosen.options[0]
