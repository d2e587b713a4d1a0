"""Folding, words and stems of texts: what makes two texts the same, or alike."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import cache

import bm25s.tokenization
import Stemmer

from distiller.packs.languages import Language, language

_WORD = re.compile(
    # Scripts without spaces count by character, the others by run of letters and digits.
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+"
)
_ONE_AT_A_TIME = threading.Lock()
"""A stemmer is not safe to share between the app's sessions."""


def fold(text: str) -> str:
    """Case-folded, compatibility-normalised, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The folded words; in scripts without spaces (Chinese, Japanese, Thai, …) the characters."""
    return _WORD.findall(fold(text))


def length(text: str, tag: str) -> int:
    """Words of the text; characters by two where the language parts no words by spaces."""
    return len(text.split()) if language(tag).spaced else (len(text) + 1) // 2


def is_stopword(word: str, tag: str) -> bool:
    """Whether a folded word is one of those that tell nothing by themselves."""
    return word in _stopwords(language(tag).stopwords)


def stems(text: str, tag: str) -> frozenset[str]:
    """Stems of the text's content words; character pairs where spaces part no words."""
    spoken: Language = language(tag)
    found = words(text)
    if not spoken.spaced:
        joined = "".join(found)
        return frozenset(joined[i : i + 2] for i in range(max(1, len(joined) - 1)))
    content = [word for word in found if word not in _stopwords(spoken.stopwords)] or found
    if spoken.stemmer:
        with _ONE_AT_A_TIME:
            content = _stemmer(spoken.stemmer).stemWords(content)
    return frozenset(content)


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity, shared over all, 0 to 1; 1 for two empty sets."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


@cache
def _stemmer(name: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(name)


@cache
def _stopwords(name: str | None) -> frozenset[str]:
    return frozenset(bm25s.tokenization._infer_stopwords(name)) if name else frozenset()
