"""How hard negatives are made: each strategy is another query that a passage answers instead."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from distiller.schema.examples import CONTRASTIVE_STRATEGIES, Grade, Strategy


class Variation(BaseModel):
    """One way to alter a query so that its answer is another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    example: str
    """Of the query that all examples alter."""
    grade: Grade


class Strategies(BaseModel):
    """All of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str
    """The query that the examples alter; of a field far from any user's."""
    standard: list[Variation] = Field(min_length=1)
    """Of these, the standard strategy takes turns."""
    contrastive: dict[Strategy, Variation]

    def variation(self, strategy: Strategy, turn: int) -> Variation:
        """How to alter a query for a strategy; `turn` counts the standard negatives."""
        if strategy in self.contrastive:
            return self.contrastive[strategy]
        return self.standard[turn % len(self.standard)]

    @property
    def all(self) -> list[Variation]:
        """Every variation, as the system prompt shows them."""
        return [*self.standard, *(self.contrastive[name] for name in CONTRASTIVE_STRATEGIES)]


@cache
def strategies() -> Strategies:
    """The strategies of the packs."""
    text = (files("distiller.packs") / "strategies.yaml").read_text(encoding="utf-8")
    return Strategies.model_validate(yaml.safe_load(text))
