"""Query by query: where one model wins, where it loses, and what both put first."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from distiller.evaluate.reading import Difference, Ranked, both_ends, differences, missed, ranking
from distiller.schema.retrieval import EvaluationReport
from distiller.ui.evaluation import MEASURES
from distiller.ui.shell import Here
from distiller.ui.state import from_address, to_address
from distiller.ui.text import plain, shortened, told_apart

ROWS = 200
"""Gains and losses shown in the table at most."""
_TEXT = 400


def wins_and_losses(here: Here, report: EvaluationReport, measure: str) -> None:
    """Queries on which two systems differ; a chosen one shows both rankings."""
    names = [system.name for system in report.systems]
    st.subheader("Query by query")
    if not report.shown:
        st.caption("This report was written before rankings were kept; measure again to see them.")
        return
    left, right = st.columns(2)
    first = left.selectbox("Compare", names, index=0, key=here.key("one", report.id))
    second = right.selectbox("with", names, index=len(names) - 1, key=here.key("two", report.id))
    one = first if first in names else names[0]
    two = second if second in names else names[-1]
    found = differences(report, one, two, measure)
    if not found:
        st.caption("This measure is not defined for these queries.")
        return
    won = sum(difference.value > 0 for difference in found)
    lost = sum(difference.value < 0 for difference in found)
    st.markdown(
        plain(
            f"{two} ranks better than {one} on {won:,} queries, worse on {lost:,}, equally on "
            f"{len(found) - won - lost:,}."
        )
        + " Choose a query to see both rankings."
    )
    picked = _pick(here, report, both_ends(found, ROWS), found, (one, two), measure)
    if picked is not None:
        _both(report, picked, one, two, measure)


def _pick(
    here: Here,
    report: EvaluationReport,
    rows: list[Difference],
    found: list[Difference],
    pair: tuple[str, str],
    measure: str,
) -> Difference | None:
    """A table to choose from by mouse, and the same choice by keyboard."""
    by_id = {difference.query_id: difference for difference in found}
    shown = [difference.query_id for difference in rows]
    linked = from_address("query", by_id)
    if linked and linked not in shown:
        shown.append(linked)
    table_key = here.key("rows", report.id, *pair, measure)
    open_key = here.key("open", report.id, *pair, measure)
    if st.session_state.get(open_key) not in shown:
        st.session_state[open_key] = linked

    def from_table() -> None:
        selected = st.session_state[table_key]["selection"]["rows"]
        known = [row for row in selected if isinstance(row, int) and 0 <= row < len(rows)]
        st.session_state[open_key] = rows[known[0]].query_id if known else None

    labels = told_apart(list(dict.fromkeys(pair)), "Query", "Difference")
    title = MEASURES[measure][0]
    frame = pd.DataFrame(
        {
            "Query": [shortened(difference.query, 300) for difference in rows],
            labels[pair[0]]: [round(100 * difference.baseline, 1) for difference in rows],
            labels[pair[1]]: [round(100 * difference.other, 1) for difference in rows],
            "Difference": [round(100 * difference.value, 1) for difference in rows],
        }
    )
    left_out = len(found) - len(rows)
    st.caption(
        f"{title}, points of 100: greatest gains first, greatest losses last"
        + (f"; {left_out:,} in between are left out." if left_out else ".")
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=min(320, 38 * (len(rows) + 1)),
        on_select=from_table,
        selection_mode="single-row",
        key=table_key,
        column_config={"Query": st.column_config.TextColumn(width="large")},
    )
    chosen = st.selectbox(
        "Open one query",
        shown,
        key=open_key,
        format_func=lambda id_: shortened(by_id[id_].query) if id_ in by_id else "?",
        index=None,
        placeholder="choose by its words, or click its row above",
    )
    chosen = chosen if chosen in by_id else None
    to_address(query=chosen)
    return by_id[chosen] if chosen else None


def _both(
    report: EvaluationReport, difference: Difference, one: str, two: str, measure: str
) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(difference.query)}**")
        sides = [(one, difference.baseline), (two, difference.other)]
        for column, (name, value) in zip(st.columns(2), sides, strict=True):
            with column:
                st.markdown(f"**{plain(name)}**: {MEASURES[measure][0]} {100 * value:.1f}")
                _ranking(ranking(report, name, difference.query_id))
        unseen = missed(report, [one, two], difference.query_id)
        if unseen:
            st.markdown("**Right passages that neither has among its first ten**")
            for id_, grade in unseen:
                st.caption(f"relevant, grade {grade}")
                st.text(shortened(report.passages_shown.get(id_, ""), _TEXT))


def _ranking(passages: list[Ranked] | None) -> None:
    if passages is None:
        st.caption(
            "Its rankings were not kept: a report keeps those of the queries on which models "
            "differ most."
        )
        return
    if not passages:
        st.caption("Nothing was found.")
    for passage in passages:
        with st.container(border=True):
            st.markdown(f"**{passage.place}.** {_judged(passage.grade)}")
            st.text(shortened(passage.text, _TEXT) or "(no text)")
            st.caption(plain(f"{passage.passage_id}, score {passage.score:.2f}"))


def _judged(grade: int | None) -> str:
    if grade is None:
        return ":material/help: not judged by anybody, counts as wrong"
    if grade > 0:
        return f":material/check_circle: relevant, grade {grade}"
    return ":material/cancel: not relevant, grade 0"
