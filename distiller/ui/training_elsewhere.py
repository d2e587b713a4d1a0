"""The same training on another computer: its data, its command, and its model back."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from distiller import __version__
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import DistillerError, InputError
from distiller.schema.jobs import Job
from distiller.schema.retrieval import TrainedModel
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain

if TYPE_CHECKING:
    from distiller.pipeline import Errand, Plan

MEASURABLE = ("tiny",)
"""Start models that are here wherever this runs; hub names may be."""


def elsewhere(here: Here, snapshot: DatasetSnapshot, plan: Plan) -> None:
    """What to take to another computer, what to run there, and what to bring back."""
    from distiller.pipeline import errand

    with st.expander("Run it on another computer", icon=":material/computer:"):
        st.markdown(
            "Where a faster computer is at hand, such as one with a graphics card: with Domain "
            f"Distiller {plain(__version__)} it makes the model that this one would make."
        )
        try:
            found = errand(here.project, here.settings, plan, snapshot)
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        _take(here, snapshot, found)
        _bring(here, found)


def elsewhere_of(here: Here, job: Job) -> None:
    """The same for a job that waits or runs."""
    from distiller.pipeline import Plan

    plan = Plan.model_validate(job.parameters["plan"])
    known = here.store.snapshots(here.project.id, examples=False)
    for snapshot in known:
        if plan.snapshot in (snapshot.id, snapshot.content_hash):
            elsewhere(here, snapshot, plan)


def _take(here: Here, snapshot: DatasetSnapshot, found: Errand) -> None:
    from distiller.pipeline import packed_data

    store, id_ = here.store, snapshot.id
    st.markdown("**1. Take the data there**")
    st.download_button(
        "Download the data",
        data=lambda: packed_data(store.snapshot(id_)),
        file_name=found.file,
        mime="application/gzip",
        icon=":material/download:",
        on_click="ignore",
        key=here.key("elsewhere", "data"),
        help="The frozen queries and passages with their grades, weights, scores and split.",
    )
    if found.brings:
        st.caption(plain(f"Take these folders along, beside the file: {', '.join(found.brings)}"))
    st.markdown("**2. Run this there, in the folder of the file**")
    if found.warning:
        st.warning(plain(found.warning), icon=":material/warning:")
    st.code(found.command, language=None, wrap_lines=True)


def _bring(here: Here, found: Errand) -> None:
    limit = int(st.get_option("server.maxUploadSize"))
    models, _ = here.store.outcomes(here.project.id)
    st.markdown(f"**3. Bring {plain(found.result)} back**")
    given = st.file_uploader(
        f"The zip that the command leaves there, up to {limit} MB",
        type=["zip"],
        key=here.key("elsewhere", "zip", models),  # empty again once a model was kept
    )
    if st.button("Check and keep the model", disabled=given is None) and given is not None:
        from distiller.train.incoming import import_model

        with failing(), st.spinner("Checking it"):
            kept = import_model(here.store, here.project, here.settings.workspace, given)
            if kept.new:
                _measure(here, kept.model)
            notice("The model is kept" if kept.new else "That model is here already")
            st.rerun()
    st.caption("A larger one is brought in a terminal of this computer:")
    command = ["distiller", "import-model", found.result, "--project", here.project.name]
    command += ["--workspace", str(here.settings.workspace.absolute())]
    st.code(shlex.join(command), language=None, wrap_lines=True)


def _measure(here: Here, model: TrainedModel) -> None:
    """As a training here does when it ends; where it cannot be now, Evaluation offers it."""
    from distiller.jobs import submit
    from distiller.pipeline import Plan

    if model.base in MEASURABLE or "/" in model.base:
        with suppress(DistillerError):
            plan = Plan(model=model.id, base=model.base)
            submit(here.store, here.settings, here.project.id, ["evaluate"], plan)
