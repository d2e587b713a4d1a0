"""Passages that a corpus has already, in the same or nearly the same words.

MinHash with locality-sensitive hashing proposes (Broder, "On the resemblance and containment of
documents", 1997), the exact Jaccard similarity of the shingles decides. Of each passage only its
signature stays in memory: 256 bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from distiller.quality.duplicates import PASSAGE_SHINGLE, shingles
from distiller.quality.texts import fold, similarity

THRESHOLD = 0.9
"""Jaccard similarity from which two passages are folded. Forms and clauses that differ in a number
or a name are often above 0.8, and are not the same."""

_BANDS, _ROWS = 8, 8
"""A pair of similarity 0.9 is proposed with probability 1 − (1 − 0.9⁸)⁸ = 0.989, one of 0.95 with
0.9998."""
_MOST_PROPOSED = 50
"""Looked at in a band, newest first: rows of a form may all resemble each other a little."""
_SLACK = 0.15
"""A signature of 64 numbers tells the similarity within 0.11, three deviations at 0.9."""

Texts = Callable[[Collection[str]], Mapping[str, str]]
"""Gives the texts of passages by id."""


class Signatures:
    """Signatures by hash of text, kept in a file, so that a large corpus is not hashed again."""

    def __init__(self, file: Path | None = None) -> None:
        """Read a file that `save` wrote; one that is damaged or not there is as an empty one."""
        self._file = file
        self._known: dict[bytes, NDArray[np.uint32]] = {}
        self._changed = False
        try:
            with np.load(file or "", allow_pickle=False) as kept:
                keys, rows = kept["keys"], kept["signatures"]
            if keys.shape == (len(rows), 16) and rows.shape[1:] == (_BANDS * _ROWS,):
                found = zip(keys.astype(np.uint8), rows.astype(np.uint32), strict=True)
                self._known = {key.tobytes(): row for key, row in found}
        except Exception:  # noqa: S110 - whatever is wrong with it, it can be made anew
            pass

    def of(self, texts: Sequence[str], keys: Sequence[bytes]) -> list[NDArray[np.uint32]]:
        """The signatures of texts, whose hashes are given."""
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self._known
        }
        if missing:
            made = _signatures([shingles(text, PASSAGE_SHINGLE) for text in missing.values()])
            self._known.update(zip(missing, made, strict=True))
            self._changed = True
        return [self._known[key] for key in keys]

    def save(self) -> None:
        """Write what is new, whole or not at all; a disk that is full costs time, no data."""
        if self._file is None or not self._changed:
            return
        keys = np.frombuffer(b"".join(self._known), dtype=np.uint8).reshape(-1, 16)
        scratch = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with scratch.open("wb") as file:
                np.savez(file, keys=keys, signatures=np.stack(list(self._known.values())))
            os.replace(scratch, self._file)
        except OSError:
            scratch.unlink(missing_ok=True)
        self._changed = False


class Fold(NamedTuple):
    """What a passage is folded into."""

    into: str
    exact: bool
    """Whether it is the same text, letter case and white space aside."""


def _always(_id: str, _exact: bool) -> bool:
    return True


class Seen:
    """What the corpus has so far."""

    def __init__(
        self,
        texts: Texts,
        threshold: float = THRESHOLD,
        signatures: Signatures | None = None,
    ) -> None:
        self._texts = texts
        self._signed = signatures or Signatures()
        self._threshold = threshold
        self._ids: list[str] = []
        self._signatures: list[NDArray[np.uint32]] = []
        self._bands: list[dict[int, int]] = [{} for _ in range(_BANDS)]
        """Hash of a band → the newest passage that has it; `_older` leads on from there."""
        self._older: list[dict[int, int]] = [{} for _ in range(_BANDS)]
        self._exact: dict[bytes, int] = {}

    def add(self, passages: Sequence[tuple[str, str]]) -> None:
        """Remember passages (id, text) without asking whether they are new."""
        keys = [_key(text) for _, text in passages]
        signed = self._signed.of([text for _, text in passages], keys)
        for (id_, _), key, signature in zip(passages, keys, signed, strict=True):
            self._remember(id_, key, signature)

    def fold(
        self, passages: Sequence[tuple[str, str]], may_fold: Callable[[str, bool], bool] = _always
    ) -> dict[str, Fold]:
        """Remember what is new; returns what the rest is folded into, by id.

        `may_fold` says of an id whether a passage is folded into that one: the same text (True), or
        one that merely resembles it (False).
        """
        keys = [_key(text) for _, text in passages]
        signed = self._signed.of([text for _, text in passages], keys)
        before = {self._ids[at] for signature in signed for at in self._proposed(signature)}
        known = {id_: shingles(text, PASSAGE_SHINGLE) for id_, text in self._texts(before).items()}
        folded: dict[str, Fold] = {}
        for (id_, text), key, signature in zip(passages, keys, signed, strict=True):
            same = self._exact.get(key)
            if same is not None and may_fold(self._ids[same], True):
                folded[id_] = Fold(self._ids[same], exact=True)
                continue
            words = shingles(text, PASSAGE_SHINGLE)
            other = self._like(signature, words, known, may_fold)
            if other is not None:
                folded[id_] = Fold(other, exact=False)
                continue
            self._remember(id_, key, signature)
            known[id_] = words
        return folded

    def _like(
        self,
        signature: NDArray[np.uint32],
        words: frozenset[str],
        known: Mapping[str, frozenset[str]],
        may_fold: Callable[[str, bool], bool],
    ) -> str | None:
        for at in sorted(self._proposed(signature)):
            id_ = self._ids[at]
            other = known.get(id_) if may_fold(id_, False) else None
            if other is not None and similarity(words, other) >= self._threshold:
                return id_
        return None

    def _proposed(self, signature: NDArray[np.uint32]) -> set[int]:
        rows: set[int] = set()
        for number, key in enumerate(_band_keys(signature)):
            at = self._bands[number].get(key)
            for _ in range(_MOST_PROPOSED):
                if at is None:
                    break
                rows.add(at)
                at = self._older[number].get(at)
        least = self._threshold - _SLACK
        return {at for at in rows if np.mean(self._signatures[at] == signature) >= least}

    def _remember(self, id_: str, key: bytes, signature: NDArray[np.uint32]) -> None:
        at = len(self._ids)
        self._ids.append(id_)
        self._signatures.append(signature)
        self._exact[key] = at
        for number, hashed in enumerate(_band_keys(signature)):
            older = self._bands[number].get(hashed)
            if older is not None:
                self._older[number][at] = older
            self._bands[number][hashed] = at


def _key(text: str) -> bytes:
    return hashlib.blake2b(fold(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _signatures(sets: Sequence[frozenset[str]]) -> list[NDArray[np.uint32]]:
    encoded = [[shingle.encode("utf-8", "surrogatepass") for shingle in found] for found in sets]
    hashes = MinHash.bulk(encoded, num_perm=_BANDS * _ROWS)
    return [np.asarray(hashed.hashvalues, dtype=np.uint32) for hashed in hashes]


def _band_keys(signature: NDArray[np.uint32]) -> list[int]:
    return [
        hash(signature[start : start + _ROWS].tobytes())
        for start in range(0, _BANDS * _ROWS, _ROWS)
    ]
