"""How the queries are spread over what the field is about."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from distiller.schema.base import Status
from distiller.schema.examples import Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


@dataclass(frozen=True)
class Coverage:
    """Queries per concept and type, rejected ones left out."""

    concepts: list[str]
    """Those with the fewest queries first."""
    types: list[str]
    counts: dict[str, Counter[str]]
    """Concept → type → queries."""

    def total(self, concept: str) -> int:
        """Queries that ask about a concept."""
        return self.counts[concept].total()


def coverage(store: Store, project_id: str) -> Coverage:
    """Count queries per concept that stands in the knowledge base, and per type."""
    standing = store.values(project_id, Concept, ["term", "status"])
    terms = {term.casefold(): term for term, status in standing if status != Status.REJECTED}
    counts: dict[str, Counter[str]] = defaultdict(Counter, {t: Counter() for t in terms.values()})
    types: set[str] = set()
    for type_, named, status in store.values(project_id, Query, ["type", "key_concepts", "status"]):
        if status == Status.REJECTED:
            continue
        types.add(type_)
        for term in {name.casefold() for name in named} & terms.keys():
            counts[terms[term]][type_] += 1
    concepts = sorted(counts, key=lambda term: (counts[term].total(), term.casefold()))
    return Coverage(concepts, sorted(types), dict(counts))
