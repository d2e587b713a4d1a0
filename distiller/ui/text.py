"""Foreign text on a page: always as it was written, never as Markdown, HTML or a directive."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
"""Every ASCII sign; Markdown takes a backslash before any of them."""
_BREAK = "\u200b"
"""Parts what Streamlit would replace after Markdown was read: `:tada:`, `->`, `www.`."""
_REPLACED = re.compile(r"(:(?=[\w+/])|@(?=\w)|www(?=\.)|<(?=-)|-(?=[->])|[<>=](?==)|=(?=>))", re.I)


def plain(text: str) -> str:
    """The text as a Markdown label that shows exactly these words, in one line."""
    one_line = " ".join(text.split())
    return _PUNCTUATION.sub(r"\\\1", _REPLACED.sub(rf"\1{_BREAK}", one_line))


def shortened(text: str, length: int = 80) -> str:
    """The beginning of a text, whole words, with an ellipsis where it goes on."""
    one_line = " ".join(text.split())
    if len(one_line) <= length:
        return one_line
    return one_line[:length].rsplit(" ", 1)[0] + " …"


def told_apart(names: Sequence[str], *taken: str, length: int = 28) -> dict[str, str]:
    """Each name → a short label, all different and none of those taken: headings of a table."""
    labels: dict[str, str] = {}
    used = set(taken)
    for name in names:
        words = label = shortened(name, length) or "?"
        number = 2
        while label in used:
            label, number = f"{words} ({number})", number + 1
        used.add(label)
        labels[name] = label
    return labels


def duration(seconds: float) -> str:
    """For people: `12 minutes`, `3.5 hours`."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
