"""Decide about queries: one at a time, many at a time, and where some are missing."""

import streamlit as st

from distiller.schema.examples import Query
from distiller.ui.filters import query_filter
from distiller.ui.found import queue_order
from distiller.ui.navigation import path_of
from distiller.ui.queries_alike import alike
from distiller.ui.queries_coverage import coverage_map
from distiller.ui.queries_focus import focus
from distiller.ui.queries_table import table
from distiller.ui.shell import guard
from distiller.ui.state import from_address, to_address

MODES = ["Focus", "Table", "Coverage", "Alike"]

here = guard("Queries")
if not here.store.count(here.project.id, Query):
    st.info(
        "No query is written yet. Queries are what people of your field type into a search box.",
        icon=":material/search:",
    )
    st.page_link(path_of("Domain"), label="Have them written, or import your own")
    st.stop()

key = here.key("mode")
if key not in st.session_state:
    linked = "Table" if from_address("item") else "Focus"
    st.session_state[key] = from_address("mode", MODES) or linked
mode = st.radio("View", MODES, key=key, horizontal=True, label_visibility="collapsed")
mode = mode if mode in MODES else "Focus"
to_address(mode=mode)

if mode == "Coverage":
    coverage_map(here)
elif mode == "Alike":
    alike(here)
else:
    with st.expander("Filters", expanded=mode == "Table"):
        wanted = query_filter(here)
        if mode == "Focus":
            order = queue_order(here)
    if mode == "Focus":
        focus(here, wanted, order)
    else:
        table(here, wanted)
