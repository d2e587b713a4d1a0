"""The structures that completions are asked for in. Order matters: what is written first steers."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, Field, JsonValue, create_model

T = TypeVar("T", bound=BaseModel)


class SubAreas(BaseModel):
    sub_areas: list[str]


class Entry(BaseModel):
    term: str
    definition: str
    example: str
    related_terms: list[str] = Field(json_schema_extra={"maxItems": 3})


class Rewritten(BaseModel):
    definition: str
    example: str
    related_terms: list[str] = Field(json_schema_extra={"maxItems": 3})


class Glossary(BaseModel):
    entries: list[Entry]


class Reading(BaseModel):
    sub_area: str
    entries: list[Entry]


class Link(BaseModel):
    type: str
    description: str
    examples: list[str] = Field(json_schema_extra={"maxItems": 1})


class Context(BaseModel):
    facts: list[str]
    typical_questions: list[str]
    relationships: list[Link]


class MendedQuery(BaseModel):
    query: str


class Kind(BaseModel):
    type: str
    description: str
    common_sections: list[str] = Field(json_schema_extra={"maxItems": 5})


class Kinds(BaseModel):
    document_types: list[Kind]


class ConceptQuery(BaseModel):
    concept: str
    query: str


class Queries(BaseModel):
    queries: list[ConceptQuery]


class PassageQuery(BaseModel):
    query: str


class PassageQueries(BaseModel):
    queries: list[PassageQuery]


class OtherQuery(BaseModel):
    kind: str
    query: str


class OtherQueries(BaseModel):
    queries: list[OtherQuery]


class WrittenPassage(BaseModel):
    title: str
    sentences: list[str]
    explanation: str


class Assessment(BaseModel):
    reason: str = Field(json_schema_extra={"maxLength": 240})
    grade: Literal[0, 1, 2, 3]


def counted(schema: type[T], **bounds: int | tuple[int, int]) -> type[T]:
    """The schema with bounds on the lengths of its lists.

    The bounds stand in the JSON schema only: endpoints that obey it write so many, and what others
    write is no error for being shorter or longer.
    """
    return cast("type[T]", _counted(schema, tuple(sorted(bounds.items()))))


@cache
def passage_queries(count: int, least: int) -> type[PassageQueries]:
    """`PassageQueries` of so many queries, each of at least so many signs, as endpoints see it."""
    bound: dict[str, JsonValue] = {"minLength": least} if least else {}
    one = create_model(
        "PassageQuery", __base__=PassageQuery, query=(str, Field(json_schema_extra=bound))
    )
    many: dict[str, JsonValue] = {"minItems": count, "maxItems": count}
    made = create_model(
        "PassageQueries",
        __base__=PassageQueries,
        queries=(list[one], Field(json_schema_extra=many)),
    )
    return cast("type[PassageQueries]", made)


@cache
def _counted(
    schema: type[BaseModel], bounds: tuple[tuple[str, int | tuple[int, int]], ...]
) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, bound in bounds:
        low, high = bound if isinstance(bound, tuple) else (bound, bound)
        extra: dict[str, JsonValue] = {"minItems": low, "maxItems": high}
        fields[name] = (schema.model_fields[name].annotation, Field(json_schema_extra=extra))
    return create_model(schema.__name__, __base__=schema, **fields)
