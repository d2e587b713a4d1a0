"""See whether the trained model searches better, and where it does not."""

import streamlit as st

from distiller.ui.evaluation import (
    charts,
    choose_report,
    measure_form,
    sliced,
    summary,
    wins_and_losses,
)
from distiller.ui.jobs import job_progress
from distiller.ui.navigation import path_of
from distiller.ui.shell import guard

here = guard("Evaluation")
st.markdown(
    "Each model ranks the same passages for the same queries. **BM25** is the classic search by "
    "shared words; the **start model** is what training began from; **tuned** is yours."
)
for job in here.store.jobs(here.project.id, active=True):
    if job.kind in {"train", "evaluate"}:
        job_progress(here, job)
reports = here.store.reports(here.project.id)
if reports:
    report = choose_report(here, reports)
    if report.collection.startswith(("test", "held-out")) or "split" in report.collection:
        st.info(
            "These queries were kept aside from training, but a language model wrote most of them. "
            "A collection that people judged says more about real searches.",
            icon=":material/info:",
        )
    summary(here, report)
    charts(here, report)
    sliced(report)
    wins_and_losses(here, report)
else:
    st.info(
        "Nothing is measured yet. Training measures its model by itself when it ends.",
        icon=":material/insights:",
    )
    st.page_link(path_of("Training"), label="Train a model")
with st.expander("Measure again, or bring a collection", expanded=not reports):
    measure_form(here)
