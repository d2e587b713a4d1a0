"""Notices and errors, and what a page keeps in its address."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import streamlit as st

from distiller.schema.errors import DistillerError
from distiller.ui.text import plain

_NOTICE = "shell/notice"


def notice(message: str) -> None:
    """Say something after the next rerun, also where this one ends in `st.rerun`."""
    st.session_state[_NOTICE] = message


def show_notice() -> None:
    """Say what was left to be said."""
    message = st.session_state.pop(_NOTICE, None)
    if message:
        st.toast(plain(message), icon=":material/check:")


@contextmanager
def failing() -> Iterator[None]:
    """Turn what we raise on purpose into a message that says what to do."""
    try:
        yield
    except DistillerError as error:
        st.error(plain(str(error)), icon=":material/error:")


def from_address(name: str, known: Collection[str] | None = None) -> str | None:
    """A value of the page's address; what is not known counts as absent."""
    value = st.query_params.get(name)
    if value and (known is None or value in known):
        return value
    return None


def to_address(**values: str | None) -> None:
    """Keep values in the page's address, so that a reload or a sent link shows the same."""
    for name, value in values.items():
        if value:
            if st.query_params.get(name) != value:
                st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]
