"""Decide about all that a filter finds, on whatever page; the number is said before."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from distiller.review import undo_last
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice


def everything(
    here: Here,
    name: str,
    total: int,
    noun: str,
    labels: Mapping[str, str],
    decide: Callable[[str, str, int], object],
) -> None:
    """A decision about all of them as one step; `noun` is a plural.

    `decide` gets the decision, the reason and the number that the button named when it was
    pressed, and refuses where that is not the number any more.
    """
    told_key = here.key(name, "all", "told")

    def pressed(told: int) -> None:
        st.session_state[told_key] = told

    with st.expander(f"Decide about all {total:,} that the filters find"):
        action = st.radio(
            "Decision",
            list(labels),
            format_func=lambda chosen: labels.get(chosen, "?"),
            horizontal=True,
            key=here.key(name, "all", "action"),
        )
        reason = st.text_input(
            "Reason (not needed)", key=here.key(name, "all", "reason"), max_chars=500
        )
        words = labels.get(action, "?")
        st.button(
            f"{words}: all {total:,} {noun}",
            key=here.key(name, "all", "do"),
            on_click=pressed,
            args=(total,),
        )
        told = st.session_state.pop(told_key, None)
        if told is not None:
            with failing():
                decide(action, reason, told)
                notice(f"{told:,} {noun}: {words.lower()}. One undo takes it back")
                st.rerun()


def undo_button(here: Here, name: str) -> None:
    """Take the reviewer's own last step back, where there are no keys."""
    if st.button("Undo my last step", key=here.key(name, "undo"), icon=":material/undo:"):
        with failing():
            notice(undo_last(here.store, here.project.id, here.who).words)
            st.rerun()
