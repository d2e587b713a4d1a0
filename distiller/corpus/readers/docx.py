"""Word documents: headings by style and outline level, lists, tables; no images, no notes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from lxml import etree

from distiller.corpus.blocks import Block, Reading, Unreadable, one_line, table_text, tidy

MOST_TEXT = 300_000_000
"""Bytes of text and structure in a document; a novel has a thirtieth of it."""
MOST_UNPACKED = 1_000_000_000
"""Bytes of all that is in it, pictures too."""
_LEGACY = b"\xd0\xcf\x11\xe0"
"""How old Word files begin, and encrypted new ones."""
_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop)\s*(\d)", re.IGNORECASE)
_WORDS = {qn("w:t"): None, qn("w:tab"): " ", qn("w:br"): "\n", qn("w:cr"): "\n"}
_UNSAID = {qn("w:del"), qn("w:moveFrom"), qn("w:txbxContent"), qn("w:instrText")}


def read_docx(path: Path) -> Reading:
    """The blocks of a .docx file.

    Raises:
        Unreadable: not a Word document, encrypted, or one that would not fit into memory.
    """
    _check(path)
    try:
        document = docx.Document(str(path))
    except (PackageNotFoundError, KeyError, ValueError, etree.XMLSyntaxError, OSError) as error:
        raise Unreadable("is not a whole Word document; save it again as .docx") from error
    title = one_line(document.core_properties.title or "")
    return Reading(_blocks(document.element.body, _levels(document)), title=title)


def _check(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) == _LEGACY:
            raise Unreadable("is encrypted or an old .doc; save it without a password as .docx")
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise Unreadable("is not a whole Word document; save it again as .docx") from error
    text = sum(part.file_size for part in parts if part.filename.endswith((".xml", ".rels")))
    unpacked = sum(part.file_size for part in parts)
    if text > MOST_TEXT or unpacked > MOST_UNPACKED:
        raise Unreadable(f"would unpack to {unpacked / 1e6:,.0f} MB; save it in several parts")


def _levels(document: Any) -> dict[str, int]:
    """Style id → level of the heading that it makes."""
    levels = {}
    for style in document.styles:
        name = style.name or ""
        found = _HEADING.match(name)
        outline = style.element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
        if found:
            levels[style.style_id] = int(found[1])
        elif name.casefold() == "title":
            levels[style.style_id] = 1
        elif outline is not None and int(outline.get(qn("w:val"), "9")) < 9:
            levels[style.style_id] = int(outline.get(qn("w:val"))) + 1
    return levels


def _blocks(body: Any, levels: dict[str, int]) -> Iterator[Block]:
    for element in body.iterchildren():
        if element.tag == qn("w:p"):
            yield from _paragraph(element, levels)
        elif element.tag == qn("w:tbl"):
            yield Block("table", table_text(_rows(element)))
        elif element.tag == qn("w:sdt"):  # a content control, such as a form's field
            for content in element.iterchildren(qn("w:sdtContent")):
                yield from _blocks(content, levels)


def _paragraph(element: Any, levels: dict[str, int]) -> Iterator[Block]:
    text = tidy(_text(element))
    if not text:
        return
    style = element.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
    level = levels.get(style.get(qn("w:val")), 0) if style is not None else 0
    if level:
        yield Block("heading", one_line(text), level=level)
    else:
        listed = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None
        named = style is not None and "list" in style.get(qn("w:val"), "").casefold()
        yield Block("item" if listed or named else "paragraph", text)


def _text(element: Any) -> str:
    """What a paragraph says, inserted text included, deleted text not."""
    parts: list[str] = []

    def gather(node: Any) -> None:
        for child in node.iterchildren():
            if child.tag in _WORDS:
                parts.append(_WORDS[child.tag] or child.text or "")
            elif child.tag not in _UNSAID:
                gather(child)

    gather(element)
    return "".join(parts)


def _rows(table: Any) -> list[list[str]]:
    return [
        [
            " ".join(_text(paragraph) for paragraph in cell.iter(qn("w:p")))
            for cell in row.iterchildren(qn("w:tc"))
        ]
        for row in table.iterchildren(qn("w:tr"))
    ]
