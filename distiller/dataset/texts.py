"""Identifiers of texts that come without one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from distiller.schema.dataset import LabelledPassage, UnlabelledPassage


def query_id_of(query: str) -> str:
    """Identifier of a query that a file gives none for: the same text, the same identifier."""
    return f"q-{digest(query)[:20]}"


def passage_id_of(text: str, title: str = "", scope: str = "") -> str:
    """Identifier of a passage by its text and title, within a scope such as a project."""
    return f"p-{digest(scope, title, text)[:20]}"


def passage_text(passage: LabelledPassage | UnlabelledPassage) -> str:
    """Title and text joined by a space, as in BEIR: what retrieval and training read."""
    text = f"{passage.title} {passage.text}" if passage.title else passage.text
    return text.strip()  # mostly the text itself, not a copy


def key_of_text(text: str) -> int:
    """A number below 2**64 for a text; that two of ten million texts share one has odds of 1:370,000."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def digest(*parts: str) -> str:
    """SHA-256, as hexadecimal digits, over texts and where they end."""
    return digest_of(parts)


def digest_of(parts: Iterable[str]) -> str:
    """The same of texts that need not be in memory together."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()
