"""The kinds of reviewable items: which table holds them, and what makes two of them the same."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Table

from distiller.schema.base import Item
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion
from distiller.store import tables


@dataclass(frozen=True)
class Kind:
    """One kind of item."""

    name: str
    """As review events and counts call it."""
    model: type[Item]
    table: Table
    identity: Callable[[Any], tuple[str, ...]]
    """The fields that no two items of a project share."""
    text: str
    """The column that a text search looks at."""

    def row(self, item: Item, project_id: str) -> dict[str, Any]:
        """The item as its table holds it."""
        row = item.model_dump(mode="json")
        row["natural_key"] = self.natural_key(item)
        row["project_id"] = project_id
        row["origin_source"] = item.provenance.source
        row["run_id"] = item.provenance.run_id
        row["created"] = item.provenance.created
        return row

    @cached_property
    def columns(self) -> list[Column[Any]]:
        """What `item` needs of a row, in the order that it needs."""
        return [self.table.c[name] for name in self.model.model_fields]

    def item(self, values: Sequence[Any]) -> Item:
        """The item of which these are the values of `columns`."""
        return self.model.model_validate(dict(zip(self.model.model_fields, values, strict=True)))

    def natural_key(self, item: Item) -> str:
        """Equal for items that count as the same: letter case and white space do not matter."""
        parts = "\x1f".join(self.identity(item))
        return hashlib.blake2b(parts.encode("utf-8", "replace"), digest_size=16).hexdigest()


def folded(text: str) -> str:
    """The text without differences of letter case, white space and Unicode composition."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _one(field: str) -> Callable[[Any], tuple[str, ...]]:
    return lambda item: (folded(getattr(item, field)),)


def _relationship(item: Relationship) -> tuple[str, ...]:
    return folded(item.type), folded(item.description)


def _passage(item: Passage) -> tuple[str, ...]:
    return (item.id,)


def _judgment(item: Judgment) -> tuple[str, ...]:
    return item.query_id, item.passage_id, item.source


KINDS = (
    Kind("concept", Concept, tables.concepts, _one("term"), "term"),
    Kind("relationship", Relationship, tables.relationships, _relationship, "description"),
    Kind(
        "typical_question", TypicalQuestion, tables.typical_questions, _one("question"), "question"
    ),
    Kind("document_type", DocumentType, tables.document_types, _one("type"), "type"),
    Kind("fact", Fact, tables.facts, _one("fact"), "fact"),
    Kind("query", Query, tables.queries, _one("query"), "query"),
    Kind("passage", Passage, tables.passages, _passage, "text"),
    Kind("judgment", Judgment, tables.judgments, _judgment, "explanation"),
)
"""Judgments last, for they refer to queries and passages."""

_BY_MODEL = {kind.model: kind for kind in KINDS}
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(kind: type[Item]) -> Kind:
    return _BY_MODEL[kind]


def kind_named(name: str) -> Kind:
    return _BY_NAME[name]
