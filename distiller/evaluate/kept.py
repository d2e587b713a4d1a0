"""Collections that people bring: unpacked safely, checked whole, kept in the workspace."""

from __future__ import annotations

import gzip
import re
import tempfile
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO

from distiller.dataset.unpacking import BROKEN, copy_at_most, inner_path
from distiller.evaluate.collections import load
from distiller.schema.errors import InputError, NotFound
from distiller.schema.retrieval import Collection

MOST_BYTES = 1024**3
"""Unpacked, all files together; a collection is read into memory."""
MOST_MEMBERS = 1_000
_NAMES = {"corpus.jsonl", "queries.jsonl", "corpus.jsonl.gz", "queries.jsonl.gz", "metadata.json"}
_QRELS = re.compile(r"\w[\w.-]{0,80}\.tsv(\.gz)?")
_NEEDED = "it needs corpus.jsonl, queries.jsonl and qrels/test.tsv"


def folder_of(workspace: Path) -> Path:
    """Where a workspace keeps collections."""
    return workspace / "collections"


def kept(workspace: Path) -> list[Path]:
    """Folders of the collections that were brought, by name."""
    folder = folder_of(workspace)
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def keep(workspace: Path, name: str, archive: IO[bytes]) -> Collection:
    """Unpack a zip of a BEIR folder, check it, and keep it under a name.

    Only `corpus.jsonl`, `queries.jsonl`, `metadata.json` and `qrels/*.tsv` are taken (gzipped or
    not), at the top of the archive or in one folder; everything else in it is left out.

    Raises:
        InputError: no zip, too large, a broken or encrypted member, two collections in one zip, a
            name that is taken, a file that is missing or faulty (with its line and field).
    """
    target = folder_of(workspace) / _name(name)
    taken = InputError(f"a collection {target.name!r} is kept already; give it another name")
    if target.exists():
        raise taken
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as scratch:
            folder = Path(scratch) / "collection"
            _unpack(archive, folder)
            collection = _checked(folder)
            folder.rename(target)
    except OSError as error:
        if target.exists():  # another window was faster
            raise taken from error
        problem = error.strerror or str(error)
        raise InputError(f"the collection cannot be kept ({problem}); free some space") from error
    return replace(collection, name=target.name)


def remove(workspace: Path, name: str) -> None:
    """Delete a collection that was brought. Raises NotFound."""
    for path in kept(workspace):
        if path.name == name:
            if path.is_symlink():
                path.unlink()
                return
            with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as scratch:
                path.rename(Path(scratch) / "gone")  # at once: a half is never listed
            return
    raise NotFound(f"there is no collection {name!r}")


def _name(name: str) -> str:
    words = "".join(letter if letter.isalnum() else "-" for letter in name.casefold())
    slug = "-".join(part for part in words.split("-") if part)[:60]
    if not slug:
        raise InputError("give the collection a name of letters or digits")
    return slug


def _checked(folder: Path) -> Collection:
    try:
        return load(folder)
    except InputError as error:  # NotFound and InvalidFile are kinds of it
        words = str(error).replace(f"{folder}/", "").replace(str(folder), "the zip")
        raise InputError(words) from error


def _unpack(archive: IO[bytes], folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            members = packed.infolist()
            if len(members) > MOST_MEMBERS:
                raise InputError(
                    f"the zip holds {len(members):,} files; {_NEEDED}, and no other collection"
                )
            left = MOST_BYTES
            for name, info in _chosen(members).items():
                left = _copy(packed, info, folder / name, left)
    except gzip.BadGzipFile as error:
        raise InputError(f"a file in this zip is not gzipped as it says ({error})") from error
    except BROKEN as error:
        raise InputError(f"this zip cannot be read ({error}); pack the folder again") from error


def _chosen(members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Where each file of the collection belongs → its member."""
    chosen: dict[str, zipfile.ZipInfo] = {}
    tops = set()
    for info in members:
        place = _place(info)
        if place is None:
            continue
        top, name = place
        tops.add(top)
        if name in chosen or len(tops) > 1:
            raise InputError(
                "the zip holds more than one collection, or a file twice; pack one folder alone"
            )
        chosen[name] = info
    if not chosen:
        raise InputError(f"the zip holds no collection; {_NEEDED}")
    return chosen


def _place(info: zipfile.ZipInfo) -> tuple[str, str] | None:
    """The folder of a collection that a member is in, and its place there, unpacked.

    None for what is no part of a collection: other files, paths that lead outside, links.
    """
    path = inner_path(info)
    if path is None:
        return None
    *above, name = path.parts
    inside = "qrels/" if above[-1:] == ["qrels"] and _QRELS.fullmatch(name) else ""
    if inside:
        above.pop()
    if len(above) > 1 or not (inside or name in _NAMES):
        return None
    return "/".join(above), inside + name.removesuffix(".gz")


def _copy(packed: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Unpack one member, counting what really comes out, not what the archive says."""
    with ExitStack() as stack:
        source: IO[bytes] | gzip.GzipFile = stack.enter_context(packed.open(info))
        if info.filename.endswith(".gz"):
            source = stack.enter_context(gzip.GzipFile(fileobj=source))
        left = copy_at_most(source, target, left)
    if left < 0:
        raise InputError(
            f"the collection is larger than {MOST_BYTES // 1024**2:,} MB unpacked; "
            "measure it in a terminal"
        )
    return left
