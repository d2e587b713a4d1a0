"""Queries that say the same in nearly the same words, side by side."""

from __future__ import annotations

import streamlit as st

from distiller.review import alike_queries, decide, undo_last
from distiller.schema.examples import Query
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain

SHOWN = 10


@st.cache_data(max_entries=8, show_spinner="Looking for queries that say the same")
def _pairs(
    database: str, project_id: str, revision: str, _here: Here
) -> list[tuple[str, str, float]]:
    return alike_queries(_here.store, _here.project)


def alike(here: Here) -> None:
    """Pairs, the likest first; one can be kept for both, either one rejected, or none."""
    counts = here.store.counts(here.project.id)["query"]
    revision = f"{here.store.revision(here.project.id)}/{counts}"
    pairs = _pairs(here.settings.database, here.project.id, revision, here)
    st.markdown(
        f"{len(pairs):,} pairs of queries ask the same in nearly the same words. "
        "Duplicates teach nothing new, and they can leak from training into the test."
    )
    with st.container(horizontal=True):
        if st.button("Undo my last step", icon=":material/undo:", key=here.key("alike", "undo")):
            with failing():
                notice(undo_last(here.store, here.project.id, here.who).words)
                st.rerun()
    shown = pairs[:SHOWN]
    ids = {id_ for pair in shown for id_ in pair[:2]}
    items = {item.id: item for item in here.store.items(here.project.id, Query, ids=ids)}
    for one, two, share in shown:
        with st.container(border=True):
            st.caption(f"{share:.0%} of their content words are the same")
            left, right = st.columns(2)
            with left:
                _side(here, items[one], items[two], f"{one}/{two}")
            with right:
                _side(here, items[two], items[one], f"{one}/{two}")
    if len(pairs) > SHOWN:
        st.caption(f"{len(pairs) - SHOWN:,} more follow once these are decided.")


def _side(here: Here, query: Query, other: Query, pair: str) -> None:
    st.text(query.query)
    st.caption(plain(f"{query.type}, {query.complexity}, {query.status}"))
    with st.container(horizontal=True):
        kept = st.button(
            "Keep this one",
            key=here.key("alike", pair, query.id, "keep"),
            icon=":material/merge:",
            help="The other one is rejected, and its passages go to this one.",
        )
        gone = st.button("Reject this one", key=here.key("alike", pair, query.id))
    with failing():
        if kept:
            _merge(here, other, query)
        elif gone:
            decide(here.store, here.project.id, query, "reject", who=here.who, reason="duplicate")
            notice("Rejected as a duplicate")
            st.rerun()


def _merge(here: Here, gone: Query, kept: Query) -> None:
    from distiller.generate import merge

    done = merge(here.store, here.project, gone, kept, who=here.who, reason="duplicate")
    notice("The two are one now" if done else "The other one is not in use any more")
    st.rerun()
