"""The field, as its expert describes it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, field_validator

from distiller.schema.base import Record, now


class Domain(Record):
    """A field in words."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=20_000)
    audience: str = Field(default="", max_length=2_000)
    """Who searches, in the expert's words."""
    exclusions: list[str] = Field(default_factory=list)
    """What does not belong to the field."""
    language: str = "en"
    """BCP 47 tag."""
    template: str = "general"
    """Name of a domain template of the packs, or a file."""
    example_queries: list[str] = Field(default_factory=list)
    """Queries of the expert's own; generated ones imitate their style."""

    @field_validator("name")
    @classmethod
    def _name_has_words(cls, name: str) -> str:
        name = " ".join(name.split())
        if not name:
            raise ValueError("the domain needs a name, such as 'residential tenancy law'")
        return name


class Project(Record):
    """One journey: a domain and everything made for it."""

    id: str
    name: str
    """Unique in the workspace: lower-case words joined by hyphens."""
    domain: Domain
    version: int = 1
    created: datetime = Field(default_factory=now)
