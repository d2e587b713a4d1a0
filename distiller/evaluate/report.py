"""Systems side by side on one collection: measured, compared, and said in words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from distiller.evaluate.measures import MEASURES, NDCG, mean, per_query
from distiller.evaluate.reading import to_show
from distiller.evaluate.significance import ENOUGH_QUERIES, compare, corrected, interval
from distiller.evaluate.sparsity import active_dims, flops
from distiller.retrieve import SparseIndex
from distiller.schema.base import new_id
from distiller.schema.errors import InputError
from distiller.schema.retrieval import (
    Collection,
    Comparison,
    EvaluationReport,
    Retriever,
    Run,
    SystemResult,
)

DEPTH = 1000
"""Passages ranked per query."""


def evaluate(
    systems: Sequence[Retriever],
    collection: Collection,
    *,
    baseline: str | None = None,
    compared: Sequence[str] = (NDCG.name,),
    seed: int = 13,
) -> EvaluationReport:
    """Rank the whole corpus with each system, measure and compare.

    Args:
        systems: Retrievers over the corpus of the collection.
        collection: Corpus, judged queries and qrels.
        baseline: Name of the system that all others are compared with; None compares every pair,
            the system named earlier as its baseline.
        compared: Names of the measures to compare by. Holm's correction is over all comparisons
            of the report, so each further measure makes every verdict more cautious.
        seed: Of the resampling; the same seed gives the same report.

    Raises:
        InputError: No system, two of the same name, an unknown baseline or measure, or no query.
    """
    _check(systems, collection, baseline, compared)
    runs = [_ranked(system, collection) for system in systems]
    results = [_measured(run, collection, seed) for run in runs]
    comparisons = [
        compare(
            first.name,
            other.name,
            measure,
            (first.per_query[measure], other.per_query[measure]),
            seed=seed,
        )
        for first, other in _pairs(results, baseline)
        for measure in compared
    ]
    shown = to_show(results, {ranked.name: ranked.run for ranked in runs}, collection)
    return EvaluationReport(
        id=new_id("report"),
        shown=shown.queries,
        passages_shown=shown.passages,
        collection=collection.name,
        held_out=collection.held_out,
        queries=len(collection.queries),
        passages=len(collection.corpus),
        systems=results,
        comparisons=corrected(comparisons),
        notes=[*collection.notes, *_notes(collection, results)],
    )


def in_words(comparison: Comparison) -> str:
    """One sentence: who is better, by how many points of 100, how sure that is."""
    queries = comparison.wins + comparison.losses + comparison.ties
    points = 100 * comparison.difference.value
    said = {
        "better": f"better by {abs(points):.1f}",
        "worse": f"worse by {abs(points):.1f}",
        "inconclusive": f"inconclusive, under {ENOUGH_QUERIES} queries: {points:+.1f}",
    }.get(comparison.verdict, f"{comparison.verdict}: {points:+.1f}")
    return (
        f"{comparison.other} against {comparison.baseline}: {said} points of {comparison.measure}, "
        f"95 % interval {100 * comparison.difference.low:+.1f} to "
        f"{100 * comparison.difference.high:+.1f}, p = {comparison.p_value:.3f}, on {queries} "
        f"queries ({comparison.wins} won, {comparison.losses} lost, {comparison.ties} tied)."
    )


def to_json(report: EvaluationReport) -> dict[str, Any]:
    """What `evaluate --json` prints: per model its measures, then the paired comparisons."""
    return {
        "collection": report.collection,
        "models": {
            result.name: {
                **result.measures,
                "flops": result.flops,
                "query_dims": result.query_dims,
                "passage_dims": result.passage_dims,
                "queries": report.queries,
                "passages": report.passages,
                "seconds": result.seconds,
                "intervals": {
                    name: bounds.model_dump(mode="json")
                    for name, bounds in result.intervals.items()
                },
            }
            for result in report.systems
        },
        "comparisons": [comparison.model_dump(mode="json") for comparison in report.comparisons],
        "notes": list(report.notes),
    }


@dataclass
class _Ranked:
    """One system's run, and what it took."""

    name: str
    run: Run
    seconds: float
    sparsity: dict[str, float | None]


def _ranked(system: Retriever, collection: Collection) -> _Ranked:
    started = time.perf_counter()
    if not isinstance(system, SparseIndex):
        run = system.retrieve(collection.queries, DEPTH)
        return _Ranked(system.name, run, time.perf_counter() - started, {})
    weights = system.encode_queries(list(collection.queries.values()))
    run = system.rank(list(collection.queries), weights, DEPTH)
    seconds = time.perf_counter() - started
    sparsity: dict[str, float | None] = {
        "flops": flops(weights, system.passages),
        "query_dims": active_dims(weights),
        "passage_dims": active_dims(system.passages),
    }
    return _Ranked(system.name, run, seconds, sparsity)


def _measured(ranked: _Ranked, collection: Collection, seed: int) -> SystemResult:
    values = per_query(ranked.run, collection.qrels)
    intervals = {
        name: bounds
        for name, by_query in values.items()
        if (bounds := interval([by_query[key] for key in sorted(by_query)], seed=seed))
    }
    return SystemResult(
        name=ranked.name,
        measures={name: mean(by_query) for name, by_query in values.items()},
        intervals=intervals,
        per_query=values,
        seconds=ranked.seconds,
        **ranked.sparsity,
    )


def _pairs(
    results: Sequence[SystemResult], baseline: str | None
) -> list[tuple[SystemResult, SystemResult]]:
    if baseline is None:
        return list(combinations(results, 2))
    first = next(result for result in results if result.name == baseline)
    return [(first, other) for other in results if other is not first]


def _notes(collection: Collection, results: Sequence[SystemResult]) -> list[str]:
    notes = []
    without = len(collection.queries) - len(results[0].per_query[NDCG.name])
    if without:
        notes.append(
            f"{without} of {len(collection.queries)} queries have no relevant passage; "
            "only judged@10 is defined for them"
        )
    if len(collection.queries) < ENOUGH_QUERIES:
        notes.append(too_few(len(collection.queries)))
    return notes


def too_few(queries: int) -> str:
    """The note of a report on fewer queries than a verdict needs."""
    return (
        f"only {queries} queries: no comparison can be conclusive, judge at least {ENOUGH_QUERIES}"
    )


def _check(
    systems: Sequence[Retriever],
    collection: Collection,
    baseline: str | None,
    compared: Sequence[str],
) -> None:
    names = [system.name for system in systems]
    if not names:
        raise InputError("no system to evaluate; name at least one, such as bm25")
    if len(set(names)) < len(names):
        raise InputError(f"two systems have the same name ({', '.join(names)}); rename one")
    if baseline is not None and baseline not in names:
        raise InputError(f"the baseline {baseline} is not among the systems {', '.join(names)}")
    known = [measure.name for measure in MEASURES]
    for name in compared:
        if name not in known:
            raise InputError(f"unknown measure {name}; choose of {', '.join(known)}")
    if not collection.queries:
        raise InputError(f"{collection.name} has no judged query; nothing can be measured")
