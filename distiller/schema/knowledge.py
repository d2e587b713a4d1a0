"""The knowledge base: what the field is about, in reviewable items."""

from __future__ import annotations

from pydantic import Field

from distiller.schema.base import Item, Record


class Concept(Item):
    """A term of the field."""

    term: str = Field(min_length=1)
    definition: str
    example: str = ""
    related_terms: list[str] = Field(default_factory=list)
    sub_area: str = ""
    """The part of the field it was asked for in."""


class Relationship(Item):
    """How concepts of the field hang together."""

    type: str = Field(min_length=1)
    description: str
    examples: list[str] = Field(default_factory=list)


class TypicalQuestion(Item):
    """A question that people of the field ask."""

    question: str = Field(min_length=1)


class DocumentType(Item):
    """A kind of document of the field, and the sections it commonly has."""

    type: str = Field(min_length=1)
    description: str
    common_sections: list[str] = Field(default_factory=list)


class Fact(Item):
    """A statement that holds in the field."""

    fact: str = Field(min_length=1)


class KnowledgeBase(Record):
    """All knowledge items of a project."""

    domain: str
    language: str
    concepts: list[Concept] = Field(default_factory=list)
    relationships: list[Relationship] = Field(default_factory=list)
    typical_questions: list[TypicalQuestion] = Field(default_factory=list)
    document_types: list[DocumentType] = Field(default_factory=list)
    facts: list[Fact] = Field(default_factory=list)
