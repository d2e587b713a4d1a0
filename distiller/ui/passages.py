"""One pair of query and passage at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st

from distiller.review import (
    GRADES,
    REASONS,
    Order,
    PairCard,
    PairFilter,
    give_grade,
    pair_after,
    pair_card,
    pair_queue,
    reject_passage,
    undo_last,
)
from distiller.schema.errors import Conflict, DistillerError, NotFound
from distiller.schema.examples import POSITIVE_GRADE
from distiller.ui.focus import Key, keys, looked_at
from distiller.ui.found import badges, of_pair, why_now
from distiller.ui.passages_another import start_another, want_another
from distiller.ui.passages_card import draw_passages, draw_query, hides_judge, pair_history
from distiller.ui.passages_edit import passage_form
from distiller.ui.passages_words import grade_words
from distiller.ui.shell import Here
from distiller.ui.state import from_address, to_address
from distiller.ui.text import plain

MAX_SKIPPED = 200
ANSWERS = "answers after all"
_REASONS = [reason for reason in REASONS["passage"] if reason not in {ANSWERS, "does not answer"}]
"""The other two are grades: a passage that answers, or does not, stays in the data as that."""


@st.fragment
def focus(here: Here, wanted: PairFilter, order: Order) -> None:
    """The next pair and its keys. Only this part of the page is drawn again after a decision."""
    start_another(here)
    _say(here)
    card = _next(here, wanted, order)
    st.session_state[here.key("in address")] = card.row.id if card else None
    to_address(item=card.row.id if card else None)
    if card is None:
        st.success(
            "Nothing waits here. Change the filters, or go on with the next step on the left.",
            icon=":material/done_all:",
        )
        keys(here.key("focus"), [_undo_key(here)])
        return
    decided = card.total - card.left
    st.progress(
        min(1.0, decided / card.total) if card.total else 0.0,
        text=f"{card.left:,} left, {decided:,} of {card.total:,} decided",
    )
    seconds = looked_at(here.key("shown"), card.row.id)
    hidden = hides_judge(here) and not card.row.decided
    why_now(card.reason, hides_judge=hidden)
    draw_query(here, card)
    found = of_pair(here, card.query.id, card.passage.id)
    badges(here, found, but=card.reason, hides_judge=hidden)
    if st.session_state.get(here.key("editing")) == card.passage.id:
        passage_form(here, card.passage)
        draw_passages(here, card)
    else:
        _decisions(here, card, seconds)
    with st.expander("Where it comes from, and who did what"):
        pair_history(here, card)


def _next(here: Here, wanted: PairFilter, order: Order) -> PairCard | None:
    """The pair that was asked for by a link, by looking again or by undoing, else the queue's."""
    at_key = here.key("at")
    linked = from_address("item")
    if linked and linked != st.session_state.get(here.key("in address")):
        st.session_state[at_key] = linked
    skipped: list[str] = st.session_state.setdefault(here.key("skipped"), [])
    queued = pair_queue(here.store, here.project.id, wanted, skip=skipped, order=order)
    asked = st.session_state.get(at_key)
    if asked and (queued is None or asked != queued.row.id):
        try:
            card = pair_card(here.store, here.project.id, asked)
        except NotFound:
            st.error("This project has no such passage: the link may be old. Here is the next one.")
            st.session_state[at_key] = None
            return queued
        if queued:
            return replace(card, left=queued.left, total=queued.total)
        total = here.store.count_pairs(here.project.id, replace(wanted, decided=None))
        return replace(card, left=0, total=total)
    return queued


def _decisions(here: Here, card: PairCard, seconds: float) -> None:
    why_key = here.key("why", card.row.id)

    def grade(given: int, reason: str = "") -> Callable[[], None]:
        def done() -> None:
            said = " ".join(st.session_state.get(why_key, "").split())
            with _telling(here):
                give_grade(
                    here.store,
                    here.project.id,
                    card,
                    given,
                    who=here.who,
                    reason=said or reason,
                    seconds=seconds,
                )
                _decided(here, card)

        return done

    def reject(reason: str) -> Callable[[], None]:
        def done() -> None:
            with _telling(here):
                reject_passage(
                    here.store,
                    here.project.id,
                    card,
                    who=here.who,
                    reason=reason,
                    seconds=seconds,
                )
                _decided(here, card)

        return done

    # The keys stand above the texts: however long these are, the keys are in sight.
    st.markdown("**How well does the passage to grade answer this query?**")
    graded = [Key(str(n), words.capitalize(), grade(n)) for n, words in GRADES.items()]
    keys(here.key("focus"), graded)
    others = [
        Key("X", "Reject the passage", reject(""), ":material/close:"),
        Key("E", "Edit", lambda: _turn(here, "editing", card.passage.id), ":material/edit:"),
        Key("S", "Skip", lambda: _skip(here, card), ":material/skip_next:"),
        Key(
            "N",
            "Write another negative",
            lambda: want_another(here, card.query.id),
            ":material/add:",
        ),
        _undo_key(here),
    ]
    if card.written is not None and card.written.grade < POSITIVE_GRADE:
        yes = Key("Y", "This one actually answers it", grade(3, ANSWERS), ":material/check:")
        others.insert(0, yes)
    keys(here.key("focus"), others)
    draw_passages(here, card)
    st.caption("Or reject it with a reason, by number. It then leaves the data, for every query:")
    # Numbers after those of the grades: a key never means two things.
    reasons = enumerate(_REASONS, start=len(GRADES))
    keys(here.key("focus"), [Key(str(n), words, reject(words)) for n, words in reasons])
    st.text_input("Why (not needed; kept with your grade)", key=why_key, max_chars=500)


def _turn(here: Here, name: str, value: str | None) -> None:
    st.session_state[here.key(name)] = value


def _decided(here: Here, card: PairCard) -> None:
    st.session_state[here.key("last")] = card.row.id
    st.session_state[here.key("at")] = None


def _skip(here: Here, card: PairCard) -> None:
    skipped: list[str] = st.session_state[here.key("skipped")]
    kept = [id_ for id_ in skipped if id_ != card.row.id]
    st.session_state[here.key("skipped")] = [*kept, card.row.id][-MAX_SKIPPED:]
    st.session_state[here.key("at")] = None


def _undo_key(here: Here) -> Key:
    def undo() -> None:
        with _telling(here):
            undone = undo_last(here.store, here.project.id, here.who)
            st.session_state[here.key("said")] = undone.words
            st.session_state[here.key("at")] = pair_after(here.store, here.project.id, undone)
            st.session_state[here.key("last")] = None

    return Key("U", "Undo", undo, ":material/undo:")


@contextmanager
def _telling(here: Here) -> Iterator[None]:
    """Keep what goes wrong in a callback until the fragment is drawn."""
    try:
        yield
    except Conflict as error:
        st.session_state[here.key("problem")] = (
            "Somebody else decided about this pair, or changed it, at the same moment; nothing of "
            f"yours was written. Look again. ({error})"
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
    last = st.session_state.get(here.key("last"))
    if not last:
        return
    try:
        card = pair_card(here.store, here.project.id, last)
    except DistillerError:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_last_words(here, card))
        again = Key("L", "Look again", lambda: _turn(here, "at", card.row.id))
        keys(here.key("last key"), [again])


def _last_words(here: Here, card: PairCard) -> str:
    """What was decided just now, and what the judge had said."""
    if card.graded and not card.graded.stale:
        words = f"You said {grade_words(card.graded.grade)}."
    else:
        words = f"The passage before is {card.passage.status}."
    if card.judged and (card.row.decided or not hides_judge(here)):
        words += f" The judge had said {grade_words(card.judged.grade)}."
    return words
