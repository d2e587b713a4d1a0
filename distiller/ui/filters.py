"""Narrowing queries down; what was chosen stands in the page's address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from distiller.quality import CHECKS
from distiller.review import QueryFilter
from distiller.schema.base import Status
from distiller.schema.examples import Complexity, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store
from distiller.ui.shell import Here
from distiller.ui.state import from_address, to_address

NOTHING_CHOSEN = "all"
TITLES = {name: check.title for name, check in CHECKS.items()}
"""What people call each check."""


@st.cache_data(max_entries=8, show_spinner=False)
def _choices(_store: Store, project_id: str, counted: str) -> tuple[list[str], list[str]]:
    """Types and concepts of a project; `counted` changes when items were added."""
    types = {str(row[0]) for row in _store.values(project_id, Query, ["type"])}
    terms = {str(row[0]) for row in _store.values(project_id, Concept, ["term"])}
    return sorted(types), sorted(terms, key=str.casefold)


def query_filter(here: Here) -> QueryFilter:
    """The filters as widgets."""
    counts = here.store.counts(here.project.id)
    counted = f"{here.settings.database} {sum(counts['query'].values())} {counts['concept']}"
    types, terms = _choices(here.store, here.project.id, counted)
    first, second, third, fourth = st.columns(4)
    with first:
        status = select_one(here, "status", "Status", [str(status) for status in Status])
    with second:
        kind = select_one(here, "type", "Type", types)
    with third:
        complexity = select_one(here, "complexity", "Complexity", [str(c) for c in Complexity])
    with fourth:
        concept = select_one(here, "concept", "Concept", terms)
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    with middle:
        check = check_choice(here, ("query", "passage"))
    text_key = here.key("filter", "text")
    if text_key not in st.session_state:
        st.session_state[text_key] = st.query_params.get("text", "")
    text = left.text_input("Words in the query", key=text_key, max_chars=200).strip()
    to_address(text=text)
    stale_key = here.key("filter", "stale")
    if stale_key not in st.session_state:
        st.session_state[stale_key] = from_address("stale", ["yes"]) == "yes"
    stale = right.checkbox(
        "Stale only", key=stale_key, help="Something that they rest on was changed later."
    )
    to_address(stale="yes" if stale else None)
    return QueryFilter(
        status=Status(status) if status else None,
        stale=True if stale else None,
        type=kind,
        complexity=Complexity(complexity) if complexity else None,
        concept=concept,
        text=text,
        check=check,
    )


def check_choice(here: Here, kinds: tuple[str, ...]) -> str | None:
    """A check that found something about items of these kinds, or none."""
    found = here.store.count_findings(here.project.id, item_kinds=kinds)
    names = [name for name in TITLES if found.get(name)]
    return select_one(
        here,
        "check",
        "What the checks found",
        names,
        words={name: f"{TITLES[name]} ({found[name]:,})" for name in names},
        help="Counted when the checks were run last; see the page Quality.",
    )


def select_one(
    here: Here,
    name: str,
    label: str,
    options: Sequence[str],
    *,
    words: Mapping[str, str] | None = None,
    help: str | None = None,
    place: str = "filter",
    empty: str = NOTHING_CHOSEN,
) -> str | None:
    """One of the options or none; it stands in the address under its name."""
    key = here.key(place, name)
    if key not in st.session_state:
        st.session_state[key] = from_address(name, options)
    chosen = st.selectbox(
        label,
        options,
        key=key,
        index=None,
        placeholder=empty,
        format_func=lambda value: (words or {}).get(value, value.replace("_", " ")),
        help=help,
    )
    if chosen not in options:  # the state of a widget can be forged
        chosen = None
    to_address(**{name: chosen})
    return chosen
