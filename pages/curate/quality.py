"""See what is wrong with the data, and have it mended."""

import streamlit as st

from distiller.schema.examples import Query
from distiller.ui.navigation import path_of
from distiller.ui.quality import quality_panel
from distiller.ui.shell import guard

here = guard("Quality")
if not here.store.count(here.project.id, Query):
    st.info(
        "There is nothing to check yet: no query is written.",
        icon=":material/fact_check:",
    )
    st.page_link(path_of("Domain"), label="Have some written, or import your own")
    st.stop()

quality_panel(here)
