"""Tables and records: each row of CSV and each record of JSON is a passage of its own."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from distiller.corpus.blocks import Block, Reading, Unreadable, one_line, tidy
from distiller.corpus.readers.plain import decoded, encoding_of

_TEXTS = ("text", "body", "content", "passage", "document", "abstract", "contents")
_TITLES = ("title", "name", "heading", "headline", "subject", "question")
_LISTS = ("documents", "passages", "records", "items", "data", "rows", "results")
MOST_BYTES_OF_LINE = 16_000_000
MOST_UNPACKED = 20_000_000_000
_SAMPLE = 1_000_000
_LINES_NAMED = 5
_LONGEST_HEADER = 60


def read_table(path: Path) -> Reading:
    """The rows of a CSV or TSV file, its first row being the names of the columns.

    Raises:
        Unreadable: no text, or no table.
    """
    reading = Reading(iter(()))
    reading.blocks = _table_rows(path, reading)
    return reading


def _table_rows(path: Path, reading: Reading) -> Iterator[Block]:
    csv.field_size_limit(MOST_BYTES_OF_LINE)
    lines = _characters(path, reading)
    first = next(lines, "")
    rows = csv.reader(_again(first, lines), delimiter=_delimiter(first, path))
    try:
        names = next(rows, [])
        if not _are_names(names):
            yield from _row({f"column {at}": cell for at, cell in enumerate(names, 1)})
            names = []
        for cells in rows:
            keys = names if names else [f"column {at}" for at in range(1, len(cells) + 1)]
            yield from _row(dict(zip(keys, cells, strict=False)))
    except csv.Error as error:
        raise Unreadable(f"is no table ({error}); save it as CSV in UTF-8") from error


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(line: str, path: Path) -> str:
    if ".tsv" in path.name.casefold():
        return "\t"
    return max(",;\t|", key=line.count)


def _are_names(cells: Sequence[str]) -> bool:
    """Whether a first row names columns: short, different, without numbers or sentences."""
    known = {cell.strip().casefold() for cell in cells} & {*_TEXTS, *_TITLES}
    told = [cell.strip() for cell in cells]
    return bool(known) or (
        len(set(told)) == len(told)
        and all(told)
        and all(len(cell) <= _LONGEST_HEADER and not cell[0].isdigit() for cell in told)
        and not any(cell.endswith((".", "?", "!")) for cell in told)
    )


def read_json(data: bytes) -> Reading:
    """The records of a JSON file: a list, an object that holds one, or a mapping of records.

    Raises:
        Unreadable: not JSON.
    """
    text, notes = decoded(data)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"is not valid JSON{where}; mend it and read it again") from error
    blocks = (block for record in _records(found) for block in _row(record))
    return Reading(blocks, notes=notes)


def _records(found: Any) -> list[Any]:
    if isinstance(found, list):
        return found
    if not isinstance(found, dict):
        return [found]
    for name in _LISTS:
        if isinstance(found.get(name), list):
            return list(found[name])
    values = list(found.values())
    if len(values) > 1 and all(isinstance(value, dict) for value in values):
        return values
    lists = [value for value in values if isinstance(value, list) and value]
    alone = len(lists) == 1 and all(isinstance(one, dict) for one in lists[0])
    return list(lists[0]) if alone else [found]


def read_json_lines(path: Path, *, beir: bool) -> Reading:
    """The records of a file of JSON lines; broken lines are noted and left out."""
    reading = Reading(iter(()))
    reading.blocks = _json_rows(path, reading, beir=beir)
    return reading


def _json_rows(path: Path, reading: Reading, *, beir: bool) -> Iterator[Block]:
    broken: list[int] = []
    read = 0
    for number, line in enumerate(_raw_lines(path), 1):
        if not line.strip():
            continue
        read += 1
        try:
            record = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError):
            broken.append(number)
            continue
        yield from _row(record, whole=beir)
    if read and len(broken) == read:
        raise Unreadable("has no line that is valid JSON; write one record a line, in UTF-8")
    if broken:
        named = ", ".join(map(str, broken[:_LINES_NAMED])) + ("…" if broken[_LINES_NAMED:] else "")
        reading.notes.append(f"{len(broken):,} lines are not valid JSON and left out: {named}")


def is_beir(path: Path) -> bool:
    """Whether the first record of a file of JSON lines is one of a BEIR corpus."""
    for line in _raw_lines(path):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return False
        return isinstance(record, dict) and "_id" in record and "text" in record
    return False


def _row(record: Any, *, whole: bool = False) -> Iterator[Block]:
    """The passage of a record: its text and title where fields are so called, else all it says."""
    if not isinstance(record, Mapping):
        record = {"": record}
    fields = {str(name).strip().casefold(): value for name, value in record.items()}
    text_field = _named(fields, _TEXTS)
    title_field = _named(fields, _TITLES)
    title = one_line(_said(fields[title_field])) if title_field else ""
    if text_field:
        text = tidy(_said(fields[text_field]))
    else:
        rest = {name: value for name, value in record.items() if not _is(name, title_field)}
        lines = ((str(name).strip(), tidy(_said(value))) for name, value in rest.items())
        text = "\n".join(f"{name}: {value}" if name else value for name, value in lines if value)
    if not text and title:
        text, title = title, ""
    if text:
        yield Block("record" if whole else "row", text, title=title)


def _named(fields: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if isinstance(fields.get(name), str | list)), None)


def _is(name: Any, field: str | None) -> bool:
    return field is not None and str(name).strip().casefold() == field


def _said(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return "\n".join(_said(one) for one in value)
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_said(one)}" for name, one in value.items())
    return str(value)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.name.casefold().endswith(".gz"):
        with gzip.open(path, "rb") as packed:
            yield cast("IO[bytes]", packed)
    else:
        with path.open("rb") as plain:
            yield plain


def _raw_lines(path: Path) -> Iterator[bytes]:
    """Lines as bytes, a file packed by gzip unpacked on the way, within bounds of memory."""
    unpacked = 0
    try:
        with _opened(path) as file:
            while line := file.readline(MOST_BYTES_OF_LINE + 1):
                unpacked += len(line)
                if len(line) > MOST_BYTES_OF_LINE:
                    raise Unreadable("has a line of more than 16 MB; write one record a line")
                if unpacked > MOST_UNPACKED:
                    raise Unreadable("unpacks to more than 20 GB; read it in several parts")
                yield line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Unreadable("is not a whole gzip file; pack it again") from error


def _characters(path: Path, reading: Reading) -> Iterator[str]:
    """Lines as text; characters that the encoding does not have are replaced and noted."""
    with _opened(path) as file:
        encoding = encoding_of(file.read(_SAMPLE))
    if encoding in ("utf-16", "utf-32"):
        with _opened(path) as file:
            yield from io.StringIO(codecs.decode(file.read(MOST_BYTES_OF_LINE * 4), encoding))
        return
    if not encoding.startswith("utf"):
        reading.notes.append(f"read as {encoding}, for it is not UTF-8")
    lost = 0
    for line in _raw_lines(path):
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError:
            lost += 1
            yield line.decode(encoding, "replace")
    if lost:
        reading.notes.append(f"{lost:,} lines have characters that are not {encoding}")
