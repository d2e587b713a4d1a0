"""One pair on the page: the query, a passage that answers it, and the passage to decide about."""

from __future__ import annotations

import streamlit as st

from distiller.retrieve import shared_words
from distiller.review import PairCard
from distiller.schema.base import Status
from distiller.schema.examples import JudgmentSource, Passage, Strategy
from distiller.ui.marked import marked
from distiller.ui.passages_words import grade_words, strategy_words
from distiller.ui.shell import Here
from distiller.ui.text import plain

_ACTIONS = {"approve": "approved", "reject": "rejected", "flag": "flagged", "reset": "set back"}


def hides_judge(here: Here) -> bool:
    """Whether the judge's grade stays hidden until the reviewer has decided."""
    return here.settings.hide_judge


def draw_query(here: Here, card: PairCard) -> None:
    """The query, its words that the passage in question has too marked."""
    query = card.query
    both = f"{card.passage.title}\n{card.passage.text}"
    spans, _ = shared_words(query.query, both, here.project.domain.language)
    with st.container(border=True):
        marked(query.query, spans, heading=True)
        facts = [query.type.replace("_", " "), str(query.complexity)]
        facts += [f"query {query.status}"] if query.status is not Status.PROPOSED else []
        facts += [f"asked by {query.persona}"] if query.persona else []
        st.caption(" · ".join(plain(fact) for fact in facts))


def draw_passages(here: Here, card: PairCard) -> None:
    """What answers the query on the left, the passage in question on the right."""
    if card.positives:
        left, right = st.columns(2)
        with left, st.container(border=True):
            _answers(here, card)
    else:
        right = st.container()
    with right, st.container(border=True):
        st.markdown("**The passage to grade**")
        _body(here, card.query.query, card.passage)
        _origin(card)
        _verdicts(here, card)
        if not card.positives:
            st.caption("No other passage is known to answer the query.")


def _answers(here: Here, card: PairCard) -> None:
    (passage, grade), *others = card.positives
    st.markdown("**A passage that answers the query**")
    _body(here, card.query.query, passage)
    st.caption(f"Graded {grade_words(grade)}.")
    if others:
        with st.expander(f"{len(others)} more"):
            for passage, grade in others:
                _body(here, card.query.query, passage)
                st.caption(f"Graded {grade_words(grade)}.")


def _body(here: Here, query: str, passage: Passage) -> None:
    language = here.project.domain.language
    if passage.title:
        st.markdown(f"*{plain(passage.title)}*")
    _, spans = shared_words(query, passage.text, language)
    marked(passage.text, spans)


def _origin(card: PairCard) -> None:
    if card.written is None:
        st.caption("Nobody wrote it for this query; it was found beside it.")
        return
    st.caption(strategy_words(card.written))
    if card.written.explanation:
        who = "The file" if card.written.strategy is Strategy.IMPORTED else "The writer"
        st.caption(f"{who} explains: {plain(card.written.explanation)}")


def _verdicts(here: Here, card: PairCard) -> None:
    if card.passage.status is not Status.PROPOSED:
        st.info(f"This passage is {card.passage.status}.")
    if card.graded and card.graded.stale:
        st.warning("It was graded, and the query or passage was changed since: look again.")
    elif card.graded:
        by = plain(card.graded.provenance.editor or "a reviewer")
        st.info(f"{by} graded it {grade_words(card.graded.grade)}.")
    if card.judged and (card.row.decided or not hides_judge(here)):
        why = f": {plain(card.judged.explanation)}" if card.judged.explanation else ""
        st.caption(f"The judge graded it {grade_words(card.judged.grade)}{why}")


def pair_history(here: Here, card: PairCard) -> None:
    """Who wrote the passage with what, and every decision about it and about the pair."""
    made = card.passage.provenance
    parts = [f"from {made.source}", f"on {made.created:%d %B %Y, %H:%M} UTC"]
    parts += [f"by {made.model}"] if made.model else []
    parts += [f"with prompt {made.prompt}"] if made.prompt else []
    st.caption(plain(", ".join(parts)))
    about = {card.passage.id: "passage"}
    # A grade that was taken back is part of the history, too.
    for given in here.store.judgments(
        here.project.id,
        query_ids=[card.query.id],
        passage_ids=[card.passage.id],
        sources=[JudgmentSource.REVIEWER],
        withdrawn=True,
    ):
        about[given.id] = "judgment"
    happened = [
        event
        for id_, kind in about.items()
        for event in here.store.events(here.project.id, id_)
        if event.item_kind == kind and event.action != "create"
    ]
    for event in sorted(happened, key=lambda event: event.created):
        line = f"{event.created:%d %B, %H:%M} UTC: {event.who}: "
        line += _ACTIONS.get(event.action, event.action)
        if event.action == "grade":
            line += f" {event.new['grade']}"
        line += f" ({event.reason})" if event.reason else ""
        if "text" in event.old:
            line += f": {event.old['text']} → {event.new['text']}"
        st.text(line)
    if not happened:
        st.caption("Nobody has decided about it yet.")
