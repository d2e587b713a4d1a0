"""Foreign text with some of its words marked: escaped first, so that it is text whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import streamlit as st

from distiller.retrieve.shared import Span

_MARK = (
    "color:inherit;background:rgba(230,159,0,.22);border-bottom:2px solid #E69F00;border-radius:2px"
)
_BLOCK = "margin:0 0 .75rem 0;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate"


def marked_html(text: str, spans: Iterable[Span]) -> str:
    """The text as HTML that shows exactly these characters, the spans marked."""
    parts, after = [], 0
    for start, end in spans:
        parts += [escape(text[after:start]), f'<mark style="{_MARK}">', escape(text[start:end])]
        parts.append("</mark>")
        after = end
    return "".join([*parts, escape(text[after:])])


def marked(text: str, spans: Iterable[Span], *, heading: bool = False) -> None:
    """Draw a text; letters that run from right to left do so in their own paragraph only."""
    tag, size = ("h3", "font-size:1.35rem;padding:0;") if heading else ("div", "")
    st.html(f'<{tag} dir="auto" style="{size}{_BLOCK}">{marked_html(text, spans)}</{tag}>')
