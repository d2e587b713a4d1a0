"""Decide about passages: does each answer its query, as it was meant to or not?"""

import streamlit as st

from distiller.schema.examples import Judgment
from distiller.ui.found import queue_order
from distiller.ui.navigation import path_of
from distiller.ui.passages import focus
from distiller.ui.passages_filters import pair_filter
from distiller.ui.passages_table import table
from distiller.ui.passages_words import HARD_NEGATIVE
from distiller.ui.shell import guard
from distiller.ui.state import from_address, to_address

MODES = ["Focus", "Table"]

here = guard("Passages")
if not here.store.count(here.project.id, Judgment):
    st.info(
        "No passage is written yet. Passages are the texts that a search should find: for each "
        "query some that answer it, and hard negatives, which only look as if they did.",
        icon=":material/compare:",
    )
    st.page_link(path_of("Domain"), label="Have them written, or import your own")
    st.stop()

st.caption(HARD_NEGATIVE)
key = here.key("mode")
if key not in st.session_state:
    st.session_state[key] = from_address("mode", MODES) or "Focus"
if st.session_state.pop(here.key("go to focus"), False):
    st.session_state[key] = "Focus"
mode = st.radio("View", MODES, key=key, horizontal=True, label_visibility="collapsed")
mode = mode if mode in MODES else "Focus"
to_address(mode=mode)
with st.expander("Filters", expanded=mode == "Table"):
    wanted = pair_filter(here)
    if mode == "Focus":
        order = queue_order(here)
if mode == "Focus":
    focus(here, wanted, order)
else:
    table(here, wanted)
