"""See whether the trained model searches better, and where it does not."""

import streamlit as st

from distiller.ui.evaluation import choose_measure, choose_report, measures_table, verdicts, work
from distiller.ui.evaluation_begin import measure_form, own_collections
from distiller.ui.evaluation_charts import charts, sliced
from distiller.ui.evaluation_queries import wins_and_losses
from distiller.ui.navigation import path_of
from distiller.ui.shell import guard

here = guard("Evaluation")
st.markdown(
    "Each model ranks the same passages for the same queries. **bm25** is the classic search by "
    "shared words, **tuned** is the model that you trained, the other one is the start model that "
    "its training began from."
)
reports = here.store.reports(here.project.id)
work(here, reports)
if reports:
    report = choose_report(here, reports)
    verdicts(report)
    measures_table(report)
    measure = choose_measure(here)
    charts(here, report, measure)
    sliced(report, measure)
    wins_and_losses(here, report, measure)
else:
    st.info(
        "Nothing is measured yet. A measurement shows whether your model ranks the right passages "
        "higher than a classic search does. Training measures its model by itself when it ends.",
        icon=":material/insights:",
    )
    st.page_link(path_of("Training"), label="Train a model", icon=":material/arrow_forward:")
with st.expander("Measure again" if reports else "Measure", expanded=not reports):
    measure_form(here, first=not reports)
with st.expander("Collections of your own"):
    own_collections(here)
