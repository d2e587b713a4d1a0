"""Queries that say the same in nearly the same words, side by side."""

from __future__ import annotations

import streamlit as st

from distiller.quality.duplicates import QUERY_SHINGLE, near_duplicates, shingles
from distiller.quality.texts import similarity
from distiller.review import decide, undo_last
from distiller.schema.base import Status
from distiller.schema.examples import Query
from distiller.store import Store
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain

SHOWN = 10


@st.cache_data(max_entries=8, show_spinner="Looking for queries that say the same")
def _pairs(
    database: str, project_id: str, revision: str, _store: Store
) -> list[tuple[str, str, float]]:
    rows = _store.values(project_id, Query, ["id", "query", "status"])
    texts = {id_: text for id_, text, status in rows if status != Status.REJECTED}
    cut = {id_: shingles(text, QUERY_SHINGLE) for id_, text in texts.items()}
    found = [
        (one, two, similarity(cut[one], cut[two]))
        for one, two in near_duplicates(texts, QUERY_SHINGLE)
    ]
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


def alike(here: Here) -> None:
    """Pairs, the likest first; either one, or none of the two, can be rejected."""
    counts = here.store.counts(here.project.id)["query"]
    revision = f"{here.store.revision(here.project.id)}/{counts}"
    pairs = _pairs(here.settings.database, here.project.id, revision, here.store)
    st.markdown(
        f"{len(pairs):,} pairs of queries share at least four fifths of their words. "
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
            st.caption(f"{share:.0%} of their words are the same")
            for column, id_ in zip(st.columns(2), (one, two), strict=True):
                with column:
                    _side(here, items[id_], f"{one}/{two}")
    if len(pairs) > SHOWN:
        st.caption(f"{len(pairs) - SHOWN:,} more follow once these are decided.")


def _side(here: Here, query: Query, pair: str) -> None:
    st.text(query.query)
    st.caption(plain(f"{query.type}, {query.complexity}, {query.status}"))
    if st.button("Reject this one", key=here.key("alike", pair, query.id)):
        with failing():
            decide(here.store, here.project.id, query, "reject", who=here.who, reason="duplicate")
            notice("Rejected as a duplicate")
            st.rerun()
