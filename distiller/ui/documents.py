"""A team's own documents: bring them, see what came of them, find hard negatives in them."""

from __future__ import annotations

import streamlit as st

from distiller.schema.corpus import Document
from distiller.schema.examples import Query
from distiller.ui.jobs import launch
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain

KINDS = ["txt", "md", "html", "htm", "pdf", "docx", "csv", "tsv", "json", "jsonl"]
SHOWN = 200
"""Rows of the table; the newest."""


def documents(here: Here) -> None:
    """Upload documents, and list those that were read."""
    st.markdown("**Your own documents**")
    st.caption(
        "Text, Word, PDF, web pages and tables. They are cut into passages; queries are then "
        "written from those passages, and hard negatives are found among them. A model learns more "
        "from real passages than from invented ones."
    )
    known = here.store.documents(here.project.id, current=True)
    _upload(here, len(known))
    if known:
        _table(known)
        _mining(here)


def _upload(here: Here, known: int) -> None:
    given = st.file_uploader(
        "Documents to read",
        type=KINDS,
        accept_multiple_files=True,
        key=here.key("documents", known),
    )
    if not given or not st.button("Read them", type="primary", icon=":material/menu_book:"):
        return
    from distiller.jobs.documents import submit_documents

    with failing():
        files = {file.name: file.getvalue() for file in given}
        submit_documents(here.store, here.settings, here.project.id, files)
        notice("The documents are being read; you may close this page")
        st.rerun()


def _table(known: list[Document]) -> None:
    passages = sum(document.passages for document in known)
    unread = sum(bool(document.problem) for document in known)
    words = f"Documents: {len(known):,}, passages: {passages:,}"
    st.markdown(f"{words}, **{unread:,} could not be read**" if unread else words)
    newest = sorted(known, key=lambda document: (not document.problem, document.created))
    st.dataframe(
        [
            {
                "Document": document.name,
                "Passages": document.passages,
                "Left out as repeated": document.folded,
                "What is wrong, or was left out": document.problem or " ".join(document.notes),
            }
            for document in newest[:SHOWN]
        ],
        hide_index=True,
        column_config={
            "Left out as repeated": st.column_config.NumberColumn(
                help="Passages that stand in nearly the same words in another place: one is enough."
            )
        },
    )
    if len(known) > SHOWN:
        st.caption(plain(f"{len(known) - SHOWN:,} more are not shown."))


def _mining(here: Here) -> None:
    if not here.store.count(here.project.id, Query):
        return
    if st.button(
        "Find hard negatives in them",
        icon=":material/travel_explore:",
        help="For each query, passages that a search ranks high and that are not its answer. "
        "Passages as near to the query as its answer are left out, for they may answer it too.",
    ):
        from distiller.pipeline import Plan

        launch(here, ["mine"], Plan(), "Hard negatives are being looked for")
