"""Many pairs at a time: a page of a table, and decisions about the selection or all of them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from distiller.review import PairFilter, PairRow, decide_all_pairs, decide_pairs
from distiller.schema.examples import Passage, Query
from distiller.ui.everything import everything, undo_button
from distiller.ui.found import found_words
from distiller.ui.paging import chosen_order, page_number, page_size
from distiller.ui.passages_card import hides_judge
from distiller.ui.passages_words import STRATEGY_NAMES
from distiller.ui.shell import Here
from distiller.ui.state import failing, from_address, notice, to_address
from distiller.ui.text import shortened

ORDERS = {"Likely mistakes first": True, "Oldest first": False}
_LABELS = {"agree": "Agree with the writer's grade", "reject": "Reject the passage"}


_WIDTHS = [
    ("Query", 140),
    ("Passage", 150),
    ("How it was made", 120),
    ("Writer", 60),
    ("Judge", 60),
    ("Reviewer", 75),
    ("Found", 80),
    ("State", 75),
]
"""In pixels."""


@st.fragment
def table(here: Here, wanted: PairFilter) -> None:
    """The pairs that the filter finds, a page at a time."""
    total = here.store.count_pairs(here.project.id, wanted)
    if not total:
        st.info(
            "No passage is like that. Change the filters above.", icon=":material/filter_alt_off:"
        )
        return
    rows = _page(here, wanted, total)
    queries, passages = _texts(here, rows)
    shown = hash(tuple(rows))
    picked = st.dataframe(
        _frame(here, rows, queries, passages),
        key=here.key("table", shown),
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        placeholder="",
        # Narrow enough that the grades are in sight at 1280 pixels.
        column_config={name: st.column_config.Column(width=width) for name, width in _WIDTHS},
    )
    numbers = picked["selection"]["rows"]
    chosen = [rows[number] for number in numbers if 0 <= number < len(rows)]
    _selection(here, chosen)

    def decide(action: str, reason: str, told: int) -> None:
        decide_all_pairs(
            here.store,
            here.project.id,
            wanted,
            action,
            who=here.who,
            expected=told,
            reason=reason,
        )

    everything(here, "pairs", total, "passages", _LABELS, decide)
    _one(here, rows, queries, passages)


def _page(here: Here, wanted: PairFilter, total: int) -> list[PairRow]:
    first, second, third = st.columns(3, vertical_alignment="bottom")
    with first:
        order = chosen_order(here, "pairs", list(ORDERS))
    with second:
        size = page_size(here, "pairs")
    with third:
        number = page_number(here, "pairs", total, size)
    st.caption(f"{total:,} passages, each beside its query. Grades run from 0 to 3.")
    return here.store.pairs(
        here.project.id,
        wanted,
        suspects_first=ORDERS[order],
        limit=size,
        offset=(number - 1) * size,
    )


def _texts(here: Here, rows: list[PairRow]) -> tuple[dict[str, str], dict[str, Passage]]:
    store, project = here.store, here.project.id
    queries = store.items(project, Query, ids={row.query_id for row in rows})
    passages = store.items(project, Passage, ids={row.passage_id for row in rows})
    return {q.id: q.query for q in queries}, {p.id: p for p in passages}


def _frame(
    here: Here, rows: list[PairRow], queries: dict[str, str], passages: dict[str, Passage]
) -> pd.DataFrame:
    hidden = hides_judge(here)
    pairs = [(row.passage_id, row.query_id) for row in rows]
    judged = [row.judge if row.decided or not hidden else None for row in rows]
    return pd.DataFrame(
        {
            "Query": [shortened(queries[row.query_id], 200) for row in rows],
            "Passage": [shortened(passages[row.passage_id].text, 300) for row in rows],
            "How it was made": [STRATEGY_NAMES[row.strategy] for row in rows],
            "Writer": pd.array([row.generator for row in rows], dtype="Int64"),
            "Judge": pd.array(judged, dtype="Int64"),
            "Reviewer": pd.array([row.reviewer for row in rows], dtype="Int64"),
            "Found": found_words(here, "passage", pairs),
            "State": [_state(row, passages[row.passage_id]) for row in rows],
        },
        index=[row.id for row in rows],
    )


def _state(row: PairRow, passage: Passage) -> str:
    if passage.status != "proposed":
        return str(passage.status)
    return "decided" if row.decided else "waiting"


def _selection(here: Here, chosen: list[PairRow]) -> None:
    """Decide about the selected rows, as they were shown."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen)} selected:**")
        for action, label in _LABELS.items():
            key = here.key("selected", action)
            if st.button(label, key=key, disabled=not chosen) and chosen:
                with failing():
                    decide_pairs(here.store, here.project.id, chosen, action, who=here.who)
                    notice(f"{len(chosen):,} passages: {label.lower()}")
                    st.rerun()
        undo_button(here, "pairs")


def _one(
    here: Here, rows: list[PairRow], queries: dict[str, str], passages: dict[str, Passage]
) -> None:
    """Every row without a mouse: choose it by its words, and go to its card."""
    by_id = {row.id: row for row in rows}
    ids = list(by_id)
    asked = from_address("item", ids)

    def words(id_: str) -> str:
        row = by_id.get(id_)
        if row is None:
            return ""
        text = shortened(passages[row.passage_id].text, 60)
        return f"{shortened(queries[row.query_id], 50)}: {text}"

    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Open one passage",
            ids,
            index=ids.index(asked) if asked else None,
            format_func=words,
            key=here.key("open", hash(tuple(ids))),
            placeholder="choose by its words",
        )
        to_address(item=chosen if chosen in by_id else None)
        if st.button("Look at it", key=here.key("open it")) and chosen in by_id:
            st.session_state[here.key("at")] = chosen
            st.session_state[here.key("go to focus")] = True
            st.rerun()
