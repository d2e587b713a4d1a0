"""How far a project is, and the one thing to do next."""

from __future__ import annotations

import streamlit as st

from distiller.schema.domain import Project
from distiller.store import Store
from distiller.ui.navigation import path_of


def tracker(store: Store, project: Project) -> None:
    """Counts of the stages and a link to what comes next."""
    counts = store.counts(project.id)
    concepts, queries = counts["concept"], counts["query"]
    decided = sum(queries.values()) - queries["proposed"]
    lines = [
        ("Knowledge", f"{sum(concepts.values()):,} concepts"),
        ("Queries", f"{decided:,} of {sum(queries.values()):,} decided"),
        ("Passages", f"{sum(counts['passage'].values()):,} passages"),
    ]
    st.caption("How far this project is")
    st.markdown("\n".join(f"- {name}: **{text}**" for name, text in lines))
    page, words = _next(sum(concepts.values()), sum(queries.values()), queries["proposed"])
    st.page_link(path_of(page), label=f"Next: {words}", icon=":material/arrow_forward:")


def _next(concepts: int, queries: int, waiting: int) -> tuple[str, str]:
    if not concepts and not queries:
        return "Domain", "have the knowledge base written"
    if not queries:
        return "Domain", "have queries written"
    if waiting:
        return "Queries", f"review {waiting:,} queries"
    return "Training", "train a model"
