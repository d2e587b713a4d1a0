"""One concept more: written anew as a proposal, or extended by narrower ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from distiller.generate import answers
from distiller.generate.records import derived_id, firmly
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.wording import clean
from distiller.llm import Client
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.quality.duplicates import Seen
from distiller.quality.languages import in_language
from distiller.quality.texts import length
from distiller.schema.base import Item, Provenance
from distiller.schema.domain import Project
from distiller.schema.errors import InvalidCompletion, WrongLanguage
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.knowledge import Concept
from distiller.store import Store

MAX_NARROWER = 10
"""Narrower concepts that one run writes at most."""
MAX_TERM_WORDS = 8
SAME_TERM = 0.99


async def rewrite_concept(
    store: Store,
    project: Project,
    client: Client,
    *,
    concept_id: str,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Propose another definition, example and related terms; the concept stays as it is.

    The proposal waits in the store (`Store.proposal`) until a reviewer takes or dismisses it.

    Raises:
        NotFound: the project has no such concept.
        StageFailed: no usable proposal could be had.
    """
    concept = store.get(Concept, concept_id, project_id=project.id)
    stage = Stage("rewrite_concept", store, project, client, on_progress, counts=Concept)
    stage.total = 1
    before = _proposals(stage, concept_id)
    await stage.one(Work(f"{concept_id}/{before}", partial(_propose, stage, concept, before)))
    return stage.report()


async def extend_concept(
    store: Store,
    project: Project,
    client: Client,
    *,
    concept_id: str,
    count: int = 3,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Write up to `count` concepts narrower than one, as proposals like all others.

    Raises:
        NotFound: the project has no such concept.
        StageFailed: no usable concept could be had.
    """
    concept = store.get(Concept, concept_id, project_id=project.id)
    stage = Stage("extend_concept", store, project, client, on_progress, counts=Concept)
    stage.total = wanted = max(1, min(count, MAX_NARROWER))
    known = len(store.items(project.id, Concept))
    await stage.one(Work(f"{concept_id}/{known}", partial(_narrower, stage, concept, wanted)))
    if 0 < stage.made < wanted:
        stage.notes.append(f"the model named {stage.made} new concepts of {wanted} asked for")
    return stage.report()


def _proposals(stage: Stage, concept_id: str) -> int:
    """How many there were: each run shall get another one, not the ledger's answer to the last."""
    history = stage.store.events(stage.project.id, concept_id)
    return sum(event.action == "propose" for event in history)


async def _propose(stage: Stage, concept: Concept, turn: int, attempt: Try) -> Sequence[Item]:
    domain = stage.project.domain
    spoken = language(domain.language).name
    prompt = prompts.render(
        "knowledge.rewrite",
        domain=domain,
        language=spoken,
        term=concept.term,
        definition=concept.definition,
        example=concept.example,
        known=[term for term in _terms(stage) if term != concept.term][-20:],
    )
    answer = await stage.client.structured(
        firmly(prompt, spoken, attempt),
        answers.Rewritten,
        stage=stage.name,
        max_tokens=300,
        seed=stage.seed(f"{concept.id}/{turn}", attempt.number),
    )
    definition, raw = clean(answer.value.definition), answer.value.model_dump_json()
    if not definition:
        raise InvalidCompletion("no usable definition", completion=raw)
    if not in_language(definition, domain.language):
        raise WrongLanguage(f"not in {spoken}", completion=raw)
    made = stage.provenance(prompt, answer.model, answer.request_hash)
    fields = {
        "definition": definition,
        "example": clean(answer.value.example) or concept.example,
        "related_terms": _related(answer.value.related_terms, concept.term)
        or concept.related_terms,
        "provenance": made.model_dump(mode="json"),
    }
    await asyncio.to_thread(_keep, stage, concept, fields, answer.model)
    stage.made += 1
    return []


def _keep(stage: Stage, concept: Concept, fields: Mapping[str, object], model: str) -> None:
    stage.store.propose(stage.project.id, concept, fields, who=model)


async def _narrower(stage: Stage, concept: Concept, count: int, attempt: Try) -> Sequence[Item]:
    domain = stage.project.domain
    spoken = language(domain.language).name
    terms = _terms(stage)
    prompt = prompts.render(
        "knowledge.narrower",
        domain=domain,
        language=spoken,
        count=count,
        term=concept.term,
        definition=concept.definition,
        sub_area=concept.sub_area,
        known=[term for term in terms if term != concept.term][-30:],
    )
    answer = await stage.client.structured(
        firmly(prompt, spoken, attempt),
        answers.counted(answers.Glossary, entries=count),
        stage=stage.name,
        max_tokens=200 * count + 100,
        seed=stage.seed(f"{concept.id}/{len(terms)}", attempt.number),
        at_least=1,
    )
    made = stage.provenance(prompt, answer.model, answer.request_hash)
    seen = Seen(domain.language, SAME_TERM)
    for term in terms:
        seen.add(term)
    found = [
        child
        for entry in answer.value.entries
        if (child := _child(stage, entry, concept, made)) and seen.add(child.term)
    ]
    if not found:
        raise InvalidCompletion("no new concept", completion=answer.value.model_dump_json())
    return found[:count]


def _child(stage: Stage, entry: answers.Entry, parent: Concept, made: Provenance) -> Concept | None:
    tag = stage.project.domain.language
    term, definition = clean(entry.term).rstrip("."), clean(entry.definition)
    if not term or not definition or length(term, tag) > MAX_TERM_WORDS:
        return None
    if not in_language(definition, tag):
        return None
    return Concept(
        id=derived_id("c", stage.project.id, term.casefold()),
        term=term,
        definition=definition,
        example=clean(entry.example),
        related_terms=list(dict.fromkeys([parent.term, *_related(entry.related_terms, term)])),
        sub_area=parent.sub_area,
        provenance=made,
    )


def _related(terms: Sequence[str], own: str) -> list[str]:
    found = dict.fromkeys(map(clean, terms))
    return [term for term in found if term and term.casefold() != own.casefold()]


def _terms(stage: Stage) -> list[str]:
    """Terms of all concepts, rejected ones included: those are not proposed again."""
    return [item.term for item in stage.store.items(stage.project.id, Concept)]
