"""Deciding by keyboard: buttons that show their key, and how long a card was looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Key:
    """A decision and the key for it."""

    letter: str
    words: str
    do: Callable[[], None]
    icon: str | None = None
    primary: bool = False


def keys(prefix: str, offered: list[Key]) -> None:
    """A row of buttons; Streamlit shows each key on its button, and ignores keys while typing."""
    with st.container(horizontal=True):
        for key in offered:
            st.button(
                key.words,
                key=f"{prefix}/{key.letter}",
                on_click=key.do,
                icon=key.icon,
                type="primary" if key.primary else "secondary",
                shortcut=key.letter,
            )


def looked_at(key: str, item_id: str) -> float:
    """Seconds since a card was first shown in this session."""
    shown = st.session_state.get(key)
    if not shown or shown[0] != item_id:
        st.session_state[key] = shown = (item_id, time.monotonic())
    return float(time.monotonic() - shown[1])
