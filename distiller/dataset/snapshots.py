"""Freezing: examples, split and hashed, so that a model can say exactly what it learned from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from distiller.dataset.assembly import Assembly, gather, put_together
from distiller.dataset.checking import check_project
from distiller.dataset.sieve import Mode, Sieve
from distiller.dataset.splitting import FRACTIONS, leaks, split
from distiller.dataset.texts import digest
from distiller.schema.base import Provenance, new_id
from distiller.schema.dataset import DatasetSnapshot, Example
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import JudgmentSource
from distiller.schema.knowledge import Concept
from distiller.store import Store

_NOT_CONTENT = {"query_id": True, "cluster": True, "meta": True}
_IDENTITY = {"span": True, "passage_id": True}


def freeze(
    store: Store,
    project: Project,
    *,
    seed: int = 13,
    fractions: Sequence[float] = FRACTIONS,
    quality: Mode = "weight",
    trust_mined: bool = True,
    lineage: Mapping[str, Any] | None = None,
) -> DatasetSnapshot:
    """Freeze the approved items, or all validated ones where nobody has reviewed yet.

    The same content gives the same hash, and the snapshot that is there already. What the checks
    find counts less, or is left out, as `quality` says; see `Sieve`.
    Mined negatives count before anybody judged them, unless `trust_mined` is off. `lineage` is
    what is known of the snapshot besides, such as which round of mining it is of.

    Raises:
        InputError: there is nothing to freeze, with the commonest reason; or bad fractions.
    """
    material = gather(store, project, trust_mined=trust_mined)
    findings = [] if quality == "off" else check_project(store, project).findings
    assembly = put_together(material, Sieve(findings, quality))
    if not assembly.examples:
        raise InputError(_nothing(project, assembly, queries=len(material.queries)))
    related = {
        concept.term: concept.related_terms
        for concept in store.items(project.id, Concept)
        if not concept.stale
    }
    examples = split(assembly.examples, seed=seed, fractions=fractions, related=related)
    found = leaks(examples, fractions)
    dropped = _negatives(assembly.examples) - _negatives(examples)
    if dropped:
        assembly.excluded["passage_shared_between_splits"] = dropped
    snapshot = snapshot_of(
        examples,
        project_id=project.id,
        seed=seed,
        filters={
            "queries": "approved" if "query" in material.reviewed else "validated",
            "passages": "approved" if "passage" in material.reviewed else "validated",
            "judge": material.has_judge,
            "fractions": list(fractions),
            "quality": quality,
            "trust_mined": trust_mined,
        },
        lineage={**_lineage(store, project, assembly), "leaks": len(found), **(lineage or {})},
    )
    return store.save_snapshot(snapshot)


def snapshot_of(
    examples: Iterable[Example],
    *,
    project_id: str | None = None,
    seed: int = 13,
    filters: dict[str, Any] | None = None,
    lineage: dict[str, Any] | None = None,
) -> DatasetSnapshot:
    """A snapshot of examples as they are split already, such as those of a file; saved nowhere."""
    examples = list(examples)
    by_split = Counter(example.split for example in examples)
    passages = {p.passage_id for example in examples for p in example.positives + example.negatives}
    return DatasetSnapshot(
        id=new_id("snapshot"),
        project_id=project_id,
        content_hash=content_hash(examples),
        examples=examples,
        seed=seed,
        filters=filters or {},
        counts={
            **{part: by_split[part] for part in ("train", "val", "test")},
            "passages": len(passages),
        },
        lineage=lineage or {},
    )


def content_hash(examples: Iterable[Example]) -> str:
    """SHA-256 over the examples with their split.

    Order, identifiers, names of clusters and `_meta` of files do not count.
    """
    return digest(*sorted(_content(example) for example in examples))


def _content(example: Example) -> str:
    record = example.model_dump(
        mode="json",
        exclude={
            **_NOT_CONTENT,
            "positives": {"__all__": _IDENTITY},
            "negatives": {"__all__": _IDENTITY},
        },
    )
    if record["weight"] == 1:  # the hashes of snapshots from before there were weights
        del record["weight"]
    for side in ("positives", "negatives"):
        for passage in record[side]:  # an expert's word weighs more in training; others are alike
            if passage["decided_by"] != JudgmentSource.REVIEWER:
                del passage["decided_by"]
        record[side] = sorted(json.dumps(passage, sort_keys=True) for passage in record[side])
    return json.dumps(record, sort_keys=True)


def _negatives(examples: Iterable[Example]) -> int:
    return sum(len(example.negatives) for example in examples)


def _lineage(store: Store, project: Project, assembly: Assembly) -> dict[str, Any]:
    used: list[Provenance] = []
    for pair in assembly.pairs:
        used += [pair.query.provenance, pair.passage.provenance]
        used += [judgment.provenance for judgment in pair.judgments.values()]
    spent = store.ledger.spent(project.id)
    return {
        "domain": project.domain.name,
        "language": project.domain.language,
        "models": sorted({origin.model for origin in used if origin.model}),
        "prompts": sorted({origin.prompt for origin in used if origin.prompt}),
        "sources": sorted({origin.source for origin in used}),
        "usage": spent.model_dump(mode="json"),
        "reviewers": sorted(_reviewers(store, project, assembly)),
        "excluded": dict(sorted(assembly.excluded.items())),
        "weighed_down": sum(example.weight < 1 for example in assembly.examples),
    }


def _reviewers(store: Store, project: Project, assembly: Assembly) -> set[str]:
    items = {pair.query.id for pair in assembly.pairs}
    items |= {pair.passage.id for pair in assembly.pairs}
    items |= {j.id for pair in assembly.pairs for j in pair.judgments.values()}
    return {
        event.who
        for event in store.events(project.id)
        if event.item_id in items and event.action in {"approve", "edit"}
    }


def _nothing(project: Project, assembly: Assembly, *, queries: int) -> str:
    if not queries:
        return f"project {project.name!r} has no queries; generate or import some first"
    reasons = ", ".join(
        f"{count} {reason.replace('_', ' ')}" for reason, count in assembly.excluded.most_common()
    )
    advice = "review queries and passages, or generate more"
    return f"project {project.name!r} has nothing to train on ({reasons}); {advice}"
