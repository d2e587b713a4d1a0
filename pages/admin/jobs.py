"""Everything that runs or ran in this project."""

import streamlit as st

from distiller.jobs import ensure_worker, worker_alive
from distiller.ui.jobs import job_line, job_progress
from distiller.ui.shell import guard
from distiller.ui.state import failing, notice

SHOWN = 20

here = guard("Jobs")
st.markdown(
    "Writing, training and measuring go on without this page: you may close it, and come back."
)
jobs = here.store.jobs(here.project.id, limit=200)
active = [job for job in jobs if job.active]
if active and not worker_alive(here.store):
    st.warning("Work waits, and nobody does it: the worker is not running.")
    if st.button("Start the worker", type="primary"):
        with failing():
            ensure_worker(here.store, here.settings)
            notice("The worker is starting; it goes on with what was under way")
            st.rerun()
for job in active:
    job_progress(here, job)
ended = [job for job in reversed(jobs) if not job.active]
if not jobs:
    st.info("Nothing has been started yet. Begin on the page Domain.", icon=":material/history:")
elif ended:
    st.subheader("Before")
    for job in ended[:SHOWN]:
        st.caption(f"{job.created:%Y-%m-%d %H:%M} UTC")
        job_line(here.store, here.settings, job)
    if len(ended) > SHOWN:
        st.caption(f"{len(ended) - SHOWN:,} older ones are not shown.")
