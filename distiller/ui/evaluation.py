"""Does the model search better? In one sentence, in tables, in charts, and query by query."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from distiller.evaluate.kept import keep, kept, remove
from distiller.evaluate.reading import Difference, differences, slices
from distiller.evaluate.significance import ENOUGH_QUERIES
from distiller.schema.retrieval import Comparison, EvaluationReport
from distiller.ui.jobs import launch
from distiller.ui.shell import Here
from distiller.ui.state import failing, from_address, notice, to_address
from distiller.ui.text import plain, shortened

MEASURES = {
    "ndcg@10": "nDCG@10: how high the right passages stand among the first ten (100 is perfect)",
    "recall@100": "Recall@100: how many right passages are among the first hundred",
    "mrr@10": "MRR@10: how soon the first right passage comes",
    "map": "MAP: how high all right passages stand",
}
_COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"]
_ROWS = 200
_SIDES = {"better": "better", "worse": "worse"}


def verdict(comparison: Comparison) -> str:
    """One comparison as a sentence for people who never saw a measure."""
    queries = comparison.wins + comparison.losses + comparison.ties
    low, high = (100 * bound for bound in (comparison.difference.low, comparison.difference.high))
    points = 100 * comparison.difference.value
    names = f"{comparison.other} against {comparison.baseline}"
    sure = f"interval {low:+.1f} to {high:+.1f}, on {queries:,} queries"
    if comparison.verdict in _SIDES:
        return f"{names}: {comparison.verdict} by {abs(points):.1f} points ({sure})."
    if comparison.verdict == "inconclusive":
        return (
            f"{names}: too few queries to tell ({points:+.1f} points, {sure}; "
            f"{ENOUGH_QUERIES} are the least)."
        )
    return f"{names}: no difference shown ({points:+.1f} points, {sure})."


def choose_report(here: Here, reports: Sequence[EvaluationReport]) -> EvaluationReport:
    """The report of the address, else the newest."""
    known = {report.id: report for report in reversed(reports)}
    key = here.key("report")
    if key not in st.session_state:
        st.session_state[key] = from_address("report", known.keys()) or next(iter(known))
    chosen = st.selectbox(
        "Measured",
        list(known),
        key=key,
        format_func=lambda id_: (
            (
                f"{known[id_].created:%Y-%m-%d %H:%M} UTC: {known[id_].collection}, "
                f"{known[id_].queries:,} queries"
            )
            if id_ in known
            else "?"
        ),
    )
    chosen = chosen if chosen in known else next(iter(known))
    to_address(report=chosen)
    return known[chosen]


def summary(here: Here, report: EvaluationReport) -> None:
    """Verdicts, the table of measures, and what has to be known of them."""
    for comparison in report.comparisons:
        icon = {"better": ":material/trending_up:", "worse": ":material/trending_down:"}
        st.markdown(
            f"{icon.get(comparison.verdict, ':material/trending_flat:')} "
            f"**{plain(verdict(comparison))}**"
        )
    st.caption(
        "Points are hundredths of nDCG@10: how high the right passages stand among the first ten. "
        "The interval says how far chance alone could move the difference."
    )
    for note in report.notes:
        st.caption(plain(note))
    rows = []
    for system in report.systems:
        row: dict[str, object] = {"Model": system.name}
        for name in MEASURES:
            value, bounds = system.measures.get(name), system.intervals.get(name)
            row[name] = "" if value is None else f"{100 * value:.1f}"
            if bounds:
                row[name] = f"{row[name]} ({100 * bounds.low:.1f} to {100 * bounds.high:.1f})"
        row["Words per query"] = _rounded(system.query_dims, 0)
        row["Words per passage"] = _rounded(system.passage_dims, 0)
        row["FLOPS"] = _rounded(system.flops, 2)
        rows.append(row)
    st.dataframe(rows, hide_index=True)
    with st.expander("What the columns mean"):
        for words in MEASURES.values():
            st.markdown(f"- {words}")
        st.markdown(
            "- FLOPS: words that a query and a passage share on average, "
            "the work of one comparison; fewer is faster"
        )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def charts(here: Here, report: EvaluationReport) -> None:
    """Bars with intervals, and quality against cost."""
    left, right = st.columns(2)
    bars = go.Figure()
    for colour, system in zip(_COLOURS * 4, report.systems, strict=False):
        bounds = system.intervals.get("ndcg@10")
        value = system.measures.get("ndcg@10")
        if value is None:
            continue
        error = None
        if bounds:
            error = {
                "type": "data",
                "symmetric": False,
                "array": [100 * (bounds.high - value)],
                "arrayminus": [100 * (value - bounds.low)],
            }
        bars.add_bar(
            x=[system.name], y=[100 * value], error_y=error, marker_color=colour, name=system.name
        )
    _draw(here, left, bars, "Quality with 95 % intervals", ("Model", "nDCG@10, points"), "bars")
    cost = go.Figure()
    for colour, system in zip(_COLOURS * 4, report.systems, strict=False):
        value = system.measures.get("ndcg@10")
        if value is not None and system.flops is not None:
            cost.add_scatter(
                x=[system.flops],
                y=[100 * value],
                mode="markers+text",
                text=[system.name],
                textposition="top center",
                marker={"color": colour, "size": 12},
                name=system.name,
            )
    axes = ("FLOPS, shared words per query and passage", "nDCG@10, points")
    if cost.data:
        _draw(here, right, cost, "Quality against cost (BM25 has no such cost)", axes, "cost")


def _draw(
    here: Here, place: object, chart: go.Figure, title: str, axes: tuple[str, str], key: str
) -> None:
    chart.update_layout(
        height=320,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis_title=axes[0],
        yaxis_title=axes[1],
        showlegend=False,
    )
    with place:  # type: ignore[attr-defined]
        st.markdown(f"**{title}**")
        st.plotly_chart(chart, key=here.key("chart", key), config={"displaylogo": False})


def sliced(report: EvaluationReport) -> None:
    """By type and by complexity of the query."""
    for fact, title in (("type", "By type of query"), ("complexity", "By complexity")):
        table = slices(report, fact)
        if not table:
            continue
        st.markdown(f"**{title}** (nDCG@10, points; few queries tell little)")
        st.dataframe(
            [
                {
                    title: value.replace("_", " "),
                    "Queries": max((count for _, count in row.values()), default=0),
                    **{
                        name: None if mean is None else round(100 * mean, 1)
                        for name, (mean, _) in row.items()
                    },
                }
                for value, row in table.items()
            ],
            hide_index=True,
        )


def wins_and_losses(here: Here, report: EvaluationReport) -> None:
    """Queries on which two systems differ; a chosen one shows both rankings."""
    names = [system.name for system in report.systems]
    if len(names) < 2 or not report.shown:
        return
    st.subheader("Query by query")
    left, right = st.columns(2)
    one = left.selectbox("Compare", names, index=0, key=here.key("one", report.id))
    two = right.selectbox("with", names, index=len(names) - 1, key=here.key("two", report.id))
    one, two = (name if name in names else names[0] for name in (one, two))
    found = differences(report, one, two)
    won = sum(difference.value > 0 for difference in found)
    lost = sum(difference.value < 0 for difference in found)
    st.markdown(
        plain(
            f"{two} ranks better on {won:,} queries, worse on {lost:,}, equally on "
            f"{len(found) - won - lost:,}. Choose a query to see both rankings."
        )
    )
    ends = [*found[: _ROWS // 2], *found[-_ROWS // 2 :]] if len(found) > _ROWS else found
    chosen = st.dataframe(
        pd.DataFrame(
            [
                {
                    "Query": difference.query,
                    plain(one): round(100 * difference.baseline, 1),
                    f"{plain(two)} ": round(100 * difference.other, 1),
                    "Difference, points": round(100 * difference.value, 1),
                }
                for difference in ends
            ]
        ),
        hide_index=True,
        height=320,
        on_select="rerun",
        selection_mode="single-row",
        key=here.key("rows", report.id, one, two),
    )
    rows = [row for row in chosen["selection"]["rows"] if 0 <= row < len(ends)]
    linked = from_address("query", {difference.query_id for difference in ends})
    picked = ends[rows[0]].query_id if rows else linked
    to_address(query=picked)
    for difference in ends:
        if difference.query_id == picked:
            _both(report, difference, one, two)


def _both(report: EvaluationReport, difference: Difference, one: str, two: str) -> None:
    shown = report.shown[difference.query_id]
    st.markdown(f"**{plain(shown.query)}**")
    for column, name in zip(st.columns(2), (one, two), strict=True):
        system = next(system for system in report.systems if system.name == name)
        with column:
            st.markdown(f"**{plain(name)}**")
            for place, (id_, _) in enumerate(system.rankings.get(difference.query_id, []), 1):
                grade = shown.grades.get(id_)
                told = "unjudged" if grade is None else f"grade {grade}"
                mark = ":material/check_circle: " if (grade or 0) > 0 else ""
                with st.container(border=True):
                    st.markdown(f"{mark}{place}. {told}")
                    st.text(shortened(report.passages_shown.get(id_, ""), 300))


def measure_form(here: Here) -> None:
    """Measure a model again: on the kept-aside queries, or on a collection of one's own."""
    from distiller.pipeline import Plan

    models = list(reversed(here.store.models(here.project.id)))
    folders = {path.name: path for path in kept(here.settings.workspace)}
    names = {model.id: model for model in models}
    if not models:
        st.caption("There is no trained model yet; without one, BM25 and the start model compare.")
    model_id = st.selectbox(
        "Model",
        list(names),
        key=here.key("measure", "model"),
        format_func=lambda id_: names[id_].path.rsplit("/", 1)[-1] if id_ in names else "?",
    )
    where = st.selectbox(
        "On",
        ["", *folders],
        key=here.key("measure", "collection"),
        format_func=lambda name: name or "the kept-aside queries only",
    )
    if st.button("Measure", icon=":material/straighten:", disabled=not (models or where)):
        model = names.get(model_id)
        plan = Plan(
            model=model.id if model else None,
            base=model.base if model else "tiny",
            collection=folders.get(where),
        )
        launch(here, ["evaluate"], plan, "Measuring has begun")
    st.markdown("**A collection of your own**")
    st.caption(
        "Queries with passages that people judged: a zip of corpus.jsonl, queries.jsonl and "
        "qrels/test.tsv (the BEIR layout). It says more than queries that a model wrote."
    )
    given = st.file_uploader("Zip file", type=["zip"], key=here.key("zip"))
    name = st.text_input("Its name", max_chars=60, key=here.key("zip", "name"))
    if given is not None and st.button("Keep it"):
        with failing(), st.spinner("Reading it"):
            collection = keep(here.settings.workspace, name, given)
            notice(f"{len(collection.queries):,} queries, {len(collection.corpus):,} passages kept")
            st.rerun()
    if folders:
        gone = st.selectbox("Remove", list(folders), index=None, key=here.key("zip", "remove"))
        if gone in folders and st.button(f"Remove {plain(gone)} for good"):
            with failing():
                remove(here.settings.workspace, gone)
                notice("The collection was removed")
                st.rerun()
