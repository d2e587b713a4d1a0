"""Files that are there whole or not at all."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distiller.schema.errors import InputError

logger = logging.getLogger(__name__)


@contextmanager
def replacing(path: Path, *, keep: Callable[[Path], str | None]) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends without error.

    What stands there already is replaced, or kept beside as `.bak` where `keep` gives a reason.

    Raises:
        InputError: the folder cannot be written to, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        for file in _files(temporary):
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        _swap(temporary, path, keep)
    except OSError as error:
        problem = error.strerror or str(error)
        raise InputError(f"{path}: cannot be written: {problem}; choose another path") from error
    finally:
        _remove(temporary)


def _swap(temporary: Path, path: Path, keep: Callable[[Path], str | None]) -> None:
    old = path.with_name(f"{path.name}.bak")
    if path.exists():
        reason = keep(path)
        if reason:
            logger.warning("%s %s; it is kept as %s", path, reason, old.name)
        if reason or path.is_dir():
            # A folder cannot be replaced in one step; the old one is out of the way first.
            _remove(old)
            path.rename(old)
        temporary.replace(path)
        if not reason and path.is_dir():
            _remove(old)
    else:
        temporary.replace(path)


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
