"""PDF: text in reading order by layout analysis, headings by size and weight, ruled tables."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pdfplumber
from pdfminer.layout import LAParams, LTChar, LTTextBox, LTTextLine
from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
from pdfplumber.utils.exceptions import PdfminerException

from distiller.corpus.blocks import (
    Block,
    Reading,
    Unreadable,
    begins_item,
    one_line,
    table_text,
    tidy,
)

logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every oddity of a font

_LARGER = 1.12
"""A line of so many times the body's size is a heading."""
_WORDS_OF_HEADING = 20
_WORDS_OF_BOLD_HEADING = 12
_REPEATED_ON = 0.5
"""Share of pages on which a line must stand at head or foot to be a running head."""
_MARGIN = 0.1
"""Share of a page's height in which running heads stand, above and below."""
_PAGES_TO_TELL = 4
_PAGES_NAMED = 10
_NUMBER = re.compile(r"[-–\s]*\d{1,4}[-–\s]*$")
_ENDS = tuple('.!?:;…"”»)')


@dataclass(frozen=True)
class _Line:
    text: str
    size: float
    bold: bool
    box: int
    """Which text box it stands in, counted through the document."""
    edge: bool = False
    """Whether it stands at the head or foot of its page."""
    table: str = ""
    """All of a table, in place of a line."""


def read_pdf(path: Path) -> Reading:
    """The blocks of a PDF.

    Raises:
        Unreadable: not a PDF, encrypted, or without a text layer.
    """
    reading = Reading(iter(()))
    pages: list[list[_Line]] = []
    boxes = 0
    try:
        with pdfplumber.open(path, laparams=LAParams().__dict__) as document:
            reading.title = _title(document.metadata)
            for page in document.pages:
                lines = list(_lines(page, boxes))
                boxes += len(lines) + 1
                pages.append(lines)
                page.close()
    except PdfminerException as error:
        cause = error.args[0] if error.args else error
        if isinstance(cause, PDFPasswordIncorrect | PDFEncryptionError):
            raise Unreadable("is encrypted; save it without a password") from error
        raise Unreadable("is not a whole PDF; open it and save it again") from error
    except Exception as error:  # damaged files fail anywhere in the parser, in any way
        if isinstance(error, OSError | MemoryError):
            raise
        raise Unreadable("is not a whole PDF; open it and save it again") from error
    _note_empty(pages, reading)
    reading.blocks = _blocks(_without_running_heads(pages))
    return reading


def _title(metadata: dict[str, Any]) -> str:
    title = one_line(str(metadata.get("Title") or ""))
    # What programs write there when nobody did: a file's name, "untitled".
    automatic = re.search(r"\.\w{2,5}$|^untitled|^unbenannt|^microsoft", title, re.IGNORECASE)
    return "" if automatic else title


def _note_empty(pages: list[list[_Line]], reading: Reading) -> None:
    empty = [number for number, lines in enumerate(pages, 1) if not lines]
    if not pages or len(empty) == len(pages):
        raise Unreadable(
            "has no text, only pictures of pages; run it through text recognition (OCR) first"
        )
    if empty:
        named = ", ".join(map(str, empty[:_PAGES_NAMED])) + ("…" if empty[_PAGES_NAMED:] else "")
        reading.notes.append(f"no text on page {named}; recognise it (OCR) if it matters")


def _lines(page: Any, box: int) -> Iterator[_Line]:
    """Lines in reading order, each table once where its first line would stand."""
    tables = page.find_tables() if len(page.edges) >= 4 else []
    shown: set[int] = set()
    for block in page.layout:
        if not isinstance(block, LTTextBox):
            continue
        box += 1
        for line in block:
            if not isinstance(line, LTTextLine):
                continue
            at = _table_at(line, tables, page.height)
            if at is None:
                height = (line.y0 + line.y1) / 2 / page.height
                yield from _line(line, box, edge=not _MARGIN < height < 1 - _MARGIN)
            elif at not in shown:
                shown.add(at)
                rows = [[cell or "" for cell in row] for row in tables[at].extract()]
                if text := table_text(rows):
                    yield _Line("", 0.0, bold=False, box=box, table=text)


def _table_at(line: Any, tables: list[Any], height: float) -> int | None:
    x, y = (line.x0 + line.x1) / 2, height - (line.y0 + line.y1) / 2
    for at, table in enumerate(tables):
        left, top, right, bottom = table.bbox
        if left <= x <= right and top <= y <= bottom and len(table.cells) > 1:
            return at
    return None


def _line(line: Any, box: int, *, edge: bool) -> Iterator[_Line]:
    text = one_line(line.get_text())
    letters = [char for char in line if isinstance(char, LTChar) and char.get_text().strip()]
    if not text or not letters:
        return
    sizes = Counter(round(char.size * 2) / 2 for char in letters)
    bold = all("bold" in char.fontname.casefold() for char in letters)
    yield _Line(text, sizes.most_common(1)[0][0], bold, box, edge)


def _without_running_heads(pages: list[list[_Line]]) -> list[_Line]:
    """All lines but page numbers and small ones that stand at the head or foot of most pages."""
    lines = [line for page in pages for line in page]
    largest = _body_size(lines) * _LARGER
    counted = Counter(
        mark for page in pages for mark in {_mark(line) for line in page if line.edge}
    )
    least = max(2, _REPEATED_ON * len(pages)) if len(pages) >= _PAGES_TO_TELL else len(pages) + 1
    return [
        line
        for line in lines
        if not (
            line.edge
            and (
                (counted[_mark(line)] >= least and line.size < largest) or _NUMBER.match(line.text)
            )
        )
    ]


def _mark(line: _Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _blocks(lines: list[_Line]) -> Iterator[Block]:
    body = _body_size(lines)
    levels = _levels(lines, body)
    alone = Counter(line.box for line in lines)
    gathered: list[_Line] = []
    for line in lines:
        level = _level(line, body, levels, alone=alone[line.box] == 1)
        if line.table or level:
            yield from _paragraph(gathered)
            gathered = []
            yield (
                Block("table", line.table)
                if line.table
                else Block("heading", line.text, level=level)
            )
        else:
            if gathered and not _goes_on(gathered[-1], line):
                yield from _paragraph(gathered)
                gathered = []
            gathered.append(line)
    yield from _paragraph(gathered)


def _body_size(lines: list[_Line]) -> float:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _levels(lines: list[_Line], body: float) -> dict[float, int]:
    """Sizes larger than the body's → 1, 2, … from the largest."""
    larger = sorted({line.size for line in lines if line.size >= body * _LARGER}, reverse=True)
    return {size: level for level, size in enumerate(larger, 1)}


def _level(line: _Line, body: float, levels: dict[float, int], *, alone: bool) -> int:
    """0 for a line that is no heading."""
    words = len(line.text.split())
    if line.size in levels:
        return levels[line.size] if words <= _WORDS_OF_HEADING else 0
    bold = line.bold and alone and words <= _WORDS_OF_BOLD_HEADING and line.size >= body
    return len(levels) + 1 if bold and not line.text.endswith(_ENDS) else 0


def _goes_on(last: _Line, line: _Line) -> bool:
    """Whether a line belongs to the paragraph before it, across boxes, columns and pages too."""
    if begins_item(line.text):
        return False
    if line.box == last.box:
        return True
    return not last.text.endswith(_ENDS) and line.text[:1].islower()


def _paragraph(lines: list[_Line]) -> Iterator[Block]:
    text = ""
    for line in lines:
        if text.endswith("-") and text[-2:-1].isalpha() and line.text[:1].islower():
            text = text[:-1] + line.text
        else:
            text = f"{text} {line.text}" if text else line.text
    if text := tidy(text):
        yield Block("item" if begins_item(text) else "paragraph", text)
