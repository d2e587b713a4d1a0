"""How the concepts hang together, drawn."""

from __future__ import annotations

import html
from collections.abc import Sequence

import networkx as nx
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from distiller.schema.base import Status
from distiller.schema.knowledge import Concept
from distiller.store import Store
from distiller.ui.shell import Here
from distiller.ui.text import shortened

MOST = 150
"""Concepts that can still be told apart in one drawing; those with the most links are drawn."""
SIZE_PX = (760, 560)
"""The part of the drawing that is sure to be there for names, also in a narrow window."""
LETTER_PX, LINE_PX, MARK_PX = 6.5, 14.0, 14.0
NAME = 28
_MARKS = {
    "proposed": ("#0072B2", "circle"),
    "approved": ("#009E73", "square"),
    "flagged": ("#E69F00", "diamond"),
}


Node = tuple[str, str, float, float, int]
"""Term, status, place from -1 to 1 across and up, number of links."""


@st.cache_data(max_entries=8, show_spinner=False)
def _laid_out(
    database: str, project_id: str, revision: str, _store: Store
) -> tuple[list[Node], list[tuple[str, str]]]:
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


def _named(nodes: Sequence[Node]) -> set[str]:
    """Concepts whose names touch neither another name nor another's mark, most linked first."""
    spots = {
        term: ((x + 1) / 2 * SIZE_PX[0], (y + 1) / 2 * SIZE_PX[1]) for term, _, x, y, _ in nodes
    }
    named: list[str] = []
    placed: list[tuple[float, float, float]] = []
    for term, _, _, _, _ in sorted(nodes, key=lambda node: -node[4]):
        half = len(shortened(term, NAME)) * LETTER_PX / 2
        across, down = spots[term][0], spots[term][1] + LINE_PX
        marks = [(*spot, MARK_PX / 2) for other, spot in spots.items() if other != term]
        if all(
            abs(across - other) > half + wide or abs(down - level) > LINE_PX
            for other, level, wide in [*placed, *marks]
        ):
            placed.append((across, down, half))
            named.append(term)
    return set(named)


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
    names = _named(nodes)
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
                text=[_word(shortened(node[0], NAME)) if node[0] in names else "" for node in some],
                customdata=[_word(node[0]) for node in some],
                mode="markers+text",
                textposition="top center",
                textfont={"size": 11},
                marker={"size": 11, "color": colour, "symbol": symbol},
                hovertemplate="%{customdata}<extra></extra>",
                name=state,
            )
    chart.update_layout(
        height=640,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    chart.update_xaxes(visible=False, range=[-1.12, 1.12])
    chart.update_yaxes(visible=False, range=[-1.06, 1.12])
    st.caption(
        f"A line joins concepts that name each other as related; closeness alone means nothing. "
        f"{len(nodes):,} of {sum(counts.values()) - counts['rejected']:,} concepts are drawn; "
        f"{len(names):,} have their name beside them, the others show it when pointed at."
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


def _word(name: str) -> str:
    """Plotly reads tags in labels; names are only words."""
    return html.escape(f"\u2068{name}\u2069")
