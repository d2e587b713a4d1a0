"""Which part of a long table is shown, and in which order; both stand in the page's address."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from distiller.ui.shell import Here
from distiller.ui.state import from_address, to_address

SIZES = [25, 50, 100]
MAX_DIGITS = 9


def chosen_order(here: Here, name: str, orders: Sequence[str]) -> str:
    """One of the orders; the first where none was chosen."""
    key = here.key(name, "order")
    if key not in st.session_state:
        st.session_state[key] = from_address("order", orders) or orders[0]
    chosen = st.selectbox("Order", orders, key=key)
    chosen = chosen if chosen in orders else orders[0]  # the state of a widget can be forged
    to_address(order=None if chosen == orders[0] else chosen)
    return chosen


def page_size(here: Here, name: str) -> int:
    """Rows on a page."""
    key = here.key(name, "size")
    if key not in st.session_state:
        st.session_state[key] = int(from_address("size", [str(size) for size in SIZES]) or SIZES[0])
    chosen = st.selectbox("On a page", SIZES, key=key)
    size = chosen if chosen in SIZES else SIZES[0]
    to_address(size=None if size == SIZES[0] else str(size))
    return size


def page_number(here: Here, name: str, total: int, size: int) -> int:
    """The page to show, from 1; the last one where there are fewer than the address says."""
    pages = max(1, -(-total // size))
    key, begun = here.key(name, "page", pages), here.key(name, "paged")
    if key not in st.session_state:
        # Another filter begins on its first page; only a link brings a page with it.
        asked = "" if begun in st.session_state else from_address("page") or ""
        known = asked.isdecimal() and len(asked) < MAX_DIGITS
        st.session_state[key] = min(max(int(asked), 1), pages) if known else 1
    st.session_state[begun] = True
    chosen = st.number_input(f"Page, of {pages:,}", 1, pages, key=key)
    number = chosen if isinstance(chosen, int) and 1 <= chosen <= pages else 1
    to_address(page=None if number == 1 else str(number))
    return number
