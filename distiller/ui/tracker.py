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
    passages = sum(counts["passage"].values())
    models, reports = store.outcomes(project.id)
    decided = sum(queries.values()) - queries["proposed"]
    lines = [
        ("Knowledge", f"{sum(concepts.values()):,} concepts"),
        ("Queries", f"{decided:,} of {sum(queries.values()):,} decided"),
        ("Passages", f"{passages:,} passages"),
        ("Training", f"{models:,} {'model' if models == 1 else 'models'}"),
        ("Evaluation", f"{reports:,} {'report' if reports == 1 else 'reports'}"),
    ]
    st.caption("How far this project is")
    st.markdown("\n".join(f"- {name}: **{text}**" for name, text in lines))
    ahead = [
        (not sum(queries.values()), *_WRITTEN[bool(sum(concepts.values()))]),
        (bool(queries["proposed"]), "Queries", f"review {queries['proposed']:,} queries"),
        (not passages, "Domain", "have passages written"),
        (not models, "Training", "train a model"),
        (not reports, "Evaluation", "measure the model"),
        (True, "Evaluation", "see whether it searches better"),
    ]
    _, page, words = next(step for step in ahead if step[0])
    st.page_link(path_of(page), label=f"Next: {words}", icon=":material/arrow_forward:")


_WRITTEN = {
    False: ("Domain", "have the knowledge base written"),
    True: ("Domain", "have queries written"),
}
"""Whether there are concepts → what comes next where there are no queries."""
