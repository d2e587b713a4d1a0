"""The bootstrap file (a knowledge base) and the queries file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from distiller.dataset.formats.records import OWN_KEY, Text, zip_meta
from distiller.dataset.formats.text_files import read_values, validate
from distiller.schema.base import Item, Provenance, Status, new_id
from distiller.schema.errors import InvalidFile
from distiller.schema.examples import Complexity, Query
from distiller.schema.knowledge import (
    Concept,
    DocumentType,
    Fact,
    KnowledgeBase,
    Relationship,
    TypicalQuestion,
)

AnyItem = TypeVar("AnyItem", bound=Item)
_STATE = {"id", "status", "stale", "version", "provenance"}


class ItemMeta(BaseModel):
    """What the files do not say of an item."""

    model_config = ConfigDict(extra="ignore")

    id: Text | None = None
    status: Status = Status.PROPOSED
    stale: bool = False
    version: int = Field(default=1, ge=1)
    provenance: Provenance | None = None
    sub_area: str = ""
    persona: str = ""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class ConceptRecord(_Strict):
    term: Text
    definition: str = ""
    example: str = ""
    related_terms: list[str] = Field(default_factory=list)


class RelationshipRecord(_Strict):
    type: Text
    description: str = ""
    examples: list[str] = Field(default_factory=list)


class DocumentTypeRecord(_Strict):
    type: Text
    description: str = ""
    common_sections: list[str] = Field(default_factory=list)


class _KnowledgeMeta(BaseModel):
    concepts: list[ItemMeta] | None = None
    relationships: list[ItemMeta] | None = None
    typical_questions: list[ItemMeta] | None = None
    document_types: list[ItemMeta] | None = None
    facts: list[ItemMeta] | None = None


class _BootstrapMeta(BaseModel):
    distiller: _KnowledgeMeta = Field(default_factory=_KnowledgeMeta)


class BootstrapRecord(_Strict):
    domain: Text
    language: str = "en"
    concepts: list[ConceptRecord] = Field(default_factory=list)
    relationships: list[RelationshipRecord] = Field(default_factory=list)
    typical_questions: list[Text] = Field(default_factory=list)
    document_types: list[DocumentTypeRecord] = Field(default_factory=list)
    facts: list[Text] = Field(default_factory=list)
    meta: _BootstrapMeta = Field(default_factory=_BootstrapMeta, alias="_meta", strict=False)


class _QueryMeta(BaseModel):
    distiller: ItemMeta = Field(default_factory=ItemMeta)


class QueryRecord(_Strict):
    query: Text
    type: str = "factual"
    complexity: Complexity = Field(default=Complexity.MODERATE, strict=False)
    answer_type: str = ""
    key_concepts: list[str] = Field(default_factory=list)
    meta: _QueryMeta = Field(default_factory=_QueryMeta, alias="_meta", strict=False)


def knowledge_record(knowledge: KnowledgeBase) -> dict[str, Any]:
    """The bootstrap file's one object."""
    return {
        "domain": knowledge.domain,
        "language": knowledge.language,
        "concepts": _said(knowledge.concepts, ConceptRecord),
        "relationships": _said(knowledge.relationships, RelationshipRecord),
        "typical_questions": [item.question for item in knowledge.typical_questions],
        "document_types": _said(knowledge.document_types, DocumentTypeRecord),
        "facts": [item.fact for item in knowledge.facts],
        "_meta": {
            OWN_KEY: {
                name: [_state(item) for item in getattr(knowledge, name)]
                for name in _KnowledgeMeta.model_fields
            }
        },
    }


def query_records(queries: Iterable[Query]) -> list[dict[str, Any]]:
    """`{"query", "type", "complexity", "answer_type", "key_concepts", "_meta"}` for each query."""
    fields = set(QueryRecord.model_fields) - {"meta"}
    return [
        {**query.model_dump(mode="json", include=fields), "_meta": {OWN_KEY: _state(query)}}
        for query in queries
    ]


def read_knowledge(path: Path) -> KnowledgeBase:
    """The knowledge base of a bootstrap file.

    Raises:
        NotFound: there is no such file.
        InvalidFile: what is wrong, by line and field.
    """
    values = list(read_values(path))
    if len(values) != 1:
        problem = f"expected one object, found {len(values)}; this is not a bootstrap file"
        raise InvalidFile(path, problem, line=1)
    line, value = values[0]
    record = validate(BootstrapRecord, value, path, line)

    def items(name: str, make: Callable[..., AnyItem]) -> list[AnyItem]:
        said, metas = getattr(record, name), getattr(record.meta.distiller, name)
        paired = zip(said, zip_meta(len(said), metas, path, line, name), strict=True)
        return [make(one, meta or ItemMeta()) for one, meta in paired]

    return KnowledgeBase(
        domain=record.domain,
        language=record.language,
        concepts=items("concepts", _concept),
        relationships=items("relationships", _relation),
        typical_questions=items("typical_questions", _question),
        document_types=items("document_types", _document_type),
        facts=items("facts", _fact),
    )


def read_queries(path: Path) -> list[Query]:
    """The queries of a queries file.

    Raises:
        NotFound: there is no such file.
        InvalidFile: what is wrong, by line and field.
    """
    queries = []
    for line, value in read_values(path):
        record = validate(QueryRecord, value, path, line)
        meta = record.meta.distiller
        said = record.model_dump(exclude={"meta"})
        queries.append(Query(persona=meta.persona, **said, **_kept(meta, "q")))
    return queries


def _concept(said: ConceptRecord, meta: ItemMeta) -> Concept:
    return Concept(sub_area=meta.sub_area, **said.model_dump(), **_kept(meta, "concept"))


def _relation(said: RelationshipRecord, meta: ItemMeta) -> Relationship:
    return Relationship(**said.model_dump(), **_kept(meta, "relationship"))


def _question(said: str, meta: ItemMeta) -> TypicalQuestion:
    return TypicalQuestion(question=said, **_kept(meta, "question"))


def _fact(said: str, meta: ItemMeta) -> Fact:
    return Fact(fact=said, **_kept(meta, "fact"))


def _document_type(said: DocumentTypeRecord, meta: ItemMeta) -> DocumentType:
    return DocumentType(**said.model_dump(), **_kept(meta, "document-type"))


def _said(items: Iterable[Item], record: type[BaseModel]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json", include=set(record.model_fields)) for item in items]


def _state(item: Item) -> dict[str, Any]:
    extra = {"sub_area", "persona"} & set(type(item).model_fields)
    return item.model_dump(mode="json", include=_STATE | extra)


def _kept(meta: ItemMeta, kind: str) -> dict[str, Any]:
    return {
        "id": meta.id or new_id(kind),
        "status": meta.status,
        "stale": meta.stale,
        "version": meta.version,
        "provenance": meta.provenance or Provenance(source="import"),
    }
