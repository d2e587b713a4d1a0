"""Have one more hard negative written for a query."""

from __future__ import annotations

import streamlit as st

from distiller.ui.jobs import launch
from distiller.ui.shell import Here


def want_another(here: Here, query_id: str) -> None:
    """Ask for it in a callback; it is started when the page is drawn."""
    st.session_state[here.key("another")] = query_id


def start_another(here: Here) -> None:
    """Start what was asked for."""
    query_id = st.session_state.pop(here.key("another"), None)
    if query_id is None:
        return
    from distiller.pipeline import Plan

    words = "Another hard negative is being written; it comes at the end of the queue"
    launch(here, ["another_negative"], Plan(targets=[query_id]), words)
