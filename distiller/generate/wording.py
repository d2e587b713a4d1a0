"""Texts of models made clean, and compared with each other. Pure functions, no model calls."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

import bm25s.tokenization
import Stemmer
from datasketch import MinHash, MinHashLSH

from distiller.packs.languages import Language, language

NEAR_DUPLICATE = 0.8
"""Jaccard similarity of word stems from which two queries count as the same."""
PERMUTATIONS = 64
PARROTED, MIN_STEMS = 0.75, 5
"""A text of so many stems, of which such a share stands in one line of the prompt, parrots it."""

_FENCE = re.compile(r"^```\w*\s*|\s*```$")
_PREAMBLE = re.compile(
    r"^(?:sure|certainly|of course|okay|ok|here (?:is|are)|here's)\b[^\n:]{0,120}:\s*",
    re.IGNORECASE,
)
_MARK = re.compile(r"^\s*(?:[-*•]+\s+|#{1,6}\s+|\(?\d{1,3}[.)]\s+)")
_LABEL = re.compile(
    r"^(?:example |search |sample )?(?:query|question|concept|term|title|passage|text|fact|answer)"
    r"(?:\s*#?\d+)?\s*[:.]\s+",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_QUOTES = [('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("«", "»"), ("‘", "’"), ("`", "`")]
_PLACEHOLDER = re.compile(
    r"^(?:n/?a|none|null|nil|tbd|todo|unknown|string|text|title|example|placeholder|lorem ipsum.*"
    r"|\.{2,}|…|-+|\[[^\]]*\]|<[^>]*>)\.?$",
    re.IGNORECASE,
)
_SELF = re.compile(r"\bas an ai\b|\blanguage model\b|\[insert\b|\byour (?:query|term) here\b", re.I)


def clean(text: str) -> str:
    """The text without fences, preambles, list marks, labels, emphasis and surrounding quotes.

    Empty where nothing but a placeholder is left.
    """
    text = unicodedata.normalize("NFC", text).replace("\x00", "").strip()
    before = None
    while before != text:
        before = text
        for pattern in (_FENCE, _PREAMBLE, _MARK, _LABEL):
            text = pattern.sub("", text).strip()
        text = _unquoted(_EMPHASIS.sub(r"\2", text))
    text = " ".join(text.split())
    return "" if _PLACEHOLDER.match(text) or _SELF.search(text) else text


def _unquoted(text: str) -> str:
    for first, last in _QUOTES:
        inner = text[1:-1]
        if len(text) > 2 and text[0] == first and text[-1] == last and first not in inner:
            return inner.strip()
    return text


def words(text: str) -> list[str]:
    """Words and numbers of the text, folded."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def length(text: str, tag: str) -> int:
    """Words of the text; characters by two where the language parts no words by spaces."""
    return len(text.split()) if language(tag).spaced else (len(text) + 1) // 2


@cache
def _stemmer(name: str) -> Any:
    return Stemmer.Stemmer(name)


@cache
def _stopwords(name: str | None) -> frozenset[str]:
    return frozenset(bm25s.tokenization._infer_stopwords(name)) if name else frozenset()


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
        content = _stemmer(spoken.stemmer).stemWords(content)
    return frozenset(content)


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity of two sets of stems; 1 for two empty ones."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def parrots(text: str, lines: Iterable[str], tag: str) -> bool:
    """Whether a line that the model was shown holds most of the text's stems; not of short texts."""
    found = stems(text, tag)
    return len(found) >= MIN_STEMS and any(
        len(found & stems(line, tag)) >= PARROTED * len(found) for line in lines
    )


def copied_run(text: str, source: str, tag: str) -> int:
    """Words of the longest run that both texts share; characters by two where none are parted."""
    spaced = language(tag).spaced
    one = words(text) if spaced else list("".join(words(text)))
    other = words(source) if spaced else list("".join(words(source)))
    joint = " " if spaced else ""
    shown = f"{joint}{joint.join(other)}{joint}"
    longest, start = 0, 0
    for end in range(1, len(one) + 1):
        while end - start > longest and f"{joint}{joint.join(one[start:end])}{joint}" not in shown:
            start += 1
        longest = max(longest, end - start)
    return longest if spaced else longest // 2


def joined(text: str) -> bool:
    """Whether the text asks two things at once."""
    return sum(text.count(mark) for mark in "?？؟") > 1


class Seen:
    """Texts seen so far, by their stems; finds duplicates and near-duplicates.

    Candidates come from MinHash (Broder 1997) with locality-sensitive hashing, so that a look-up
    does not slow down with the number of texts; each is then compared exactly.
    """

    def __init__(self, tag: str, threshold: float = NEAR_DUPLICATE) -> None:
        self._tag = tag
        self._threshold = threshold
        self._lsh = MinHashLSH(threshold=max(0.1, threshold - 0.15), num_perm=PERMUTATIONS)
        self._texts: dict[str, frozenset[str]] = {}

    def add(self, text: str) -> bool:
        """Remember the text. False where it, or one very like it, was seen before."""
        key = " ".join(words(text))
        found = stems(text, self._tag)
        if not key or key in self._texts:
            return False
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([stem.encode() for stem in sorted(found)])
        for candidate in self._lsh.query(sketch):
            if similarity(found, self._texts[candidate]) >= self._threshold:
                return False
        self._texts[key] = found
        self._lsh.insert(key, sketch)
        return True
