"""What people read in a report: verdicts in words, single queries, slices, quality against cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from distiller.evaluate.measures import NDCG, RELEVANT, mean
from distiller.evaluate.significance import ENOUGH_QUERIES
from distiller.schema.retrieval import (
    Collection,
    Comparison,
    EvaluationReport,
    Interval,
    Run,
    Shown,
    SystemResult,
)

TOP = 10
MOST_RANKINGS = 2_000
"""Queries of one report with rankings at most; the values, words and facts of all are kept."""
MISSED = 10
"""Relevant passages kept of a query that no system has among its first."""
TEXT = 600
"""Characters kept of a query or passage."""


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
class Ranked:
    """A passage as one system ranked it."""

    place: int
    passage_id: str
    text: str
    score: float
    grade: int | None
    """None where nobody judged it."""


@dataclass(frozen=True)
class CostPoint:
    """A system's quality, and the work of comparing one query with one passage."""

    name: str
    quality: float
    flops: float


@dataclass(frozen=True)
class ToShow:
    """Queries and passages that go into a report."""

    queries: dict[str, Shown]
    passages: dict[str, str]


def verdict_words(comparison: Comparison) -> str:
    """One comparison as a sentence for people who never saw a measure."""
    queries = comparison.wins + comparison.losses + comparison.ties
    difference = comparison.difference
    names = f"{comparison.other} against {comparison.baseline}"
    on = f"on {queries:,} {'query' if queries == 1 else 'queries'}"
    if comparison.verdict in ("better", "worse"):
        sign = 1 if comparison.verdict == "better" else -1
        low, high = sorted((sign * difference.low, sign * difference.high))
        return (
            f"{names}: {comparison.verdict} by {100 * sign * difference.value:.1f} points, "
            f"interval {100 * low:.1f} to {100 * high:.1f}, {on}."
        )
    sure = (
        f"{_signed(difference.value)} points, interval {_signed(difference.low)} to "
        f"{_signed(difference.high)}, {on}"
    )
    if comparison.verdict == "inconclusive":
        return f"{names}: too few queries to tell ({sure}; at least {ENOUGH_QUERIES} are needed)."
    return f"{names}: no difference shown ({sure})."


def _signed(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # adding zero makes -0.0 a plain one


def to_show(
    results: Sequence[SystemResult], runs: Mapping[str, Run], collection: Collection
) -> ToShow:
    """Write each system's first passages into it, and collect the texts that go with them.

    Of more than `MOST_RANKINGS` queries, those on which the systems' nDCG@10 differ most get
    rankings.
    """
    values = [result.per_query.get(NDCG.name, {}) for result in results]

    def spread(query_id: str) -> float:
        found = [value.get(query_id, 0.0) for value in values]
        return max(found) - min(found)

    ranked = sorted(collection.queries, key=lambda id_: (-spread(id_), id_))[:MOST_RANKINGS]
    named: dict[str, set[str]] = {id_: set() for id_ in ranked}
    for result in results:
        run = runs[result.name]
        for id_ in ranked:
            best = sorted(run.get(id_, {}).items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
            result.rankings[id_] = [(passage, float(score)) for passage, score in best]
            named[id_] |= {passage for passage, _ in best}
    for id_ in ranked:
        named[id_] |= set(_missed(collection.qrels.get(id_, {}), named[id_]))
    queries = {
        id_: Shown(
            query=query[:TEXT],
            facts=dict(collection.slices.get(id_, {})),
            grades={
                passage: grade
                for passage, grade in collection.qrels.get(id_, {}).items()
                if passage in named.get(id_, ())
            },
        )
        for id_, query in collection.queries.items()
    }
    passages = sorted(set().union(*named.values()))
    return ToShow(queries, {id_: collection.corpus[id_][:TEXT] for id_ in passages})


def _missed(grades: Mapping[str, int], ranked: set[str]) -> list[str]:
    """Relevant passages that no ranking names, best first."""
    relevant = [id_ for id_, grade in grades.items() if grade >= RELEVANT and id_ not in ranked]
    return sorted(relevant, key=lambda id_: (-grades[id_], id_))[:MISSED]


def differences(
    report: EvaluationReport, baseline: str, other: str, measure: str = NDCG.name
) -> list[Difference]:
    """All queries that both systems have a value for, greatest gain first, greatest loss last."""
    by_name = {system.name: system.per_query.get(measure, {}) for system in report.systems}
    one, two = by_name[baseline], by_name[other]
    found = [
        Difference(id_, shown.query, one[id_], two[id_])
        for id_, shown in report.shown.items()
        if id_ in one and id_ in two
    ]
    return sorted(found, key=lambda difference: (-difference.value, difference.query_id))


def both_ends(found: Sequence[Difference], most: int) -> list[Difference]:
    """The greatest gains and the greatest losses, at most so many, in the order given."""
    if len(found) <= most:
        return list(found)
    return [*found[: most - most // 2], *found[len(found) - most // 2 :]]


def ranking(report: EvaluationReport, name: str, query_id: str) -> list[Ranked] | None:
    """The first passages of one system for one query; None where the report kept none."""
    system = next(system for system in report.systems if system.name == name)
    if query_id not in system.rankings:
        return None
    grades = report.shown[query_id].grades
    return [
        Ranked(place, id_, report.passages_shown.get(id_, ""), score, grades.get(id_))
        for place, (id_, score) in enumerate(system.rankings[query_id], 1)
    ]


def missed(report: EvaluationReport, names: Sequence[str], query_id: str) -> list[tuple[str, int]]:
    """Relevant passages (id, grade) that none of the systems has among its first, best first."""
    grades = report.shown[query_id].grades
    there = {
        id_
        for system in report.systems
        if system.name in names
        for id_, _ in system.rankings.get(query_id, [])
    }
    return [(id_, grades[id_]) for id_ in _missed(grades, there)]


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


def bars(
    report: EvaluationReport, measure: str = NDCG.name
) -> list[tuple[str, float, Interval | None]]:
    """Name, value and interval of each system that the measure is defined for."""
    return [
        (system.name, value, system.intervals.get(measure))
        for system in report.systems
        if (value := system.measures.get(measure)) is not None
    ]


def quality_and_cost(report: EvaluationReport, measure: str = NDCG.name) -> list[CostPoint]:
    """The systems that have FLOPS; BM25 and fusions have none."""
    return [
        CostPoint(system.name, value, system.flops)
        for system in report.systems
        if (value := system.measures.get(measure)) is not None and system.flops is not None
    ]


def with_short_names(report: EvaluationReport) -> EvaluationReport:
    """Paths cut to their last part, unless two systems would then have the same name."""
    names = [system.name for system in report.systems]
    short = {name: PurePath(name).name for name in names if name.count("/") > 1}
    if not short or len({short.get(name, name) for name in names}) < len(names):
        return report
    return report.model_copy(
        update={
            "systems": [
                system.model_copy(update={"name": short.get(system.name, system.name)})
                for system in report.systems
            ],
            "comparisons": [
                comparison.model_copy(
                    update={
                        "baseline": short.get(comparison.baseline, comparison.baseline),
                        "other": short.get(comparison.other, comparison.other),
                    }
                )
                for comparison in report.comparisons
            ],
        }
    )
