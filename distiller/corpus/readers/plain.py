"""Bytes to text, and text to paragraphs."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from charset_normalizer import from_bytes

from distiller.corpus.blocks import Block, Reading, Unreadable, begins_item, tidy

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 200_000
_CONTROL = bytes(range(1, 9)) + bytes(range(14, 27)) + b"\x0b\x7f"
_MOST_CONTROLS = 0.01
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_UNSURE = "its encoding cannot be told; save it as UTF-8 and read it again"


def encoding_of(data: bytes) -> str:
    """The encoding of a text file's beginning.

    Raises:
        Unreadable: these are no characters.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    if b"\x00" in data or _share_of_controls(data) > _MOST_CONTROLS:
        raise Unreadable("is not text; give it the ending of what it is")
    if _is_utf8(data):
        return "utf-8"
    best = from_bytes(data[:_SAMPLE]).best()
    if best is None:
        raise Unreadable(_UNSURE)
    return best.encoding


def decoded(data: bytes) -> tuple[str, list[str]]:
    """The text of a file, and a note where its encoding had to be guessed.

    Raises:
        Unreadable: these are no characters, or not all of one encoding.
    """
    name = encoding_of(data)
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        raise Unreadable(f"{_UNSURE} (byte {error.start} is not {name})") from error
    notes = [] if name.startswith("utf") else [f"read as {name}, for it is not UTF-8"]
    return text, notes


def _share_of_controls(data: bytes) -> float:
    sample = data[:_SAMPLE]
    return 1 - len(sample.translate(None, _CONTROL)) / (len(sample) or 1)


def _is_utf8(data: bytes) -> bool:
    # The sample may end in the middle of a character; the incremental decoder lets it.
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def read_text(data: bytes) -> Reading:
    """Paragraphs are what empty lines part; lines that begin like a list are its items."""
    text, notes = decoded(data)
    return Reading(_paragraphs(tidy(text)), notes=notes)


def _paragraphs(text: str) -> Iterator[Block]:
    for paragraph in _PARAGRAPH.split(text):
        lines = paragraph.split("\n")
        if not any(map(begins_item, lines)):
            yield Block("paragraph", paragraph)
            continue
        gathered: list[str] = []
        for line in lines:
            if begins_item(line) and gathered:
                yield _listed(gathered)
                gathered = []
            gathered.append(line)
        yield _listed(gathered)


def _listed(lines: list[str]) -> Block:
    return Block("item" if begins_item(lines[0]) else "paragraph", "\n".join(lines))
