"""Measure again, and bring collections of one's own."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from distiller.evaluate.kept import keep, kept, remove
from distiller.schema.retrieval import TrainedModel
from distiller.ui.jobs import launch
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain, shortened

NO_COLLECTION = ""


def measure_form(here: Here, *, first: bool) -> None:
    """Measure a model: on the queries kept aside, and on a collection of one's own."""
    models = {model.id: model for model in reversed(here.store.models(here.project.id))}
    folders = {path.name: path for path in kept(here.settings.workspace)}
    left, right = st.columns(2)
    with left:
        model_id = _choose_model(here, models)
    with right:
        where = st.selectbox(
            "On",
            [NO_COLLECTION, *folders] if models else list(folders),
            key=here.key("measure", "collection"),
            format_func=lambda name: name or "the queries kept aside",
            placeholder="no collection was brought yet",
        )
    if models:
        st.caption("The queries that were kept aside from training are always measured as well.")
    ready = bool(models) or where in folders
    if st.button(
        "Measure",
        icon=":material/straighten:",
        disabled=not ready,
        type="primary" if first and ready else "secondary",
        help=None if ready else "Train a model or bring a collection first.",
    ):
        _begin(here, models.get(model_id or ""), folders.get(where or NO_COLLECTION))


def _choose_model(here: Here, models: dict[str, TrainedModel]) -> str | None:
    if not models:
        st.caption("No model is trained yet: BM25 and the packaged start model are compared.")
        return None

    def words(id_: str) -> str:
        if id_ not in models:
            return "?"
        name = models[id_].path.rstrip("/").rsplit("/", 1)[-1]
        return f"{shortened(name, 60)}, {models[id_].created:%Y-%m-%d %H:%M} UTC"

    chosen: str | None = st.selectbox(
        "Model", list(models), key=here.key("measure", "model"), format_func=words
    )
    return chosen if chosen in models else next(iter(models))


def _begin(here: Here, model: TrainedModel | None, collection: Path | None) -> None:
    from distiller.pipeline import Plan

    if model is None:
        plan = Plan(collection=collection)
    else:
        plan = Plan(model=model.id, base=model.start, collection=collection)
    launch(here, ["evaluate"], plan, "Measuring has begun")


def own_collections(here: Here) -> None:
    """Bring a collection, see those that are there, remove one."""
    st.markdown(
        "A **collection** is passages, queries, and people's judgments which passage answers which "
        "query. It measures real searches, so it says more than queries that a model wrote."
    )
    given = st.file_uploader(
        "Zip file with corpus.jsonl, queries.jsonl and qrels/test.tsv (the layout of BEIR)",
        type=["zip"],
        key=here.key("zip"),
    )
    name = st.text_input("Its name", max_chars=60, key=here.key("zip", "name"))
    if st.button("Check and keep it", disabled=given is None) and given is not None:
        with failing(), st.spinner("Reading it"):
            found = keep(here.settings.workspace, name, given)
            notice(f"{len(found.queries):,} queries, {len(found.corpus):,} passages are kept")
            st.rerun()
    names = [path.name for path in kept(here.settings.workspace)]
    if not names:
        st.caption("None was brought yet.")
        return
    st.caption(plain(f"Kept: {', '.join(names)}"))
    gone = st.selectbox(
        "Remove", names, index=None, key=here.key("zip", "remove"), placeholder="choose one"
    )
    if gone in names and st.button(f"Remove {plain(gone)} for good"):
        with failing():
            remove(here.settings.workspace, gone)
            notice("The collection was removed; reports on it stay")
            st.rerun()
