"""Train a search model on what was approved, and watch it learn."""

import streamlit as st

from distiller.ui.navigation import path_of
from distiller.ui.shell import guard
from distiller.ui.training import has_queries, history, readiness, watch
from distiller.ui.training_start import start

here = guard("Training")
st.markdown(
    "A search model learns from your queries: to rank the passage that answers above **hard "
    "negatives**, passages that only seem to answer. Queries kept aside show whether it helped."
)
if not has_queries(here):
    st.info("There are no queries to learn from yet.", icon=":material/model_training:")
    st.page_link(path_of("Domain"), label="Have them written, or import your own")
    st.stop()
runs = list(reversed(here.store.jobs(here.project.id, kind="train")))
active = [job for job in runs if job.active]
if active:
    watch(here, active[0].id)
else:
    st.subheader("Is there enough to learn from?")
    snapshot = readiness(here)
    if snapshot:
        st.subheader("How shall it be trained?")
        start(here, snapshot)
ended = [job for job in runs if not job.active]
if ended:
    if ended[0].result.get("reports"):
        st.page_link(path_of("Evaluation"), label="See whether it searches better")
    history(here, ended)
