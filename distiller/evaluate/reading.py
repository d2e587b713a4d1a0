"""What a report lets people look at: rankings of single queries, wins and losses, slices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distiller.evaluate.measures import NDCG, mean
from distiller.schema.retrieval import Collection, EvaluationReport, Run, Shown, SystemResult

TOP = 10
MOST_QUERIES = 300
"""Queries with rankings in one report at most, so that a report stays small enough to list."""
TEXT = 600
"""Characters kept of a passage."""


@dataclass(frozen=True)
class Difference:
    """One query under two systems."""

    query_id: str
    query: str
    baseline: float
    other: float

    @property
    def value(self) -> float:
        """Other minus baseline."""
        return self.other - self.baseline


@dataclass(frozen=True)
class ToShow:
    """Queries and passages that go into a report."""

    queries: dict[str, Shown]
    passages: dict[str, str]


def to_show(
    results: Sequence[SystemResult], runs: Mapping[str, Run], collection: Collection
) -> ToShow:
    """Choose the queries that a report shows, and write each system's first passages into it.

    Of more than `MOST_QUERIES`, those on which the systems' nDCG@10 differ most.
    """
    values = [result.per_query.get(NDCG.name, {}) for result in results]

    def spread(query_id: str) -> float:
        found = [value.get(query_id, 0.0) for value in values]
        return max(found) - min(found)

    chosen = sorted(collection.queries, key=lambda id_: (-spread(id_), id_))[:MOST_QUERIES]
    named: set[str] = set()
    for result in results:
        run = runs[result.name]
        for id_ in chosen:
            best = sorted(run.get(id_, {}).items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
            result.rankings[id_] = [(passage, float(score)) for passage, score in best]
            named |= {passage for passage, _ in best}
    queries = {
        id_: Shown(
            query=collection.queries[id_],
            facts=dict(collection.slices.get(id_, {})),
            grades=dict(collection.qrels.get(id_, {})),
        )
        for id_ in chosen
    }
    passages = {id_: collection.corpus[id_][:TEXT] for id_ in sorted(named)}
    return ToShow(queries, passages)


def differences(
    report: EvaluationReport, baseline: str, other: str, measure: str = NDCG.name
) -> list[Difference]:
    """The shown queries under two systems, greatest gain first, greatest loss last."""
    by_name = {system.name: system.per_query.get(measure, {}) for system in report.systems}
    one, two = by_name[baseline], by_name[other]
    found = [
        Difference(id_, shown.query, one[id_], two[id_])
        for id_, shown in report.shown.items()
        if id_ in one and id_ in two
    ]
    return sorted(found, key=lambda difference: (-difference.value, difference.query_id))


def slices(
    report: EvaluationReport, fact: str, measure: str = NDCG.name
) -> dict[str, dict[str, tuple[float | None, int]]]:
    """Value of a fact (a query type) → system → mean of the measure and number of queries."""
    groups: dict[str, list[str]] = defaultdict(list)
    for id_, shown in report.shown.items():
        if shown.facts.get(fact):
            groups[shown.facts[fact]].append(id_)
    table: dict[str, dict[str, tuple[float | None, int]]] = {}
    for value, ids in sorted(groups.items()):
        table[value] = {}
        for system in report.systems:
            known = system.per_query.get(measure, {})
            some = {id_: known[id_] for id_ in ids if id_ in known}
            table[value][system.name] = (mean(some), len(some))
    return table
