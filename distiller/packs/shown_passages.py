"""Worked examples of queries from a passage, in the language of the field."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from distiller.packs.languages import language


class ShownPassage(BaseModel):
    """A passage, what was asked of it, and the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    passage: str
    limit: str
    queries: dict[str, str] = Field(min_length=1)
    """Kind → query."""

    @property
    def answer(self) -> str:
        """As the writer shall answer: JSON of the structure asked for."""
        queries = [{"query": query} for query in self.queries.values()]
        return json.dumps({"queries": queries}, ensure_ascii=False)


@cache
def _all() -> dict[str, list[ShownPassage]]:
    text = (files("distiller.packs") / "shown_passages.yaml").read_text(encoding="utf-8")
    return {
        code: [ShownPassage.model_validate(entry) for entry in entries]
        for code, entries in yaml.safe_load(text).items()
    }


def shown_passages(tag: str) -> list[ShownPassage]:
    """The examples of a language; none where there are none of its own."""
    return _all().get(language(tag).code, [])
