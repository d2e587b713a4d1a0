"""Collections that people bring: unpacked safely, checked whole, kept in the workspace."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from distiller.evaluate.collections import load
from distiller.schema.errors import InputError, NotFound
from distiller.schema.retrieval import Collection

MOST_BYTES = 4 * 1024**3
"""Unpacked, all files together."""
_NAMES = {"corpus.jsonl", "queries.jsonl", "corpus.jsonl.gz", "queries.jsonl.gz", "metadata.json"}
_PART = 1 << 20


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

    Only `corpus.jsonl`, `queries.jsonl` (or gzipped), `metadata.json` and `qrels/*.tsv` are taken,
    at the top of the archive or in one folder; everything else in it is left out.

    Raises:
        InputError: no zip, too large, an encrypted or broken member, a name that is taken.
        NotFound: a file of the collection is missing.
        InvalidFile: a fault in a file, with its line and field.
    """
    target = folder_of(workspace) / _name(name)
    if target.exists():
        raise InputError(f"a collection {target.name!r} is kept already; give it another name")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as scratch:
        folder = Path(scratch) / "collection"
        _unpack(archive, folder)
        try:
            collection = load(folder)
        except InputError as error:  # NotFound and InvalidFile are kinds of it
            words = str(error).replace(f"{folder}/", "").replace(str(folder), "the zip")
            raise InputError(words) from error
        folder.rename(target)
    return collection


def remove(workspace: Path, name: str) -> None:
    """Delete a collection that was brought. Raises NotFound."""
    for path in kept(workspace):
        if path.name == name:
            shutil.rmtree(path)
            return
    raise NotFound(f"there is no collection {name!r}")


def _name(name: str) -> str:
    words = "".join(letter if letter.isalnum() else "-" for letter in name.casefold())
    slug = "-".join(part for part in words.split("-") if part)[:60]
    if not slug:
        raise InputError("give the collection a name of letters or digits")
    return slug


def _unpack(archive: IO[bytes], folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            wanted = {name: info for info in packed.infolist() if (name := _wanted(info))}
            if not wanted:
                raise InputError(
                    "the zip holds no collection; it needs corpus.jsonl, queries.jsonl and "
                    "qrels/test.tsv"
                )
            left = MOST_BYTES
            for name, info in wanted.items():
                left = _copy(packed, info, folder / name, left)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise InputError(f"this zip cannot be read ({error}); pack the folder again") from error


def _wanted(info: zipfile.ZipInfo) -> str | None:
    """Where a member belongs; None for what is no part of a collection."""
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    if info.is_dir() or ".." in parts or info.filename.startswith("/"):
        return None
    if (info.external_attr >> 16) & 0o170000 == 0o120000:  # a link
        return None
    *above, name = parts
    if above[-1:] == ["qrels"] and name.endswith(".tsv") and len(above) <= 2:
        return f"qrels/{name}"
    return name if name in _NAMES and len(above) <= 1 else None


def _copy(packed: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Unpack one member, counting what really comes out, not what the archive says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(info) as source, target.open("wb") as written:
        while part := source.read(_PART):
            left -= len(part)
            if left < 0:
                raise InputError(
                    f"the collection is larger than {MOST_BYTES // 1024**3} GB unpacked; "
                    "measure it in a terminal"
                )
            written.write(part)
    return left
