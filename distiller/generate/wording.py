"""Texts of models made clean. Pure functions, no model calls."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from distiller.quality.form import EMPHASIS, FENCE, LABEL, MARK, PLACEHOLDER, PREAMBLE, SELF
from distiller.quality.texts import stems

PARROTED, MIN_STEMS = 0.75, 5
"""A text of so many stems, of which such a share stands in one line of the prompt, parrots it."""

_QUOTES = [('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("«", "»"), ("‘", "’"), ("`", "`")]


def clean(text: str) -> str:
    """The text without fences, preambles, list marks, labels, emphasis and surrounding quotes.

    Empty where nothing but a placeholder is left.
    """
    text = unicodedata.normalize("NFC", text).replace("\x00", "").strip()
    before = None
    while before != text:
        before = text
        for pattern in (FENCE, PREAMBLE, MARK, LABEL):
            text = pattern.sub("", text).strip()
        text = _unquoted(EMPHASIS.sub(r"\2", text))
    text = " ".join(text.split())
    return "" if PLACEHOLDER.match(text) or SELF.search(text) else text


def _unquoted(text: str) -> str:
    for first, last in _QUOTES:
        inner = text[1:-1]
        if len(text) > 2 and text[0] == first and text[-1] == last and first not in inner:
            return inner.strip()
    return text


def parrots(text: str, lines: Iterable[str], tag: str) -> bool:
    """Whether a line that the model was shown holds most of the text's stems; not of short texts."""
    found = stems(text, tag)
    return len(found) >= MIN_STEMS and any(
        len(found & stems(line, tag)) >= PARROTED * len(found) for line in lines
    )
