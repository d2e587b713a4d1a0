"""How to decide, at hand on every page."""

from __future__ import annotations

import streamlit as st

_TEXT = """
**Queries.** Approve what somebody of your field would really type. Reject what is vague, off topic,
or the same as another. Flag what a colleague should look at.

**Passages.** How well does the passage answer the query?

- **3** answers it fully
- **2** answers it in part
- **1** is on its topic only
- **0** has nothing to do with it

A *positive* is a passage of grade 2 or 3. A *hard negative* is one of grade 0 or 1 that looks as if
it answered: a search model learns most from those. If a "negative" does answer, say so.

Everything you do can be undone, also tomorrow.
"""


def guidelines() -> None:
    """A button that opens them."""
    with st.popover("How to decide", icon=":material/menu_book:"):
        st.markdown(_TEXT)
