"""Evidence in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distiller.quality import Evidence, Pair
from distiller.schema.domain import Domain
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query

DOMAIN = Domain(name="residential tenancy law")


def judgment(
    query: str, passage: str, grade: int, source: JudgmentSource, score: float | None = None
) -> Judgment:
    return Judgment(
        id=f"{query}/{passage}/{source}",
        query_id=query,
        passage_id=passage,
        grade=grade,
        source=source,
        score=score,
    )


def evidence(
    queries: Mapping[str, str],
    passages: Mapping[str, str] | None = None,
    grades: Sequence[tuple[str, str, int]] = (),
    judged: Sequence[tuple[str, str, int, float | None]] = (),
    reviewed: Sequence[tuple[str, str, int]] = (),
    **more: Any,
) -> Evidence:
    """`grades` are the writer's, (query, passage, grade); `judged` the judge's, with a score."""
    asked = {id_: Query(id=id_, query=text) for id_, text in queries.items()}
    written = {id_: Passage(id=id_, text=text) for id_, text in (passages or {}).items()}
    found: dict[tuple[str, str], dict[JudgmentSource, Judgment]] = {}
    for query, passage, grade in grades:
        given = judgment(query, passage, grade, JudgmentSource.GENERATOR)
        found.setdefault((query, passage), {})[given.source] = given
    for query, passage, grade, score in judged:
        given = judgment(query, passage, grade, JudgmentSource.JUDGE, score)
        found.setdefault((query, passage), {})[given.source] = given
    for query, passage, grade in reviewed:
        given = judgment(query, passage, grade, JudgmentSource.REVIEWER)
        found.setdefault((query, passage), {})[given.source] = given
    offered: dict[str, list[Pair]] = {id_: [] for id_ in asked}
    for (query, passage), sources in found.items():
        offered[query].append(Pair(asked[query], written[passage], sources))
    domain = more.pop("domain", DOMAIN)
    return Evidence(
        domain=domain,
        queries=list(asked.values()),
        passages=written,
        offered=offered,
        corpus_size=more.pop("corpus_size", len(written)),
        **more,
    )
