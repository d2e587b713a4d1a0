"""Reading text and JSON so that every fault is named with its line and field."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from distiller.schema.errors import InvalidFile, NotFound

MAX_BYTES = 512 * 2**20
"""Largest file that is read, unpacked; a list of examples takes about four times that in memory."""

T = TypeVar("T", bound=BaseModel)
_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_text(path: Path) -> str:
    """The whole file as text: UTF-8, with or without byte order mark, gzipped when named `.gz`.

    Raises:
        NotFound: there is no such file.
        InvalidFile: too large, empty, not UTF-8, or a broken archive.
    """
    data = _read_bytes(path)
    if not data.strip():
        raise InvalidFile(path, "the file is empty; write it again")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise InvalidFile(path, problem, line=line) from None


def _read_bytes(path: Path) -> bytes:
    limit = f"larger than {MAX_BYTES // 2**20} MB; split the file"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidFile(path, limit)
        if path.suffix != ".gz":
            return path.read_bytes()
        with gzip.open(path) as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file; check the path") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InvalidFile(path, "the gzip archive is broken or cut off; copy it again") from None
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}; check the path"
        raise InvalidFile(path, problem) from None
    if len(data) > MAX_BYTES:
        raise InvalidFile(path, limit)
    return data


class _DuplicateKeyError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _DuplicateKeyError(f"key {twice!r} stands twice in one object")
    return record


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number; write null")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def read_values(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a JSON list, or of JSON Lines, each with the line that it begins on.

    Raises:
        InvalidFile: not JSON, cut off, `NaN`, or a key twice in one object.
    """
    text = read_text(path)
    at = _skip(text, 0)
    listed = text.startswith("[", at)
    if listed:
        at = _skip(text, at + 1)
    line, counted = 1, 0
    more = not (listed and text.startswith("]", at))
    while more and (listed or at < len(text)):
        line += text.count("\n", counted, at)
        counted = at
        value, end = _decode(path, text, at, line)
        if _SURROGATE.search(text, at, end):
            _check_characters(path, value, line)
        yield line, value
        at = end
        at = _skip(text, at)
        if listed:
            more = text.startswith(",", at)
            at = _skip(text, at + 1) if more else at
    if listed:
        _check_end(path, text, at)


def _check_end(path: Path, text: str, at: int) -> None:
    line = text.count("\n", 0, at) + 1
    if not text.startswith("]", at):
        problem = (
            "the file is cut off: the list is not closed; copy it again"
            if at == len(text)
            else None
        )
        raise InvalidFile(path, problem or "not JSON: expected ',' or ']'", line=line)
    rest = _skip(text, at + 1)
    if rest != len(text):
        line = text.count("\n", 0, rest) + 1
        raise InvalidFile(path, "not JSON: something follows the list; remove it", line=line)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _decode(path: Path, text: str, at: int, line: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        where = text.count("\n", 0, error.pos) + 1
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        problem = (
            "the file is cut off inside a record; copy it again"
            if cut_off
            else f"not JSON: {error.msg}"
        )
        raise InvalidFile(path, problem, line=where) from None
    except RecursionError:
        raise InvalidFile(path, "not a record: nested too deeply", line=line) from None
    except ValueError as error:
        raise InvalidFile(path, str(error), line=line) from None


def _check_characters(path: Path, value: Any, line: int) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        problem = "half of a character (a lone \\ud800 to \\udfff); remove it"
        raise InvalidFile(path, problem, line=line) from None


def validate(model: type[T], value: Any, path: Path, line: int | None = None) -> T:
    """The value as a record of the layout.

    Raises:
        InvalidFile: a field is missing or of the wrong type; names the first one.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] in {"model_type", "model_attributes_type"}:
            problem = f"expected an object, found {type(value).__name__}"
        raise InvalidFile(path, problem, line=line, field=_field(first["loc"])) from None


def _field(location: tuple[int | str, ...]) -> str | None:
    name = ""
    for part in location:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name or None
