"""What the field is about: concepts and what surrounds them, in tables and as a graph."""

import streamlit as st

from distiller.ui.concept_graph import concept_graph
from distiller.ui.knowledge import KINDS, knowledge_table
from distiller.ui.shell import guard
from distiller.ui.state import from_address, to_address

VIEWS = [*KINDS, "Graph"]

here = guard("Knowledge")
st.markdown(
    "Queries and passages are written from this. What is wrong here, goes wrong everywhere."
)
key = here.key("knowledge")
if key not in st.session_state:
    st.session_state[key] = from_address("view", VIEWS) or VIEWS[0]
view = st.radio(
    "View",
    VIEWS,
    key=key,
    horizontal=True,
    label_visibility="collapsed",
    # What narrows one kind down says nothing about another.
    on_change=lambda: to_address(item=None, text=None, status=None, page=None),
)
view = view if view in VIEWS else VIEWS[0]
to_address(view=view)
if view == "Graph":
    concept_graph(here)
else:
    knowledge_table(here, KINDS[view], view)
