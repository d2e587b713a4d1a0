"""Where two texts use the same words, by the stems that BM25 matches."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache

import bm25s.tokenization
import Stemmer

from distiller.packs.languages import Language
from distiller.packs.languages import language as language_pack
from distiller.schema.errors import UnknownLanguage

_WORD = re.compile(r"[\w\u0300-\u036f]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

Span = tuple[int, int]
"""Where a word begins and ends, in characters from 0."""
_ONE_AT_A_TIME = threading.Lock()
"""A stemmer is not safe to share between the app's sessions."""


def shared_words(one: str, other: str, language: str = "en") -> tuple[list[Span], list[Span]]:
    """Where the words stand, in each text, that the other text has too; stop words aside.

    In a language that the packs do not know, words are compared as they are.
    """
    try:
        pack = language_pack(language)
    except UnknownLanguage:
        pack = None
    found = [list(_terms(text, pack)) for text in (one, other)]
    common = {term for term, _ in found[0]} & {term for term, _ in found[1]}
    first, second = (_joined(span for term, span in terms if term in common) for terms in found)
    return first, second


def _terms(text: str, pack: Language | None) -> Iterator[tuple[str, Span]]:
    for match in _WORD.finditer(text):
        word = unicodedata.normalize("NFKC", match[0]).casefold()
        if _UNSPACED.search(word):
            # Scripts without spaces: overlapping pairs of characters, as the index has them.
            for start in range(match.start(), max(match.end() - 1, match.start() + 1)):
                yield text[start : start + 2].casefold(), (start, min(start + 2, match.end()))
        elif len(word) > 1 and word not in _stopwords(pack.stopwords if pack else None):
            yield _stem(word, pack), match.span()


def _joined(spans: Iterator[Span]) -> list[Span]:
    """Overlapping spans as one."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _stem(word: str, pack: Language | None) -> str:
    if pack is None or pack.stemmer is None:
        return word
    with _ONE_AT_A_TIME:
        return str(_stemmer(pack.stemmer).stemWord(word))


@cache
def _stemmer(name: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(name)


@cache
def _stopwords(name: str | None) -> frozenset[str]:
    return frozenset(bm25s.tokenization._infer_stopwords(name)) if name else frozenset()
