"""Many queries at a time: a page of a table, and decisions about the selection or all of them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from distiller.review import ACTIONS, QueryFilter, decide_all
from distiller.schema.examples import Query
from distiller.ui.everything import everything, undo_button
from distiller.ui.found import found_words
from distiller.ui.paging import chosen_order, page_number, page_size
from distiller.ui.queries_edit import edit_form, history
from distiller.ui.queries_sheet import sheet
from distiller.ui.shell import Here
from distiller.ui.state import failing, from_address, notice, to_address
from distiller.ui.text import plain, shortened

ORDERS = {
    "Oldest first": ("position", False),
    "Newest first": ("position", True),
    "Words, A to Z": ("query", False),
    "Type": ("type", False),
    "Complexity": ("complexity", False),
    "Status": ("status", False),
}
WIDTHS = {
    "Query": 320,
    "Status": 100,
    "Found": 110,
    "Type": 110,
    "Complexity": 100,
    "Concepts": 130,
}
"""In pixels."""
_LABELS = {"approve": "Approve", "reject": "Reject", "flag": "Flag", "reset": "Set back"}


@st.fragment
def table(here: Here, wanted: QueryFilter) -> None:
    """The queries that the filter finds, a page at a time."""
    total = here.store.count(here.project.id, Query, **wanted.arguments())
    if not total:
        st.info(
            "No query is like that. Change the filters above.", icon=":material/filter_alt_off:"
        )
        return
    rows = _page(here, wanted, total)
    editing = st.toggle(
        "Edit in the table",
        key=here.key("in place"),
        help="Change words, status, type, complexity and concepts in their cells; every change is "
        "kept at once and can be undone. Without it, rows can be selected.",
    )
    if editing:
        sheet(here, rows)
        undo_button(here, "queries")
    else:
        _selection(here, _picked(here, rows))

    def decide(action: str, reason: str, told: int) -> None:
        decide_all(
            here.store,
            here.project.id,
            wanted,
            action,
            who=here.who,
            expected=told,
            reason=reason,
        )

    everything(here, "queries", total, "queries", _LABELS, decide)
    _one(here, rows)


def _picked(here: Here, rows: list[Query]) -> list[Query]:
    """The rows in a grid; those that are selected."""
    frame = pd.DataFrame(
        {
            "Query": [shortened(row.query, 300) for row in rows],
            "Status": [f"{row.status}{', stale' if row.stale else ''}" for row in rows],
            "Found": found_words(here, "query", [(row.id, row.id) for row in rows]),
            "Type": [row.type.replace("_", " ") for row in rows],
            "Complexity": [str(row.complexity) for row in rows],
            "Concepts": [", ".join(row.key_concepts) for row in rows],
        },
        index=[row.id for row in rows],
    )
    shown = hash(tuple((row.id, row.version) for row in rows))
    picked = st.dataframe(
        frame,
        key=here.key("table", shown),
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        # Narrow enough that all columns are in sight at 1280 pixels.
        column_config={
            name: st.column_config.Column(width=width) for name, width in WIDTHS.items()
        },
    )
    numbers = picked["selection"]["rows"]
    return [rows[number] for number in numbers if 0 <= number < len(rows)]


def _page(here: Here, wanted: QueryFilter, total: int) -> list[Query]:
    first, second, third = st.columns(3, vertical_alignment="bottom")
    with first:
        column, descending = ORDERS[chosen_order(here, "queries", list(ORDERS))]
    with second:
        size = page_size(here, "queries")
    with third:
        number = page_number(here, "queries", total, size)
    st.caption(f"{total:,} queries")
    return here.store.items(
        here.project.id,
        Query,
        **wanted.arguments(),
        order=column,
        descending=descending,
        limit=size,
        offset=(number - 1) * size,
    )


def _selection(here: Here, chosen: list[Query]) -> None:
    """Decide about the selected rows, as they were shown."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen)} selected:**")
        for action, label in _LABELS.items():
            key = here.key("selected", action)
            if st.button(label, key=key, disabled=not chosen) and chosen:
                with failing():
                    here.store.set_status(
                        here.project.id,
                        Query,
                        [query.id for query in chosen],
                        ACTIONS[action],
                        who=here.who,
                        versions={query.id: query.version for query in chosen},
                    )
                    notice(f"{len(chosen):,} queries: {label.lower()}")
                    st.rerun()
        undo_button(here, "queries")


def _one(here: Here, rows: list[Query]) -> None:
    """Every row without a mouse: choose it by its words, change it, see its history."""
    asked = from_address("item")
    by_id = {row.id: row for row in rows}
    with failing():
        if asked and asked not in by_id:
            by_id[asked] = here.store.get(Query, asked, project_id=here.project.id)
    ids = list(by_id)
    if asked and asked not in by_id:
        to_address(item=None)
    chosen = st.selectbox(
        "Open one query",
        ids,
        index=ids.index(asked) if asked in by_id else None,
        format_func=lambda id_: shortened(by_id[id_].query) if id_ in by_id else "",
        key=here.key("open", hash(tuple(ids))),
        placeholder="choose by its words",
    )
    to_address(item=chosen)
    if chosen in by_id:
        with st.container(border=True):
            st.subheader(plain(by_id[chosen].query), anchor=False)
            edit_form(here, by_id[chosen])
            history(here, by_id[chosen])
    elif chosen:
        st.error("That query is not on this page; choose another.")
