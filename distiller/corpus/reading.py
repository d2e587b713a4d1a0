"""Files to documents: which reader reads what, and what is refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from distiller.corpus.blocks import Block, Reading, Unreadable
from distiller.schema.errors import NotFound

ENDINGS = {
    ".txt": "txt",
    ".text": "txt",
    ".md": "md",
    ".markdown": "md",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_STREAMED = {"csv", "tsv", "jsonl", "beir"}
"""Read line by line, packed by gzip too; all others must fit into memory."""
MOST_BYTES = {"txt": 100_000_000, "md": 20_000_000, "html": 20_000_000, "json": 100_000_000}
MOST_BYTES_OF_OTHERS = 500_000_000


class Source(NamedTuple):
    """A file to read, and what its user calls it."""

    path: Path
    name: str


def sources(paths: Sequence[Path]) -> tuple[list[Source], list[Path]]:
    """The files that were named or lie in named folders, in order, and those of other kinds.

    Hidden files are passed over. A file that was named is read, whatever its ending.

    Raises:
        NotFound: there is no such file or folder.
    """
    found: list[Source] = []
    others: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if _is_visible(file, path)]
            known = [file for file in inside if kind_of(file)]
            found += [Source(file, file.relative_to(path).as_posix()) for file in known]
            others += [file for file in inside if not kind_of(file)]
        elif path.is_file():
            found.append(Source(path, path.name))
        else:
            raise NotFound(f"{path}: no such file or folder; check the path")
    return _told_apart(list({source.path.absolute(): source for source in found}.values())), others


def _is_visible(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    return file.is_file() and not any(part.startswith((".", "~$", "__MACOSX")) for part in parts)


def _told_apart(found: list[Source]) -> list[Source]:
    """Where several files have one name, all are called by their path below what they share."""
    if len({source.name for source in found}) == len(found):
        return found
    shared = os.path.commonpath([source.path.absolute().parent for source in found])
    return [
        source._replace(name=source.path.absolute().relative_to(shared).as_posix())
        for source in found
    ]


def kind_of(path: Path) -> str | None:
    """The format that a file's ending says; None for endings that no reader knows."""
    name = path.name.casefold()
    packed = name.endswith(".gz")
    kind = ENDINGS.get(Path(name.removesuffix(".gz")).suffix)
    if packed and kind not in _STREAMED:
        return None
    return kind


def digest_of(path: Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> tuple[str, Reading]:
    """The format of a file, and its blocks; they may raise Unreadable while they are used up.

    Raises:
        Unreadable: the file is empty, too large, or not what its ending says.
    """
    kind = kind_of(path)
    if kind is None:
        raise Unreadable(
            f"{path.suffix or 'files without an ending'} cannot be read; give"
            f" {', '.join(sorted({*ENDINGS.values()}))}"
        )
    size = path.stat().st_size
    if not size:
        raise Unreadable("is empty")
    most = MOST_BYTES.get(kind, MOST_BYTES_OF_OTHERS)
    if kind not in _STREAMED and size > most:
        raise Unreadable(
            f"has {size / 1e6:,.0f} MB, and {most / 1e6:,.0f} MB are read at most; cut it in parts"
        )
    return _reader(kind, path)


def _reader(kind: str, path: Path) -> tuple[str, Reading]:
    # Each library takes part of a second to import, and most runs need one of them.
    if kind == "pdf":
        from distiller.corpus.readers.pdf import read_pdf as read_path  # noqa: PLC0415
    elif kind == "docx":
        from distiller.corpus.readers.docx import read_docx as read_path  # noqa: PLC0415
    elif kind in _STREAMED:
        return _streamed(kind, path)
    else:
        return kind, _in_memory(kind, path.read_bytes())
    return kind, read_path(path)


def _streamed(kind: str, path: Path) -> tuple[str, Reading]:
    from distiller.corpus.readers import rows  # noqa: PLC0415

    if kind != "jsonl":
        return kind, rows.read_table(path)
    beir = rows.is_beir(path)
    return "beir" if beir else kind, rows.read_json_lines(path, beir=beir)


def _in_memory(kind: str, data: bytes) -> Reading:
    from distiller.corpus.readers import html, markdown, plain, rows  # noqa: PLC0415

    readers = {"html": html.read_html, "md": markdown.read_markdown, "json": rows.read_json}
    return readers.get(kind, plain.read_text)(data)


def blocks_of(reading: Reading) -> Iterator[Block]:
    """The blocks that say something. Raises Unreadable where there is none."""
    empty = True
    for block in reading.blocks:
        if block.text.strip():
            empty = False
            yield block
    if empty:
        raise Unreadable("has no text")
