"""The page of evaluations, with a report that was really measured."""

from __future__ import annotations

import pytest

from distiller.dataset import freeze
from distiller.evaluate import evaluate, held_out, systems
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.examples import Query
from distiller.schema.retrieval import EvaluationReport
from distiller.settings import Settings
from distiller.store import Store


@pytest.fixture
def report(store: Store, example: Project) -> EvaluationReport:
    collection = held_out(freeze(store, example, seed=13), "test", language="en")
    one, two = systems(["bm25", "tiny"], collection, Settings().cache_dir)
    two.name = "<b>other</b>"
    return store.save_report(example.id, evaluate([one, two], collection))


def test_nothing_is_measured_yet(run_page, example: Project) -> None:
    page = run_page("train/evaluation.py")
    assert not page.exception
    assert "Nothing is measured yet" in page.info[0].value


def test_a_report_is_said_in_words_and_a_linked_query_shows_both_rankings(
    run_page, example: Project, report: EvaluationReport
) -> None:
    query_id, shown = next(iter(report.shown.items()))
    page = run_page("train/evaluation.py", query=query_id)
    assert not page.exception
    words = " ".join(element.value for element in page.markdown).replace("\\", "")
    assert "too few queries to tell" in words or "no difference shown" in words
    assert f"**{shown.query.rstrip('?')}" in words
    grades = [element.value for element in page.markdown if "grade" in element.value]
    assert grades
    assert page.query_params["report"] == report.id


@pytest.mark.parametrize("name", ["report", "query"])
def test_a_forged_address_shows_the_newest(
    run_page, example: Project, report: EvaluationReport, name: str
) -> None:
    page = run_page("train/evaluation.py", **{name: "'; DROP TABLE reports"})
    assert not page.exception
    assert page.query_params["report"] == report.id


def test_an_empty_project(run_page, store: Store, workspace) -> None:
    page = run_page("train/evaluation.py")
    assert not page.exception
    assert "There is no project yet" in page.info[0].value


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
