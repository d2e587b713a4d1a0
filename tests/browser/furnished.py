"""A project in which every page has something to show."""

from __future__ import annotations

from distiller.dataset import freeze, open_example
from distiller.evaluate import evaluate, held_out
from distiller.retrieve import BM25
from distiller.schema.base import new_id
from distiller.schema.domain import Project
from distiller.schema.jobs import Job, JobState
from distiller.schema.retrieval import TrainedModel
from distiller.schema.usage import Usage
from distiller.store import Store


def furnished(store: Store) -> Project:
    """The example, frozen, with a training and a measurement that ended, and a job that failed."""
    project = open_example(store)
    if store.reports(project.id):
        return project
    snapshot = freeze(store, project)
    collection = held_out(snapshot)
    ranked = [BM25(collection.corpus, "en", "stemmed"), BM25(collection.corpus, "ja", "whole")]
    metrics = [
        {
            "step": step, "loss": 3 - step / 20, "ranking": 2 - step / 20, "regularizer": 0.1,
            "ndcg@10": 0.4 + step / 100, "query_dims": 40.0, "passage_dims": 100.0,
        }
        for step in range(0, 41, 10)
    ]  # fmt: skip
    model = store.save_model(
        TrainedModel(
            id=new_id("m"), project_id=project.id, path="models/one", base="tiny",
            snapshot_hash=snapshot.content_hash, recipe={}, metrics=metrics, best_step=40,
        )
    )  # fmt: skip
    report = evaluate(ranked, collection).model_copy(update={"model": model.id})
    store.save_report(project.id, report)
    about = {"project_id": project.id, "parameters": {"stages": [], "plan": {}}}
    result = {"model": model.id, "reports": [report.id], "stages": []}
    for kind, state, message in (
        ("train", JobState.DONE, ""),
        ("queries", JobState.FAILED, "the model cannot be reached; check its address"),
    ):
        store.add_job(
            Job(
                id=new_id("job"), kind=kind, state=state, message=message, result=result,
                metrics=metrics if kind == "train" else [],
                usage=Usage(completions=3, prompt_tokens=900, completion_tokens=80), **about,
            )
        )  # fmt: skip
    return project
