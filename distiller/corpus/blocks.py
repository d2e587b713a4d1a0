"""What readers give: a document as a sequence of blocks, in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["heading", "paragraph", "item", "table", "row", "record"]
"""`row`: a record that may be cut where it is long; `record`: one that is a passage, however long."""

SEPARATOR = "\n\n"
"""Stands between blocks in the text as read."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
_BLANKS = re.compile(r"[^\S\n]+")
_BULLET = re.compile(r"[•‣▪●◦∙·–—*-]\s+|\(?(\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s+")


class Unreadable(Exception):
    """A file that cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Block:
    """One piece of a document's structure."""

    kind: Kind
    text: str
    level: int = 0
    """Of a heading: 1 is the highest."""
    title: str = ""
    """Of a row or record, where it has one of its own."""


@dataclass
class Reading:
    """A document being read: `title` and `notes` are complete once `blocks` is used up."""

    blocks: Iterator[Block]
    title: str = ""
    notes: list[str] = field(default_factory=list)


def tidy(text: str) -> str:
    """No control characters, one kind of line break, single blanks, nothing at the ends of lines."""
    text = _CONTROLS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(lines).strip()


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(tidy(text).split())


def begins_item(line: str) -> bool:
    """Whether a line begins like an item of a list: a bullet, `(a)`, `3.`."""
    return _BULLET.match(line) is not None


def table_text(rows: list[list[str]]) -> str:
    """A table as lines of cells, empty rows and columns left out."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    width = max(map(len, rows), default=0)
    used = [at for at in range(width) if any(at < len(row) and row[at] for row in rows)]
    lines = [" | ".join(row[at] if at < len(row) else "" for at in used) for row in rows]
    return "\n".join(line for line in lines if line.replace("|", "").strip())
