"""The indexes of a project's corpus, kept in the workspace: `index/<project>/`.

BM25 is kept whole, under a fingerprint of all that it was made of. Term weights are kept per model
in segments, by a hash of the text that was encoded: what was encoded once is never encoded again,
whatever else changes in the corpus. Whatever cannot be read is made anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock
from scipy.sparse import csr_matrix, vstack

from distiller.retrieve import BM25, SparseIndex
from distiller.schema.domain import Project
from distiller.schema.errors import DistillerError, InputError
from distiller.schema.retrieval import SparseEncoder
from distiller.store import Store

AT_ONCE = 2_048
"""Texts that are encoded and written as one segment: what a crash costs at most."""
_MOST_SEGMENTS = 24
_MODELS_KEPT = 3
_DIGEST = 16
_Key = bytes
T = TypeVar("T")

OnEncoded = Callable[[int, int], None]
"""Is told how many texts are encoded, and of how many."""


def searchable(title: str, text: str) -> str:
    """Title and text joined by a space, as in BEIR: what retrieval and training read."""
    return f"{title} {text}".strip()


def corpus_texts(store: Store, project: Project) -> dict[str, str]:
    """passage_id → searchable text, of all usable passages of the project's corpus."""
    return {one.id: searchable(one.title, one.text) for one in store.corpus(project.id)}


def model_fingerprint(folder: Path) -> str:
    """Equal for models of equal files, wherever they lie; cards and notes do not count."""
    sha = hashlib.sha256()
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"]
    for path in sorted(files, key=lambda file: file.relative_to(folder).as_posix()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        sha.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return sha.hexdigest()[:20]


@dataclass(frozen=True)
class CorpusIndex:
    """The indexes of one project."""

    folder: Path
    language: str = "en"

    @classmethod
    def of(cls, workspace: Path, project: Project) -> CorpusIndex:
        """Where the project's indexes are kept."""
        return cls(workspace / "index" / project.id, project.domain.language)

    def bm25(self, texts: Mapping[str, str]) -> BM25:
        """BM25 over passage_id → text, read from the workspace where it is there already.

        Raises:
            InputError: There are no passages.
            DistillerError: The workspace cannot be written.
        """
        if not texts:
            raise InputError("the project's corpus has no passages; read documents first")
        fingerprint = _fingerprint(self.language, texts)
        target = self.folder / f"bm25-{fingerprint}"
        with self.alone():
            if target.is_dir():
                try:
                    return BM25.load(target, self.language)
                except Exception:  # whatever is wrong with it, it can be made anew
                    shutil.rmtree(target, ignore_errors=True)
            index = BM25(texts, self.language)
            with _replacing(target) as fresh:
                index.save(fresh)
            for old in self.folder.glob("bm25-*"):
                if old != target:
                    shutil.rmtree(old, ignore_errors=True)
        return index

    def sparse(
        self,
        texts: Mapping[str, str],
        encoder: SparseEncoder,
        fingerprint: str,
        on_encoded: OnEncoded = lambda _done, _total: None,
    ) -> SparseIndex:
        """Term weights over passage_id → text; only what this model never encoded is encoded.

        `fingerprint` names the model's content, as `model_fingerprint` says it.

        Raises:
            InputError: There are no passages.
            DistillerError: The workspace cannot be written.
        """
        if not texts:
            raise InputError("the project's corpus has no passages; read documents first")
        ids = sorted(texts)
        keys = [key_of(texts[id_]) for id_ in ids]
        with self.alone():
            weights = RowCache(self.folder / f"sparse-{fingerprint}")
            weights.fill(
                keys, list(map(texts.__getitem__, ids)), encoder.encode_passages, on_encoded
            )
            weights.compact()
            self._forget_old_models()
            return SparseIndex.of(encoder, ids, weights.of(keys))

    def alone(self) -> FileLock:
        """One process at a time makes a project's index; the others wait and find it made."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        return FileLock(self.folder / "lock")

    def _forget_old_models(self) -> None:
        found = sorted(self.folder.glob("sparse-*"), key=lambda path: -path.stat().st_mtime_ns)
        for old in found[_MODELS_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


class RowCache:
    """Rows of numbers by hash of what they were made of, in segment files.

    Damaged segments are dropped, and their rows made anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[_Key, int] = {}
        """Hash → row of the segments stacked in order."""
        self._parts: list[csr_matrix] = []
        self._files: list[Path] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
        except OSError as error:
            raise _unwritable(folder, error) from error
        for file in sorted(folder.glob("[0-9]*.npz")):
            segment = _read(file, width=self._parts[0].shape[1] if self._parts else None)
            if segment is None:
                file.unlink(missing_ok=True)
            else:
                self._files.append(file)
                self._remember(*segment)

    def fill(
        self,
        keys: Sequence[_Key],
        made_of: Sequence[T],
        make: Callable[[list[T]], Any],
        on_made: OnEncoded = lambda _done, _total: None,
    ) -> None:
        """Make the rows that are missing, a segment at a time; `make` gives a row for each."""
        missing = {key: one for key, one in zip(keys, made_of, strict=True) if key not in self.rows}
        for start in range(0, len(missing), AT_ONCE):
            part = dict(list(missing.items())[start : start + AT_ONCE])
            self.add(list(part), csr_matrix(make(list(part.values())), dtype=np.float32))
            on_made(min(start + AT_ONCE, len(missing)), len(missing))

    def add(self, keys: Sequence[_Key], weights: csr_matrix) -> None:
        """Keep the weights of new texts, on disk at once."""
        number = int(self._files[-1].stem) + 1 if self._files else 0
        file = self.folder / f"{number:08d}.npz"
        _write(file, keys, weights)
        self._files.append(file)
        self._remember(keys, weights)

    def of(self, keys: Sequence[_Key]) -> csr_matrix:
        """The rows of these hashes, in their order."""
        stacked = csr_matrix(vstack(self._parts, format="csr"))
        return csr_matrix(stacked[[self.rows[key] for key in keys]])

    def compact(self) -> None:
        """Many small segments made one. A crash in between leaves both, which does no harm."""
        if len(self._files) <= _MOST_SEGMENTS:
            return
        merged = self.folder / f"{int(self._files[-1].stem) + 1:08d}.npz"
        _write(merged, list(self.rows), self.of(list(self.rows)))
        for file in self._files:
            file.unlink(missing_ok=True)

    def _remember(self, keys: Iterable[_Key], weights: csr_matrix) -> None:
        start = sum(part.shape[0] for part in self._parts)
        for at, key in enumerate(keys, start):
            self.rows.setdefault(key, at)
        self._parts.append(weights)


def _read(file: Path, width: int | None) -> tuple[list[_Key], csr_matrix] | None:
    """A segment; None where the file is damaged or does not fit the others."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            parts = (kept["data"], kept["indices"], kept["indptr"])
            weights = csr_matrix(parts, shape=tuple(kept["shape"]), dtype=np.float32)
            weights.check_format(full_check=True)
            keys = [row.tobytes() for row in kept["keys"]]
    except Exception:  # zip, numpy and scipy each raise their own
        return None
    fits = len(keys) == weights.shape[0] and width in (None, weights.shape[1])
    return (keys, weights) if fits and np.isfinite(weights.data).all() else None


def _write(file: Path, keys: Sequence[_Key], weights: csr_matrix) -> None:
    """Write a segment whole or not at all."""
    hashes = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), _DIGEST)
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".new", delete=False) as scratch:
            np.savez(
                scratch,
                keys=hashes,
                data=weights.data,
                indices=weights.indices,
                indptr=weights.indptr,
                shape=np.asarray(weights.shape),
            )
        os.replace(scratch.name, file)
    except OSError as error:
        raise _unwritable(file.parent, error) from error


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A fresh folder that takes the place of another one when all went well."""
    try:
        with tempfile.TemporaryDirectory(
            dir=target.parent, prefix=".making-", ignore_cleanup_errors=True
        ) as scratch:
            fresh = Path(scratch) / "new"
            yield fresh
            os.replace(fresh, target)
    except OSError as error:
        raise _unwritable(target.parent, error) from error


def _fingerprint(language: str, texts: Mapping[str, str]) -> str:
    sha = hashlib.sha256(f"1 {language}\n".encode())
    for id_ in sorted(texts):
        sha.update(id_.encode("utf-8", "surrogatepass") + b"\0" + key_of(texts[id_]))
    return sha.hexdigest()[:20]


def key_of(text: str) -> _Key:
    """What a text is kept under."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def _unwritable(folder: Path, error: OSError) -> DistillerError:
    return DistillerError(
        f"the index cannot be written to {folder} ({error.strerror or error}); free space, or "
        "choose a workspace that is yours"
    )
