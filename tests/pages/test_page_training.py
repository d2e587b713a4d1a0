"""The page of trainings."""

from __future__ import annotations

import pytest

from distiller.dataset import freeze
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.examples import Query
from distiller.schema.jobs import Job, JobState
from distiller.schema.retrieval import TrainedModel
from distiller.store import Store
from distiller.train import PRESETS


def test_training_page_says_what_is_missing_and_freezes(
    run_page, store: Store, example: Project
) -> None:
    page = run_page("train/training.py")
    assert not page.exception
    assert any("wait for a decision" in element.value for element in page.info)
    next(b for b in page.button if b.label.startswith("Freeze")).click().run()
    assert not page.exception
    (frozen,) = store.snapshots(example.id)
    assert frozen.counts["train"] > 50
    assert any(button.label == "Start training" for button in page.button)


def test_training_begins_with_what_was_chosen(
    run_page, store: Store, example: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: False)
    monkeypatch.setattr("distiller.jobs.ensure_worker", lambda *_: False)
    snapshot = freeze(store, example, seed=13)
    page = run_page("train/training.py")
    next(r for r in page.radio if r.label == "How careful").set_value("quick")
    next(b for b in page.button if b.label == "Start training").click().run()
    assert not page.exception
    (job,) = store.jobs(example.id, kind="train")
    plan = job.parameters["plan"]
    assert (plan["preset"], plan["snapshot"], plan["base"]) == ("quick", snapshot.id, "tiny")
    assert not any(b.label == "Start training" for b in page.button)


def test_training_page_without_queries(run_page, store: Store, example: Project) -> None:
    bare = store.create_project(example.domain, "bare")
    assert not store.count(bare.id, Query, status=Status.APPROVED)
    page = run_page("train/training.py", project="bare")
    assert not page.exception
    assert "no queries to learn from" in page.info[0].value


@pytest.mark.parametrize(
    ("promoted", "said"), [(True, "Yes: it gains 3"), (False, "Not shown, so use tiny: it gains 3")]
)
def test_the_history_says_whether_a_model_may_be_used(
    run_page, store: Store, example: Project, promoted: bool, said: str
) -> None:
    verdict = {"promoted": promoted, "why": "it gains 3", "interpolation": 0.5}
    model = TrainedModel(
        id="m-1",
        project_id=example.id,
        path="/models/one",
        base="tiny",
        snapshot_hash="h",
        recipe={"promotion": verdict},
    )
    store.save_model(model)
    store.add_job(
        Job(
            id="j-1",
            project_id=example.id,
            kind="train",
            state=JobState.DONE,
            result={"model": model.id},
        )
    )
    page = run_page("train/training.py")
    assert not page.exception
    (table,) = [frame.value for frame in page.dataframe if "Model" in frame.value]
    assert list(table["Better than its start model?"]) == [said]


def test_presets_are_in_the_recipes_own_words(run_page, store: Store, example: Project) -> None:
    freeze(store, example, seed=13)
    page = run_page("train/training.py")
    radio = next(r for r in page.radio if r.label == "How careful")
    assert radio.options == [name.capitalize() for name in PRESETS]
    assert any(PRESETS["balanced"].evidence in caption.value for caption in page.caption)
