"""Zip archives that people bring, unpacked without trust in what they say of themselves."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
"""What `zipfile` and `gzip` raise over a file that is damaged, encrypted, or no archive."""
_PART = 1 << 20


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def inner_path(info: zipfile.ZipInfo) -> PurePosixPath | None:
    """Where a member stands; None for folders, links, and paths that lead outside."""
    path = PurePosixPath(info.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    drive = path.parts[:1] and path.parts[0].endswith(":")
    if info.is_dir() or is_link or not path.parts or drive:
        return None
    return None if {"..", "/", "__MACOSX"} & set(path.parts) else path


def copy_at_most(source: Readable, target: Path, left: int) -> int:
    """Write a stream to a file, counting what really comes out, not what an archive says.

    Returns:
        What is left of `left` bytes; below 0 where there was more, and copying stopped.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as written:
        while part := source.read(_PART):
            left -= len(part)
            if left < 0:
                break
            written.write(part)
    return left
