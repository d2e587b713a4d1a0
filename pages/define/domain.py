"""The field in words, and what having it written would take."""

import streamlit as st

from distiller.dataset import open_example
from distiller.ui.documents import documents
from distiller.ui.domain import edit_project, forecast_table, launch_form, new_project, upload
from distiller.ui.jobs import job_progress
from distiller.ui.shell import lobby, switch_to
from distiller.ui.state import failing, notice

place = lobby("Domain")
here = place.here

if here is None:
    st.markdown(
        "Describe a field in words. A language model writes its knowledge, the queries that its "
        "people type and passages that answer them; you decide what is right; a search model "
        "learns from it, and you see whether it searches better."
    )

with st.container(border=True):
    st.markdown(
        "**New here?** The example is finished: tenancy law, 120 queries, some of them flawed."
    )
    if st.button("Open the example", type="secondary" if here else "primary"):
        with failing():
            switch_to(open_example(place.store))
            notice("The example is open. Review a few of its queries")
            st.rerun()

if here is None:
    st.subheader("Or describe your own field")
    new_project(place.store)
else:
    active = here.store.jobs(here.project.id, active=True)
    for job in active:
        job_progress(here, job)
    described, cost, files, another = st.tabs(
        ["This field", "Time and cost", "Files and documents", "New project"]
    )
    with described:
        edit_project(here)
    with cost:
        st.markdown("What it takes to have everything written, before anything is spent.")
        plan = forecast_table(here, place.settings)
        if plan and not active:
            launch_form(here, plan)
    with files:
        documents(here)
        st.divider()
        upload(place.store, here.project, here.key("upload"))
    with another:
        new_project(place.store)
