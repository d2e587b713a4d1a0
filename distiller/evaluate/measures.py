"""Measures as data: a name, who computes it, what it means, who defined it.

A measure that is undefined for a query is left out for that query, and None when no query
defines it; it is never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ir_measures
from ir_measures import AP, RR, Judged, R, nDCG

from distiller.schema.retrieval import Qrels, Run

RELEVANT = 1
"""Grades from here on are relevant to the binary measures."""


@dataclass(frozen=True)
class Measure:
    """A definition of quality, between 0 and 1, higher is better."""

    name: str
    provider: Any
    """The ir-measures object that computes it."""
    definition: str
    citation: str
    needs_relevant: bool = True
    """Undefined for a query without relevant passages; otherwise for a query with no ranking."""


NDCG = Measure(
    "ndcg@10",
    nDCG @ 10,
    "Discounted cumulative gain of the first 10, over that of the best possible ranking; "
    "the gain is the grade, the discount log2(rank + 1).",
    "Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418",
)
RECALL = Measure(
    "recall@100",
    R(rel=RELEVANT) @ 100,
    "Share of the relevant passages that are among the first 100.",
    "Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval, chapter 8",
)
MRR = Measure(
    "mrr@10",
    RR(rel=RELEVANT) @ 10,
    "1 / rank of the first relevant passage, 0 when none is among the first 10.",
    "Voorhees 1999, The TREC-8 Question Answering Track Report",
)
MAP = Measure(
    "map",
    AP(rel=RELEVANT),
    "Mean, over the relevant passages, of the precision at the rank of each; 0 for those not "
    "retrieved.",
    "Harman 1992, https://doi.org/10.6028/NIST.SP.500-207",
)
JUDGED = Measure(
    "judged@10",
    Judged @ 10,
    "Share of the first 10 that anybody has judged. Where it is low, the other measures count "
    "unjudged passages as not relevant.",
    "MacAvaney et al. 2022, https://doi.org/10.1007/978-3-030-99739-7_38 (ir-measures)",
    needs_relevant=False,
)
MEASURES = (NDCG, RECALL, MRR, MAP, JUDGED)


def per_query(run: Run, qrels: Qrels) -> dict[str, dict[str, float]]:
    """Measure → query_id → value, over the queries of the qrels.

    A query that the run lacks was answered with nothing, and counts 0 where the measure is
    defined. Negative grades count as 0.

    Args:
        run: Rankings; ties are broken by ascending passage_id.
        qrels: Grades.
    """
    judged = {
        query_id: {passage_id: max(grade, 0) for passage_id, grade in grades.items()}
        for query_id, grades in qrels.items()
        if grades
    }
    ranks = {query_id: _as_ranks(run.get(query_id, {})) for query_id in judged}
    values: dict[str, dict[str, float]] = {measure.name: {} for measure in MEASURES}
    names = {measure.provider: measure for measure in MEASURES}
    answered = {query_id: ranking for query_id, ranking in ranks.items() if ranking}
    for metric in ir_measures.iter_calc(list(names), judged, answered) if answered else ():
        values[names[metric.measure].name][metric.query_id] = float(metric.value)
    for measure in MEASURES:
        kept = values[measure.name]
        values[measure.name] = {
            query_id: kept.get(query_id, 0.0)
            for query_id in judged
            if _is_defined(measure, judged[query_id], ranks[query_id])
        }
    return values


def mean(values: Mapping[str, float]) -> float | None:
    """Mean over queries; None over no query."""
    return sum(values.values()) / len(values) if values else None


def _is_defined(measure: Measure, grades: Mapping[str, int], ranking: Mapping[str, float]) -> bool:
    if measure.needs_relevant:
        return any(grade >= RELEVANT for grade in grades.values())
    return bool(ranking)


def _as_ranks(ranking: Mapping[str, float]) -> dict[str, float]:
    """Scores that fall by one from place to place.

    trec_eval keeps scores in single precision and breaks ties by descending id; whole numbers
    keep the order that the system gave.
    """
    ordered = sorted(ranking, key=lambda passage_id: (-ranking[passage_id], passage_id))
    return {passage_id: float(len(ordered) - i) for i, passage_id in enumerate(ordered)}


def reference() -> str:
    """The measures as a page in Markdown; `docs/measures.md` is this text."""
    parts = [
        "# Measures",
        "Of a whole ranking of the corpus, per query, then averaged over the queries. A passage is "
        f"relevant to the binary measures from grade {RELEVANT} on. Computed by ir-measures.",
    ]
    for measure in MEASURES:
        undefined = "relevant passage" if measure.needs_relevant else "retrieved passage"
        parts.append(
            f"## {measure.name}\n\n{measure.definition} Undefined for a query without a "
            f"{undefined}.\n\nSource: {measure.citation}."
        )
    return "\n\n".join(parts) + "\n"
