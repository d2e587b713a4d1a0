"""One query at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from distiller.review import (
    REASONS,
    Card,
    Order,
    QueryFilter,
    SimilarQueries,
    decide,
    queue,
    undo_last,
)
from distiller.schema.errors import Conflict, DistillerError
from distiller.schema.examples import POSITIVE_GRADE, Passage, Query
from distiller.store import Store
from distiller.ui.focus import Key, keys, looked_at
from distiller.ui.found import badges, of_query, why_now
from distiller.ui.queries_edit import edit_form, history
from distiller.ui.shell import Here
from distiller.ui.text import plain

MAX_SKIPPED = 200


@st.fragment
def focus(here: Here, wanted: QueryFilter, order: Order) -> None:
    """The next card and its keys. Only this part of the page is drawn again after a decision."""
    _say(here)
    skipped: list[str] = st.session_state.setdefault(here.key("skipped"), [])
    card = queue(here.store, here.project.id, wanted, skip=skipped, order=order)
    if card is None:
        st.success(
            "Nothing waits here. Change the filters, or go on with the next step on the left.",
            icon=":material/done_all:",
        )
        keys(here.key("focus"), [_undo_key(here)])
        return
    decided = card.total - card.left
    st.progress(
        decided / card.total if card.total else 0.0,
        text=f"{card.left:,} left, {decided:,} of {card.total:,} decided",
    )
    _card(here, card)


def _card(here: Here, card: Card) -> None:
    query = card.query
    why_now(card.reason)
    seconds = looked_at(here.key("shown"), query.id)
    with st.container(border=True):
        st.subheader(plain(query.query), anchor=False)
        facts = [query.type.replace("_", " "), str(query.complexity)]
        facts += [f"asked by {query.persona}"] if query.persona else []
        st.caption(" · ".join(plain(fact) for fact in facts))
        if query.stale:
            st.warning("Something that this query rests on was changed later: look again.")
        if query.key_concepts:
            st.caption("About: " + ", ".join(plain(term) for term in query.key_concepts))
        badges(here, of_query(here, query.id), but=card.reason)
    if st.session_state.get(here.key("editing")) == query.id:
        edit_form(here, query)
        return

    def act(action: str, reason: str = "") -> Callable[[], None]:
        def done() -> None:
            _decide(here, query, action, reason, seconds)

        return done

    keys(
        here.key("focus"),
        [
            Key("A", "Approve", act("approve"), ":material/check:", primary=True),
            Key("X", "Reject", act("reject"), ":material/close:"),
            Key("F", "Flag", act("flag"), ":material/flag:"),
            Key("E", "Edit", lambda: _edit(here, query), ":material/edit:"),
            Key("S", "Skip", lambda: _skip(here, query), ":material/skip_next:"),
            _undo_key(here),
        ],
    )
    st.caption("Or reject with a reason, by number:")
    reasons = enumerate(REASONS["query"], start=1)
    keys(here.key("focus"), [Key(str(n), words, act("reject", words)) for n, words in reasons])
    _around(here, query)


def _around(here: Here, query: Query) -> None:
    """What helps to decide: the passage that answers, and queries that look alike."""
    left, right = st.columns(2)
    with left:
        st.markdown("**The passage that answers it**")
        found = here.store.judgments(here.project.id, query_ids=[query.id])
        answers = [judgment for judgment in found if judgment.grade >= POSITIVE_GRADE]
        passages = here.store.items(
            here.project.id, Passage, ids=[judgment.passage_id for judgment in answers], limit=1
        )
        for passage in passages:
            st.text(passage.text)
        if not passages:
            st.caption("None is written yet.")
    with right:
        st.markdown("**Queries that look alike**")
        ids = _index(here).like(query.id, query.query, 4)
        alike = {item.id: item for item in here.store.items(here.project.id, Query, ids=ids)}
        for id_ in ids:
            if id_ in alike:
                st.text(f"{alike[id_].query}  ({alike[id_].status})")
        if not alike:
            st.caption("None.")
    with st.expander("Where it comes from, and who did what"):
        history(here, query)


@st.cache_resource(max_entries=4, show_spinner=False)
def _indexed(
    database: str, project_id: str, language: str, queries: int, _store: Store
) -> SimilarQueries:
    return SimilarQueries(_store, project_id, language)


def _index(here: Here) -> SimilarQueries:
    """Built again when queries came in, not at every decision."""
    count = here.store.count(here.project.id, Query)
    language = here.project.domain.language
    return _indexed(here.settings.database, here.project.id, language, count, here.store)


def _decide(here: Here, query: Query, action: str, reason: str, seconds: float) -> None:
    with _telling(here):
        decide(
            here.store,
            here.project.id,
            query,
            action,
            who=here.who,
            reason=reason,
            seconds=seconds,
        )


def _edit(here: Here, query: Query) -> None:
    st.session_state[here.key("editing")] = query.id


def _skip(here: Here, query: Query) -> None:
    skipped: list[str] = st.session_state[here.key("skipped")]
    kept = [id_ for id_ in skipped if id_ != query.id]
    st.session_state[here.key("skipped")] = [*kept, query.id][-MAX_SKIPPED:]


def _undo_key(here: Here) -> Key:
    def undo() -> None:
        with _telling(here):
            undone = undo_last(here.store, here.project.id, here.who)
            st.session_state[here.key("said")] = undone.words

    return Key("U", "Undo", undo, ":material/undo:")


@contextmanager
def _telling(here: Here) -> Iterator[None]:
    """Keep what goes wrong in a callback until the fragment is drawn."""
    try:
        yield
    except Conflict:
        st.session_state[here.key("problem")] = (
            "Somebody else changed that query at the same moment; nothing of yours was written. "
            "Look again."
        )
    except DistillerError as error:
        st.session_state[here.key("problem")] = str(error)


def _say(here: Here) -> None:
    said = st.session_state.pop(here.key("said"), None)
    if said:
        st.toast(plain(said), icon=":material/undo:")
    problem = st.session_state.pop(here.key("problem"), None)
    if problem:
        st.warning(plain(problem))
