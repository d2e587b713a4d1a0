"""From approved data to a model: is there enough, how long will it take, how does it go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.examples import Query
from distiller.settings import Settings
from distiller.ui.jobs import REFRESH_S, job_line, launch
from distiller.ui.palette import palette
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.training_start import try_speed

FEW = 20
"""Fewer training queries than this teach next to nothing."""
SPLITS = {
    "train": "to learn from",
    "val": "kept aside to choose the best moment of the training",
    "test": "kept aside to measure the model at the end",
}
CURVES: list[tuple[str, str, dict[str, str]]] = [
    (
        "Loss: how wrong the model is on the training queries (lower is better)",
        "Loss",
        {
            "loss": "in all",
            "ranking": "ranking",
            "teacher": "teacher",
            "guard": "staying near the start model",
            "regularizer": "regulariser",
        },
    ),
    (
        "nDCG@10 on queries kept aside: how high the right passages rank (1 is perfect)",
        "nDCG@10",
        {"ndcg@10": "kept-aside queries"},
    ),
    (
        "Active dimensions: words with a weight per text (fewer is faster)",
        "Words per text",
        {"query_dims": "queries", "passage_dims": "passages"},
    ),
]
_DASHES = ["solid", "dash", "dot", "dashdot"]
"""One for each run that is compared; a colour means the same in all of them."""


def readiness(here: Here) -> DatasetSnapshot | None:
    """What there is to learn from, and what is missing; returns the frozen data to train on."""
    counts = here.store.counts(here.project.id)["query"]
    columns = st.columns(4)
    for column, status in zip(
        columns, ("approved", "proposed", "flagged", "rejected"), strict=True
    ):
        column.metric(f"Queries {status}", f"{counts[status]:,}")
    if counts["proposed"]:
        st.info(
            f"{counts['proposed']:,} queries wait for a decision. You can train now, and again "
            "when they are decided.",
            icon=":material/rule:",
        )
    settings = _learned_from(here, counts)
    _teacher(here)
    frozen = list(reversed(here.store.snapshots(here.project.id, examples=False)))
    if st.button(
        "Freeze the data as they are",
        type="secondary" if frozen else "primary",
        icon=":material/ac_unit:",
        help="A copy that no later edit changes: so that models can be compared fairly.",
    ):
        from distiller.pipeline import freeze_project

        with failing(), st.spinner("Freezing"):
            made = freeze_project(here.store, here.project, settings)
            try_speed(here, made)
            notice(f"Frozen: {made.counts.get('train', 0):,} queries to train on")
            st.rerun()
    if not frozen:
        st.caption("Nothing is frozen yet. Training needs data that stay as they are.")
        return None
    ids = [snapshot.id for snapshot in frozen]
    known = {snapshot.id: snapshot for snapshot in frozen}
    chosen = st.selectbox(
        "Data to train on",
        ids,
        format_func=lambda id_: _title(known.get(id_)),
        key=here.key("data"),
    )
    snapshot = known.get(chosen, frozen[0])
    st.dataframe(
        [
            {"Queries": snapshot.counts.get(part, 0), "What for": words}
            for part, words in SPLITS.items()
        ],
        hide_index=True,
    )
    among = snapshot.ranked_among
    st.caption(f"The queries kept aside are {among}: how high the right ones come is what counts.")
    size = snapshot.counts.get("train", 0)
    if size < FEW:
        st.warning(f"Only {size} queries to train on; {FEW} are the least that teach anything.")
    if not snapshot.counts.get("val"):
        st.warning(
            "No query is kept aside to choose the best moment of the training; approve more first."
        )
    if not snapshot.counts.get("test"):
        st.warning("No query is kept aside for the final test; approve more queries first.")
    return snapshot


def _learned_from(here: Here, counts: Mapping[str, int]) -> Settings:
    """The settings to freeze with: whether what nobody has decided about counts, too.

    A few approvals would otherwise leave all the rest out, and nothing to learn from.
    """
    undecided = here.settings.undecided
    if counts["approved"] and counts["proposed"]:
        undecided = st.checkbox(
            "Learn also from what nobody has decided about",
            value=undecided or counts["approved"] < FEW,
            key=here.key("undecided"),
            help=f"Without it only approved queries count, which needs {FEW} of them at least. "
            "What was rejected or flagged never counts.",
        )
    return here.settings.model_copy(update={"undecided": undecided})


def _teacher(here: Here) -> None:
    if st.button(
        "Have the pairs scored by a teacher",
        icon=":material/school:",
        help="Another search model, packaged and free, says how well each passage fits its query; "
        "the model then learns shades, not only right and wrong. Before you freeze the data.",
    ):
        from distiller.pipeline import Plan

        launch(here, ["teach"], Plan(), "The teacher is scoring the pairs")


def _title(snapshot: DatasetSnapshot | None) -> str:
    if snapshot is None:
        return "?"
    counts = snapshot.counts
    return (
        f"{snapshot.created:%Y-%m-%d %H:%M} UTC: {counts.get('train', 0):,} to train, "
        f"{counts.get('val', 0):,} to choose, {counts.get('test', 0):,} to test"
    )


@st.fragment(run_every=REFRESH_S)
def watch(here: Here, job_id: str) -> None:
    """A training as it goes."""
    job = here.store.job(job_id)
    if not job.active:
        st.rerun()
    job_line(here.store, here.settings, job)
    curves(here, by_round(job.metrics), job_id)


def by_round(metrics: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What was measured, apart for each round, for steps are counted anew in each."""
    if not any("round" in point for point in metrics):
        return {"this training": list(metrics)}
    rounds = sorted({point["round"] for point in metrics if "round" in point})
    return {
        f"round {at}": [point for point in metrics if point.get("round") == at] for at in rounds
    }


def curves(here: Here, runs: dict[str, list[dict[str, Any]]], key: str) -> None:
    """What was measured while training, one chart for each unit, and the table behind them."""
    rows = [{"Run": name, **point} for name, points in runs.items() for point in points]
    if not rows:
        st.caption("The curves begin with the first measured step.")
        return
    frame = pd.DataFrame(rows)
    for title, unit, names in CURVES:
        chart = go.Figure()
        colours = dict(zip(names, palette(), strict=False))
        dashes = dict(zip(runs, _DASHES, strict=False))
        for run, name in [(run, name) for run in runs for name in names if name in frame]:
            some = frame[(frame["Run"] == run) & frame[name].notna()]
            words = names[name] if len(runs) == 1 else f"{run}, {names[name]}"
            chart.add_scatter(
                x=some["step"],
                y=some[name],
                name=words,
                mode="lines+markers" if len(some) < 30 else "lines",
                line={"color": colours[name], "dash": dashes.get(run, "solid")},
            )
        chart.update_layout(
            height=260,
            margin={"l": 10, "r": 10, "t": 10, "b": 10},
            xaxis_title="Training step",
            yaxis_title=unit,
            legend={"orientation": "h", "y": 1.15},
            showlegend=True,
            uirevision=key,
        )
        st.markdown(f"**{title}**")
        st.plotly_chart(chart, key=here.key("curve", key, unit), config={"displaylogo": False})
    with st.expander("The numbers"):
        st.dataframe(frame, hide_index=True)


def has_queries(here: Here) -> bool:
    """Whether there is anything to train on at all."""
    return bool(here.store.count(here.project.id, Query))
