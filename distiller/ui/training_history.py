"""Earlier trainings: how each ended, whether its model may be used, and how they compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from distiller.schema.jobs import Job, JobState
from distiller.schema.retrieval import TrainedModel
from distiller.ui.jobs import STATES, job_line
from distiller.ui.shell import Here
from distiller.ui.text import plain
from distiller.ui.training import curves

KINDS = ("train", "pipeline")
"""Kinds of jobs that may train."""
MOST_COMPARED = 4
MEASURED = ("nDCG@10 before", "nDCG@10 best")
ELSEWHERE = "done on another computer"


@dataclass(frozen=True)
class Training:
    """One training, of a job or brought from another computer."""

    id: str
    begun: datetime
    preset: str
    ended: str
    metrics: list[dict[str, Any]]
    model: TrainedModel | None = None
    job: Job | None = None
    remark: str = ""
    of_rounds: bool = False

    @property
    def title(self) -> str:
        """When it was, and how careful."""
        return f"{self.begun:%Y-%m-%d %H:%M} UTC, {self.preset}".removesuffix(", ")


def trainings(here: Here) -> list[Training]:
    """All that ended, newest first."""
    models = {model.id: model for model in here.store.models(here.project.id)}
    jobs = [job for kind in KINDS for job in here.store.jobs(here.project.id, kind=kind)]
    ended = [job for job in jobs if not job.active]
    made = [one for job in ended for one in _of_job(job, models)]
    known = {one.model.id for one in made if one.model}
    made += [
        Training(
            id=model.id,
            begun=model.created,
            preset=str(model.recipe.get("name", "")),
            ended=ELSEWHERE,
            metrics=model.metrics,
            model=model,
        )
        for model in models.values()
        if model.id not in known
    ]
    return sorted(made, key=lambda one: one.begun, reverse=True)


def _of_job(job: Job, models: Mapping[str, TrainedModel]) -> list[Training]:
    """One, or one for each round; none for a job that did other things."""
    ids = dict.fromkeys([*job.result.get("models", []), job.result.get("model") or ""])
    found = [models[id_] for id_ in ids if id_ in models]
    if not found and job.kind != "train":
        return []
    preset = str(job.parameters.get("plan", {}).get("preset", ""))
    if len(found) < 2:
        metrics = [point for point in job.metrics if "step" in point]
        model = found[0] if found else None
        ended = STATES[job.state]
        return [Training(job.id, job.created, preset, ended, metrics, model, job, job.message)]
    return [
        Training(
            id=f"{job.id}/{at}",
            begun=job.created,
            preset=f"{preset}, round {at}",
            ended=f"{STATES[job.state]}{', kept' * (model.id == job.result.get('model'))}",
            metrics=model.metrics,
            model=model,
            job=job,
            remark=_choice(job),
            of_rounds=True,
        )
        for at, model in reversed(list(enumerate(found, 1)))
    ]


def _choice(job: Job) -> str:
    """Why the one round's model was kept; else what the job said last."""
    stages = [part for part in job.result.get("stages", []) if part.get("stage") == "choose"]
    notes: list[str] = stages[-1].get("notes", []) if stages else [job.message]
    return "; ".join(notes)


def history(here: Here, runs: Sequence[Training]) -> None:
    """Earlier runs; the last one can be gone on with, several compared."""
    st.subheader("Earlier trainings")
    st.dataframe(
        [_row(run) for run in runs],
        hide_index=True,
        column_config=dict.fromkeys(MEASURED, st.column_config.NumberColumn(format="%.3f")),
    )
    if any(run.of_rounds for run in runs):
        st.caption(
            "Each round has passages of its own to rank, so the figures of two rounds do not "
            "compare; the remark says how they compare on the same passages."
        )
    last = next((run.job for run in runs if run.job), None)
    if last and last.state in (JobState.FAILED, JobState.CANCELLED):
        job_line(here.store, here.settings, last)
    titles = {run.id: run.title for run in runs}
    ids = list(titles)
    chosen = st.multiselect(
        "Compare",
        ids,
        default=ids[:1],
        format_func=lambda id_: titles.get(id_, "?"),
        max_selections=MOST_COMPARED,
        key=here.key("compare", len(runs)),
    )
    compared = {plain(run.title): run.metrics for run in runs if run.id in chosen}
    if compared:
        curves(here, compared, "compared")


def _row(run: Training) -> dict[str, Any]:
    measured = [point["ndcg@10"] for point in run.metrics if point.get("ndcg@10") is not None]
    return {
        "When": run.title,
        "How it ended": run.ended,
        MEASURED[0]: measured[0] if measured else None,
        MEASURED[1]: max(measured) if measured else None,
        "Better than its start model?": _verdict(run.model),
        "Model": run.model.path if run.model else "",
        "Remark": run.remark,
    }


def _verdict(model: TrainedModel | None) -> str:
    if model is None or not model.promotion:
        return ""
    if model.promoted:
        return f"Yes: {model.promotion}"
    return f"Not shown, so use {model.recommended}: {model.promotion}"
