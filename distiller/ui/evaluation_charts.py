"""Quality with intervals, quality against cost, and quality by kind of query."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from distiller.evaluate.reading import bars, quality_and_cost, slices
from distiller.schema.retrieval import EvaluationReport
from distiller.ui.evaluation import FLOPS, MEASURES
from distiller.ui.palette import palette, theme
from distiller.ui.shell import Here
from distiller.ui.text import told_apart

SLICES = {"type": "Type of query", "complexity": "Complexity"}
_HEIGHT = 320
_INK = {"dark": "#ECEFF2", "light": "#0A0D10"}


def charts(here: Here, report: EvaluationReport, measure: str) -> None:
    """Two charts side by side, each with its table."""
    left, right = st.columns(2)
    with left:
        _quality(here, report, measure)
    with right:
        _cost(here, report, measure)


def _quality(here: Here, report: EvaluationReport, measure: str) -> None:
    title, found = MEASURES[measure][0], bars(report, measure)
    st.markdown("**Quality**, with 95 % intervals")
    if not found:
        st.caption("This measure is not defined for these queries.")
        return
    labels, colours = _labels([name for name, _, _ in found]), _colours(report)
    chart = go.Figure()
    for name, value, bounds in found:
        error = None
        if bounds:
            error = {
                "array": [100 * (bounds.high - value)],
                "arrayminus": [100 * (value - bounds.low)],
                "color": _INK[theme()],
                "thickness": 2,
            }
        chart.add_bar(
            x=[labels[name]],
            y=[100 * value],
            error_y=error,
            marker_color=colours[name],
            name=labels[name],
        )
    chart.update_xaxes(type="category")
    chart.update_yaxes(range=[0, 100])
    _draw(here, chart, ("Model", f"{title}, points of 100"), f"quality/{measure}")
    rows = [
        {
            "Model": name,
            f"{title}, points": round(100 * value, 1),
            "From": round(100 * bounds.low, 1) if bounds else None,
            "To": round(100 * bounds.high, 1) if bounds else None,
        }
        for name, value, bounds in found
    ]
    _behind(rows)


def _cost(here: Here, report: EvaluationReport, measure: str) -> None:
    title, found = MEASURES[measure][0], quality_and_cost(report, measure)
    st.markdown("**Quality against cost**; up is better, left is faster")
    if not found:
        st.caption("No model here has such a cost; BM25 has none.")
        return
    labels, colours = _labels([point.name for point in found]), _colours(report)
    chart = go.Figure()
    for point in found:
        chart.add_scatter(
            x=[point.flops],
            y=[100 * point.quality],
            mode="markers+text",
            text=[labels[point.name]],
            textposition="top center",
            marker={"size": 12, "color": colours[point.name]},
            name=labels[point.name],
        )
    most = max(point.flops for point in found)
    chart.update_xaxes(range=[0, 1.3 * most or 1])
    chart.update_yaxes(range=[0, 108])
    others = [row for row in bars(report, measure) if row[0] not in labels]
    for number, (name, value, _) in enumerate(others):
        chart.add_hline(
            100 * value,
            line_dash="dot",
            line_color="gray",
            annotation_text=_labels([name])[name],
            annotation_position="bottom left" if number % 2 else "top left",
        )
    axes = ("FLOPS, in shared words", f"{title}, points of 100")
    _draw(here, chart, axes, f"cost/{measure}")
    st.caption(f"FLOPS: {FLOPS}. Dotted: models without such a cost, as BM25.")
    _behind(
        [
            {
                "Model": point.name,
                "FLOPS": round(point.flops, 2),
                f"{title}, points": round(100 * point.quality, 1),
            }
            for point in found
        ]
    )


def sliced(report: EvaluationReport, measure: str) -> None:
    """By type and by complexity of the query."""
    names = [system.name for system in report.systems]
    labels = told_apart(names, *SLICES.values(), "Queries")
    for fact, title in SLICES.items():
        table = slices(report, fact, measure)
        if not table:
            continue
        st.markdown(
            f"**{title}** ({MEASURES[measure][0]}, points of 100; a few queries tell little)"
        )
        st.dataframe(
            [
                {
                    title: value.replace("_", " "),
                    "Queries": max((count for _, count in row.values()), default=0),
                    **{
                        labels[name]: None if mean is None else round(100 * mean, 1)
                        for name, (mean, _) in row.items()
                    },
                }
                for value, row in table.items()
            ],
            hide_index=True,
        )


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Plotly reads tags in labels; names are only words."""
    return {name: html.escape(label) for name, label in told_apart(names).items()}


def _colours(report: EvaluationReport) -> dict[str, str]:
    """A system has the same colour in every chart, from the palette of the theme."""
    colours = palette()
    return {
        system.name: colours[number % len(colours)] for number, system in enumerate(report.systems)
    }


def _draw(here: Here, chart: go.Figure, axes: tuple[str, str], key: str) -> None:
    chart.update_layout(
        height=_HEIGHT,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis_title=axes[0],
        yaxis_title=axes[1],
        showlegend=False,
    )
    st.plotly_chart(chart, key=here.key("chart", key), config={"displaylogo": False})


def _behind(rows: Sequence[Mapping[str, object]]) -> None:
    with st.expander("The same as a table"):
        st.dataframe(list(rows), hide_index=True)
