"""How the concepts hang together, drawn."""

from __future__ import annotations

import networkx as nx
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from distiller.schema.base import Status
from distiller.schema.knowledge import Concept
from distiller.store import Store
from distiller.ui.shell import Here

MOST = 150
"""Concepts that can still be told apart in one drawing; those with the most links are drawn."""
_MARKS = {
    "proposed": ("#0072B2", "circle"),
    "approved": ("#009E73", "square"),
    "flagged": ("#E69F00", "diamond"),
}


@st.cache_data(max_entries=8, show_spinner=False)
def _laid_out(
    database: str, project_id: str, revision: str, _store: Store
) -> tuple[list[tuple[str, str, float, float, int]], list[tuple[str, str]]]:
    """Concepts with status, place and number of links; and the links."""
    rows = _store.values(project_id, Concept, ["term", "status", "related_terms"])
    rows = [row for row in rows if row[1] != Status.REJECTED]
    known = {str(term).casefold(): str(term) for term, _, _ in rows}
    graph = nx.Graph()
    graph.add_nodes_from(known.values())
    for term, _, related in rows:
        targets = (known.get(str(other).casefold()) for other in related)
        graph.add_edges_from((term, other) for other in targets if other and other != term)
    linked = sorted(graph.degree, key=lambda pair: -pair[1])[:MOST]
    graph = graph.subgraph([term for term, _ in linked])
    places = nx.spring_layout(graph, seed=13, k=1.6 / max(1, len(graph)) ** 0.5)
    status = {str(term): str(state) for term, state, _ in rows}
    nodes = [
        (term, status[term], float(x), float(y), graph.degree[term])
        for term, (x, y) in places.items()
    ]
    return nodes, list(graph.edges)


def concept_graph(here: Here) -> None:
    """Concepts that name each other as related, joined by lines."""
    counts = here.store.counts(here.project.id)["concept"]
    revision = f"{here.store.revision(here.project.id)}/{counts}"
    nodes, edges = _laid_out(here.settings.database, here.project.id, revision, here.store)
    if not nodes:
        st.info("The graph shows once there are concepts.", icon=":material/hub:")
        return
    places = {term: (x, y) for term, _, x, y, _ in nodes}
    lines = [point for one, two in edges for point in (places[one], places[two], (None, None))]
    chart = go.Figure()
    chart.add_scatter(
        x=[x for x, _ in lines],
        y=[y for _, y in lines],
        mode="lines",
        line={"width": 1, "color": "rgba(128,128,128,0.5)"},
        hoverinfo="skip",
        name="related",
    )
    for state, (colour, symbol) in _MARKS.items():
        some = [node for node in nodes if node[1] == state]
        if some:
            chart.add_scatter(
                x=[node[2] for node in some],
                y=[node[3] for node in some],
                text=[node[0].replace("<", "&lt;") for node in some],
                mode="markers+text",
                textposition="top center",
                textfont={"size": 11},
                marker={"size": 11, "color": colour, "symbol": symbol},
                hovertemplate="%{text}<extra></extra>",
                name=state,
            )
    chart.update_layout(height=640, margin={"l": 0, "r": 0, "t": 10, "b": 0})
    chart.update_xaxes(visible=False)
    chart.update_yaxes(visible=False)
    st.caption(
        f"A line joins concepts that name each other as related; closeness alone means nothing. "
        f"{len(nodes):,} of {sum(counts.values()) - counts['rejected']:,} concepts are drawn."
    )
    st.plotly_chart(chart, key=here.key("graph"))
    with st.expander("The same as a table"):
        st.dataframe(
            pd.DataFrame(
                [(term, state, links) for term, state, _, _, links in nodes],
                columns=["Concept", "Status", "Links"],
            ),
            hide_index=True,
        )
