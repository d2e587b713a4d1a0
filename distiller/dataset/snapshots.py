"""Freezing: examples, split and hashed, so that a model can say exactly what it learned from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from distiller.dataset.assembly import Assembly, Material, gather, put_together
from distiller.dataset.background import MOST, choose_background, key_of, unlabelled
from distiller.dataset.checking import check_project
from distiller.dataset.sieve import Mode, Sieve
from distiller.dataset.splitting import FRACTIONS, leaks, split, usual_fractions
from distiller.dataset.texts import digest, digest_of
from distiller.schema.base import Provenance, new_id
from distiller.schema.dataset import DatasetSnapshot, Example, UnlabelledPassage
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import POSITIVE_GRADE, JudgmentSource
from distiller.schema.knowledge import Concept
from distiller.store import Store

_NOT_CONTENT = {"query_id": True, "cluster": True, "meta": True}
_IDENTITY = {"span": True, "passage_id": True}


def freeze(
    store: Store,
    project: Project,
    material: Material | None = None,
    *,
    seed: int = 13,
    fractions: Sequence[float] | None = None,
    quality: Mode = "weight",
    background: int = MOST,
    lineage: Mapping[str, Any] | None = None,
) -> DatasetSnapshot:
    """Freeze the approved items, or all validated ones where nobody has reviewed yet.

    What was rejected or flagged never counts. `material` may say otherwise of what nobody has
    decided about, and of mined negatives, which count before anybody judged them; without it, all
    is read as it is by default.
    The same content gives the same hash, and the snapshot that is there already. What the checks
    find counts less, or is left out, as `quality` says; see `Sieve`. Of the corpus,
    `background` passages at most come along, see `choose_background`. Without `fractions` they are
    those of `usual_fractions`. `lineage` is what is known of the snapshot besides, such as which
    round of mining it is of.

    Raises:
        InputError: there is nothing to freeze, with the commonest reason; or bad fractions.
    """
    material = material or gather(store, project)
    findings = [] if quality == "off" else check_project(store, project).findings
    assembly = put_together(material, Sieve(findings, quality))
    if not assembly.examples:
        raise InputError(_nothing(project, assembly, queries=len(material.queries)))
    filters = {
        "queries": "approved" if "query" in material.reviewed else "validated",
        "passages": "approved" if "passage" in material.reviewed else "validated",
        "judge": material.has_judge,
        "quality": quality,
        "trust_mined": material.trust_mined,
        "undecided": material.undecided,
    }
    snapshot = _frozen(
        store,
        project,
        assembly.examples,
        answers=_answers(material, assembly.examples),
        seed=seed,
        fractions=fractions,
        background=background,
        filters=filters,
    )
    dropped = _negatives(assembly.examples) - _negatives(snapshot.examples)
    if dropped:
        assembly.excluded["passage_shared_between_splits"] = dropped
    known = {**_lineage(store, project, assembly), **snapshot.lineage, **(lineage or {})}
    return store.save_snapshot(snapshot.model_copy(update={"lineage": known}))


def refreeze(
    store: Store, project: Project, snapshot: DatasetSnapshot, *, background: int = MOST
) -> DatasetSnapshot:
    """The examples of an earlier snapshot, split anew, with a background of the corpus of now.

    What was generated, mined or scored since then changes nothing of the examples.
    """
    made = _frozen(
        store,
        project,
        snapshot.examples,
        answers=_answers(gather(store, project), snapshot.examples),
        seed=snapshot.seed,
        fractions=None,
        background=background,
        filters=snapshot.filters,
    )
    known = {**snapshot.lineage, **made.lineage, "refrozen": snapshot.content_hash}
    return store.save_snapshot(made.model_copy(update={"lineage": known}))


def _frozen(
    store: Store,
    project: Project,
    examples: Sequence[Example],
    *,
    answers: Sequence[str],
    seed: int,
    fractions: Sequence[float] | None,
    background: int,
    filters: Mapping[str, Any],
) -> DatasetSnapshot:
    """Examples with their splits and background; its lineage is of these alone."""
    related = {
        concept.term: concept.related_terms
        for concept in store.items(project.id, Concept)
        if not concept.stale
    }
    free = unlabelled(store.corpus(project.id), examples, answers) if background else {}
    used = fractions or (usual_fractions(len(examples)) if free else FRACTIONS)
    found = split(examples, seed=seed, fractions=used, related=related)
    language = project.domain.language
    chosen = choose_background(free, found, answers=answers, most=background, language=language)
    lineage: dict[str, Any] = {"leaks": len(leaks(found, used))}
    if chosen.passages:
        lineage["background_of"] = chosen.of
    return snapshot_of(
        found,
        background=chosen.passages,
        project_id=project.id,
        seed=seed,
        filters={**filters, "fractions": list(used), "background": background},
        lineage=lineage,
    )


def _answers(material: Material, examples: Iterable[Example]) -> list[str]:
    """Texts that somebody said answer a query of these, whether or not that label counts."""
    return [
        pair.passage.text
        for example in examples
        for pair in material.pairs.get(example.query_id, [])
        if any(
            judgment.grade >= POSITIVE_GRADE
            for source, judgment in pair.judgments.items()
            if source is not JudgmentSource.TEACHER
        )
    ]


def snapshot_of(
    examples: Iterable[Example],
    *,
    background: Sequence[UnlabelledPassage] = (),
    project_id: str | None = None,
    seed: int = 13,
    filters: dict[str, Any] | None = None,
    lineage: dict[str, Any] | None = None,
) -> DatasetSnapshot:
    """A snapshot of examples as they are split already, such as those of a file; saved nowhere."""
    examples, background = list(examples), list(background)
    by_split: Counter[str] = Counter(example.split for example in examples)
    passages = {p.passage_id for example in examples for p in example.positives + example.negatives}
    return DatasetSnapshot(
        id=new_id("snapshot"),
        project_id=project_id,
        content_hash=content_hash(examples, background),
        examples=examples,
        background=background,
        seed=seed,
        filters=filters or {},
        counts=counts_of(by_split, len(passages), len(background)),
        lineage=lineage or {},
    )


def counts_of(by_split: Mapping[str, int], passages: int, background: int) -> dict[str, int]:
    """`DatasetSnapshot.counts`, from examples by split, and passages that are distinct."""
    counts = {part: by_split.get(part, 0) for part in ("train", "val", "test")}
    return counts | {"passages": passages} | ({"background": background} if background else {})


def content_hash(
    examples: Iterable[Example],
    background: Iterable[UnlabelledPassage] = (),
    *,
    ordered: Callable[[Iterable[str]], Iterable[str]] = sorted,
) -> str:
    """SHA-256 over the examples with their split, and over the background where there is one.

    Order, identifiers, names of clusters and `_meta` of files do not count.

    Args:
        examples: In any order.
        background: In any order.
        ordered: Sorts lines of ASCII text; another way than in memory, where they are too many.
    """
    found = digest_of(ordered(_content(example) for example in examples))
    besides = sorted(map(key_of, background))
    return digest(found, *besides) if besides else found


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
