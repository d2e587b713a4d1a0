"""Which concepts have queries, of which types, and which parts of the documents."""

from __future__ import annotations

import pandas as pd
import plotly.express as px
import streamlit as st

from distiller.packs.templates import template
from distiller.review import Coverage, coverage
from distiller.schema.base import Status
from distiller.schema.knowledge import Concept
from distiller.store import Store
from distiller.ui.jobs import job_progress, launch
from distiller.ui.shell import Here
from distiller.ui.state import failing
from distiller.ui.text import shortened

SHOWN = 40


@st.cache_data(max_entries=8, show_spinner=False)
def _counted(database: str, project_id: str, revision: str, _store: Store) -> Coverage:
    return coverage(_store, project_id)


@st.cache_data(max_entries=4, show_spinner=False)
def _topics(database: str, project_id: str, revision: str, _here: Here) -> pd.DataFrame:
    from distiller.generate import topics

    found = topics(_here.store, _here.project)
    return pd.DataFrame(
        {
            "Passages such as": [
                " · ".join(shortened(item.title or item.text, 70) for item in topic.examples)
                for topic in found
            ],
            "Passages": [topic.passages for topic in found],
            "Queries": [topic.queries for topic in found],
        }
    )


def _documents(here: Here, revision: str) -> None:
    """What the documents are about, and how much is asked about it."""
    from distiller.generate import has_corpus

    if not has_corpus(here.store, here.project):
        return
    st.subheader("Your documents", anchor=False)
    if not st.toggle(
        "Show what they are about, and how many queries ask about it",
        key=here.key("coverage", "topics"),
        help="Passages that share words are put together; large collections take a minute.",
    ):
        return
    with failing(), st.spinner("Looking for what your documents are about …"):
        frame = _topics(here.settings.database, here.project.id, revision, here)
        bare = int((frame["Queries"] == 0).sum())
        st.markdown(
            f"{bare:,} of {len(frame):,} topics have no query yet; new ones begin there."
            if bare
            else f"Each of the {len(frame):,} topics has a query."
        )
        most = int(frame["Queries"].max()) if len(frame) else 1
        bar = st.column_config.ProgressColumn(format="%d", min_value=0, max_value=max(1, most))
        st.dataframe(frame, hide_index=True, column_config={"Queries": bar})


def coverage_map(here: Here) -> None:
    """A heat map of concepts and types, those with the fewest queries first."""
    counts = here.store.counts(here.project.id)
    revision = f"{here.store.revision(here.project.id)}/{counts['query']}/{counts['concept']}"
    _concepts(here, _counted(here.settings.database, here.project.id, revision, here.store))
    _documents(here, f"{revision}/{counts['passage']}")


def _concepts(here: Here, found: Coverage) -> None:
    if not found.concepts or not found.types:
        st.info("Coverage shows once there are concepts and queries.", icon=":material/grid_on:")
        return
    pages = -(-len(found.concepts) // SHOWN)
    page = 1
    if pages > 1:
        page = st.number_input(f"Part, of {pages:,}", 1, pages, key=here.key("coverage", pages))
    concepts = found.concepts[(page - 1) * SHOWN : page * SHOWN]
    bare = sum(not found.total(concept) for concept in found.concepts)
    st.markdown(
        (
            f"{bare:,} of {len(found.concepts):,} concepts have no query yet. "
            if bare
            else f"Each of the {len(found.concepts):,} concepts has a query. "
        )
        + "What no query asks about, the search model does not learn."
    )
    _more(here, found)
    frame = pd.DataFrame(
        [[found.counts[concept][kind] for kind in found.types] for concept in concepts],
        index=[f"\u2068{concept}\u2069" for concept in concepts],
        columns=[kind.replace("_", " ") for kind in found.types],
    )
    chart = px.imshow(
        frame,
        labels={"x": "Type of query", "y": "Concept", "color": "Queries"},
        color_continuous_scale="Cividis",
        aspect="auto",
        height=max(260, 22 * len(concepts) + 140),
    )
    most = int(frame.to_numpy().max(initial=0))
    chart.update_coloraxes(colorbar_tickformat=",d", colorbar_dtick=max(1, most // 5))
    st.plotly_chart(chart, key=here.key("coverage", "map", page))
    with st.expander("The same as a table"):
        st.dataframe(frame)


def _more(here: Here, found: Coverage) -> None:
    """Have queries written: about one concept, of one type, or wherever the fewest are."""
    from distiller.pipeline import Plan

    counts = here.store.counts(here.project.id)["query"]
    standing = sum(counts.values()) - counts["rejected"]
    with failing():
        known = [kind.name for kind in template(here.project.domain.template).query_types]
        first, second, third = st.columns([3, 3, 2], vertical_alignment="bottom")
        concept = first.selectbox(
            "About",
            found.concepts,
            index=None,
            placeholder="where the fewest are",
            format_func=lambda term: f"{term} ({found.total(term):,})",
            key=here.key("more", "concept"),
        )
        kind = second.selectbox(
            "Type",
            known,
            index=None,
            placeholder="all types",
            format_func=lambda name: name.replace("_", " "),
            key=here.key("more", "type"),
        )
        more = third.number_input("More queries", 1, 10_000, 10, key=here.key("more"))
        # The state of a widget can be forged.
        concept = concept if concept in found.concepts else None
        plan = Plan(
            queries=standing + int(more),
            targets=_ids(here, concept) if concept else [],
            query_type=kind if kind in known else "",
        )
        if st.button("Generate more here", icon=":material/add:", key=here.key("fill")):
            where = f"about {concept}" if concept else "where few are"
            launch(here, ["queries"], plan, f"{more:,} queries are being written {where}")
    for job in here.store.jobs(here.project.id, kind="queries", active=True):
        job_progress(here, job)


def _ids(here: Here, term: str) -> list[str]:
    rows = here.store.values(here.project.id, Concept, ["id", "term", "status"])
    return [id_ for id_, name, status in rows if name == term and status != Status.REJECTED]
