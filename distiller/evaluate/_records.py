"""Read records from files line by line, so that every fault names its line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from distiller.schema.errors import InvalidFile

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes; a longer line is a file of another kind."""


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as file:
                yield file
        else:
            with path.open("rb") as file:
                yield file
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, EOFError):
            raise InvalidFile(path, "the compressed file is truncated; copy it again") from error
        raise InvalidFile(path, f"cannot be read ({error}); check the file") from error


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not blank, without its line break.

    Raises:
        InvalidFile: Unreadable, not UTF-8, or a line beyond 32 MiB.
    """
    with _opened(path) as file:
        number = 0
        while raw := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(raw) > LONGEST_LINE:
                raise InvalidFile(
                    path, "longer than 32 MiB; one record per line is expected", line=number
                )
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise InvalidFile(
                    path, f"not UTF-8 (byte {error.start + 1}); save it as UTF-8", line=number
                ) from error
            if text.strip():
                yield number, text


def records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and object of each line of a JSON Lines file.

    Raises:
        InvalidFile: As `lines`, or a line that is not a JSON object.
    """
    for number, text in lines(path):
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "cannot be parsed"
            raise InvalidFile(
                path, f"not JSON ({reason}); is the file truncated?", line=number
            ) from error
        if not isinstance(record, dict):
            raise InvalidFile(path, "must be a JSON object such as {…}", line=number)
        yield number, record


def text_of(path: Path, line: int, record: dict[str, Any], field: str) -> str:
    """A field that must hold text.

    Raises:
        InvalidFile: Missing, of another type, or not Unicode (a lone surrogate).
    """
    if field not in record:
        raise InvalidFile(path, "is missing", line=line, field=field)
    value = record[field]
    if not isinstance(value, str):
        raise InvalidFile(
            path, f"must be text, not {_json_type(value)}; put it in quotes", line=line, field=field
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidFile(
                path, "holds half a character (\\ud800…\\udfff); remove it", line=line, field=field
            ) from error
    return value


def _json_type(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return "null" if value is None else names.get(type(value), "an object")
