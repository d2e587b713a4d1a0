"""Train a search model on what was approved, and watch it learn."""

import streamlit as st

from distiller.ui.navigation import path_of
from distiller.ui.shell import guard
from distiller.ui.training import has_queries, readiness, watch
from distiller.ui.training_elsewhere import elsewhere_of
from distiller.ui.training_history import history, trainings
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
active = [job for job in here.store.jobs(here.project.id, kind="train") if job.active]
if active:
    watch(here, active[-1].id)
    elsewhere_of(here, active[-1])
else:
    st.subheader("Is there enough to learn from?")
    snapshot = readiness(here)
    if snapshot:
        st.subheader("How shall it be trained?")
        start(here, snapshot)
ended = trainings(here)
if ended:
    if here.store.reports(here.project.id):
        st.page_link(path_of("Evaluation"), label="See whether it searches better")
    history(here, ended)
