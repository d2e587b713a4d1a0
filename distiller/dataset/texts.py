"""Folding, words and identifiers of texts: what makes two texts the same."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_WORD = re.compile(
    # Scripts without spaces count by character, the others by run of letters and digits.
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+"
)


def fold(text: str) -> str:
    """Case-folded, compatibility-normalised, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The folded words; in scripts without spaces (Chinese, Japanese, Thai, …) the characters."""
    return _WORD.findall(fold(text))


def query_id_of(query: str) -> str:
    """Identifier of a query that a file gives none for: the same text, the same identifier."""
    return f"q-{digest(query)[:20]}"


def passage_id_of(text: str, title: str = "", scope: str = "") -> str:
    """Identifier of a passage by its text and title, within a scope such as a project."""
    return f"p-{digest(scope, title, text)[:20]}"


def digest(*parts: str) -> str:
    """SHA-256, as hexadecimal digits, over texts and where they end."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()
