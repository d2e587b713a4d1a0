"""The plan of queries: which concept, kind, complexity, expected answer and searcher, by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from distiller.generate.records import deal
from distiller.packs.templates import QueryType, Template
from distiller.schema.errors import InputError
from distiller.schema.examples import Complexity
from distiller.schema.knowledge import Concept

BATCH = 4
"""Cells that one request asks for; they share a complexity."""

Mix = Literal["simple", "mixed", "complex"]

LIMITS = {
    Complexity.SIMPLE: "at most 8 words",
    Complexity.MODERATE: "8 to 15 words",
    Complexity.COMPLEX: "15 to 35 words",
}
"""As the examples of the prompts show them."""


@dataclass(frozen=True)
class Cell:
    """One query to be written."""

    number: int
    concept: Concept
    type: QueryType
    complexity: Complexity
    answer_type: str
    persona: str


@dataclass(frozen=True)
class Plan:
    """Gives the cell of any number; it never depends on how many there are, or on what is done."""

    concepts: Sequence[Concept]
    template: Template
    mix: Mix
    salt: str

    def cell(self, number: int) -> Cell:
        """Every concept, kind, complexity, answer type and persona comes equally often."""
        batch, place = divmod(number, BATCH)
        complexities = self.complexities
        complexity = deal(complexities, batch, self.salt, "complexity")
        turn = batch // len(complexities) * BATCH + place
        kind = deal(self._types(complexity), turn, self.salt, "type", complexity)
        return Cell(
            number=number,
            concept=deal(self.concepts, number, self.salt, "concept"),
            type=kind,
            complexity=complexity,
            answer_type=deal(kind.answer_types, number, self.salt, "answer", kind.name),
            persona=deal(self.template.personas, number, self.salt, "persona"),
        )

    @property
    def complexities(self) -> list[Complexity]:
        """Those of the mix."""
        return complexities_of(self.mix)

    def _types(self, complexity: Complexity) -> list[QueryType]:
        fitting = [kind for kind in self.template.query_types if complexity in kind.complexities]
        return fitting or self.template.query_types


def complexities_of(mix: Mix) -> list[Complexity]:
    """All of them where they are mixed, or else the one."""
    return list(Complexity) if mix == "mixed" else [Complexity(mix)]


def checked_mix(complexity: str) -> Mix:
    """Raises InputError for anything but simple, mixed or complex."""
    if complexity not in ("simple", "mixed", "complex"):
        raise InputError(f"no complexity {complexity!r}; use simple, mixed or complex")
    return complexity  # type: ignore[return-value]


@dataclass(frozen=True)
class Focus:
    """What queries shall be about; by default everything."""

    concepts: Sequence[str] = ()
    """By id; none means all."""
    query_type: str = ""
    """One of the template's; empty means all."""
    grounded_share: float | None = None
    """Share of the queries that are written from documents, 0 to 1, the others from concepts alone;
    None: all where there are documents and the focus is not narrowed, else none."""

    @property
    def share(self) -> float | None:
        """The share in force; None leaves it to whether there are documents."""
        narrowed = bool(self.concepts or self.query_type)
        return 0.0 if narrowed and self.grounded_share is None else self.grounded_share

    def among(self, concepts: Sequence[Concept]) -> list[Concept]:
        """Those of the concepts that it names.

        Raises:
            InputError: none of them is there.
        """
        chosen = [one for one in concepts if not self.concepts or one.id in self.concepts]
        if concepts and not chosen:
            raise InputError(
                "none of these concepts stands in the knowledge base; choose another one"
            )
        return chosen


EVERYWHERE = Focus()


def of_one_type(template: Template, name: str) -> Template:
    """The template with that type of query only; as it is without a name.

    Raises:
        InputError: the template has no such type.
    """
    kinds = [kind for kind in template.query_types if not name or kind.name == name]
    if not kinds:
        known = ", ".join(kind.name for kind in template.query_types)
        raise InputError(f"no type of query is called {name!r} here; there are {known}")
    return template.model_copy(update={"query_types": kinds})
