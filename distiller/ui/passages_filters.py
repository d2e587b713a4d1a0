"""Narrowing pairs of query and passage down; what was chosen stands in the page's address."""

from __future__ import annotations

import streamlit as st

from distiller.review import PairFilter
from distiller.schema.base import Status
from distiller.schema.errors import DistillerError
from distiller.schema.examples import Query, Strategy
from distiller.ui.filters import check_choice, select_one
from distiller.ui.passages_words import STRATEGY_NAMES
from distiller.ui.shell import Here
from distiller.ui.state import from_address, to_address
from distiller.ui.text import plain, shortened

_WRITTEN = {"negative": "hard negative", "positive": "answer"}
_DECIDED = {"no": "waiting", "yes": "decided"}


def pair_filter(here: Here) -> PairFilter:
    """The filters as widgets."""
    first, second, third, fourth = st.columns(4)
    with first:
        written = select_one(
            here,
            "written",
            "Written as",
            list(_WRITTEN),
            words=_WRITTEN,
            help="A hard negative looks like an answer, but does not answer the query.",
        )
    with second:
        strategy = select_one(
            here,
            "strategy",
            "How it was made",
            [str(strategy) for strategy in Strategy],
            words=STRATEGY_NAMES,
        )
    with third:
        decided = select_one(here, "decided", "Decided", list(_DECIDED), words=_DECIDED)
    with fourth:
        asked = select_one(
            here,
            "asked",
            "Status of the query",
            [str(status) for status in Status],
            help="Passages of rejected queries are shown only if you ask for them here.",
        )
    left, found, middle = st.columns([2, 1, 1], vertical_alignment="bottom")
    with found:
        check = check_choice(here, ("passage",))
    with middle:
        status = select_one(
            here, "status", "Status of the passage", [str(status) for status in Status]
        )
    return PairFilter(
        strategy=Strategy(strategy) if strategy else None,
        positive=None if written is None else written == "positive",
        decided=None if decided is None else decided == "yes",
        disagrees=_disagrees(here, st.container()),
        text=_text(here, left),
        query_id=_one_query(here),
        query_status=Status(asked) if asked else None,
        passage_status=Status(status) if status else None,
        check=check,
    )


def _text(here: Here, place: st.delta_generator.DeltaGenerator) -> str:
    key = here.key("filter", "text")
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get("text", "")
    text = place.text_input("Words in the query", key=key, max_chars=200).strip()
    to_address(text=text)
    return text


def _disagrees(here: Here, place: st.delta_generator.DeltaGenerator) -> bool:
    key = here.key("filter", "disagrees")
    if key not in st.session_state:
        st.session_state[key] = from_address("disagrees", ["yes"]) == "yes"
    chosen = place.checkbox(
        "Judge disagrees",
        key=key,
        help="Only passages that the judge, a language model, grades otherwise than the writer "
        "meant them. You then know what the judge thinks before you decide.",
    )
    to_address(disagrees="yes" if chosen else None)
    return bool(chosen)


def _one_query(here: Here) -> str | None:
    """A link from another page may ask for the passages of one query."""
    asked = from_address("query")
    if not asked:
        return None
    try:
        words = here.store.get(Query, asked, project_id=here.project.id).query
    except DistillerError as error:
        st.error(plain(str(error)))
        to_address(query=None)
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Only passages of the query **{plain(shortened(words))}**")
        if st.button("Show those of all queries", key=here.key("filter", "all queries")):
            to_address(query=None)
            st.rerun()
    return asked
