"""The knowledge base: sub-areas, then concepts of each, then how they hang together."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from functools import partial

from distiller.generate import answers
from distiller.generate.context import MAX_AREAS, ContextStage
from distiller.generate.grounding import USABLE
from distiller.generate.outline import corpus_outline, has_corpus
from distiller.generate.reading import Reading
from distiller.generate.records import derived_id, firmly
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.wording import clean
from distiller.llm import Client
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.templates import template
from distiller.quality.duplicates import Seen
from distiller.quality.languages import in_language
from distiller.quality.texts import length
from distiller.schema.base import Item, Provenance, Status
from distiller.schema.domain import Project
from distiller.schema.errors import CompletionError, InputError, InvalidCompletion, WrongLanguage
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.knowledge import Concept
from distiller.store import Store

ENTRIES = 6
"""Concepts that one request asks for at most."""
AREA_SIZE = 4
"""Concepts that a sub-area has on average: more of them, and small models write variations."""
DRY = 2
"""Requests in a row without a new concept, after which a sub-area counts as exhausted."""
SHARES = {"words": 0.0, "corpus": 1.0, "both": 0.5}
"""Of the concepts, those read from documents."""
MAX_TERM_WORDS = 8
SAME_TERM = 0.99
"""Terms are the same where their stems are: `security deposit`, `Security deposits`."""


def areas_for(concepts: int) -> int:
    """How many sub-areas a knowledge base of that size is divided into."""
    return max(1, min(MAX_AREAS, math.ceil(concepts / AREA_SIZE)))


async def generate_knowledge(
    store: Store,
    project: Project,
    client: Client,
    *,
    concepts: int = 50,
    source: str | None = None,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Write concepts until the project has exactly so many, and what belongs around them.

    Rejected concepts do not count, and are not proposed again. `source` says where they come
    from: `words` (the field's description), `corpus` (passages of the user's documents) or `both`,
    half of them each as far as the documents go; None means both where there are documents.

    Raises:
        InputError: another source, or one that the project lacks.
        StageFailed: nothing at all could be made.
        DistillerError: what stopped the stage; everything written before is kept.
    """
    read = _share_read(store, project, source)
    stage = Stage("knowledge", store, project, client, on_progress, counts=Concept)
    base = KnowledgeStage(stage, concepts)
    await base.run(read)
    return stage.report()


def _share_read(store: Store, project: Project, source: str | None) -> float:
    """The share of concepts that are read from documents. Raises InputError."""
    if source not in (*SHARES, None):
        raise InputError(f"no source {source!r} of concepts; use {', '.join(SHARES)}")
    read = has_corpus(store, project)
    if source in ("corpus", "both") and not read:
        raise InputError(
            f"project {project.name!r} has no documents to read concepts from; run "
            "`distiller ingest` first, or take them from words"
        )
    return SHARES[source or ("both" if read else "words")]


class KnowledgeStage:
    """One run of the stage."""

    def __init__(self, stage: Stage, concepts: int) -> None:
        self.stage = stage
        self.wanted = concepts
        domain = stage.project.domain
        self.domain = domain
        self.template = template(domain.template)
        self.language = language(domain.language).name
        known = stage.store.items(stage.project.id, Concept)
        self.concepts = [item for item in known if item.status != Status.REJECTED]
        self.ids = {item.id for item in known}
        self.seen = Seen(domain.language, SAME_TERM)
        self.terms: dict[str, list[str]] = {}
        """Terms of each sub-area, oldest first, rejected ones included."""
        for item in known:
            self.seen.add(item.term)
            self.terms.setdefault(item.sub_area, []).append(item.term)
        self.room = concepts - len(self.concepts)
        stage.present = len(self.concepts)
        stage.total = concepts

    async def run(self, read: float) -> None:
        """All of it; the share `read` of the concepts from documents."""
        self.stage.tell()  # the first concepts take a minute or more
        if self.room > 0 and read:
            await self._read(math.ceil(read * self.wanted))
        if self._recount() > 0 and read < 1:
            await self._all_concepts()
        if self.room > 0:
            self.stage.notes.append(
                f"the model knows no more distinct concepts: {self.wanted - self.room} of "
                f"{self.wanted}; describe the field in more words, or use a larger model"
            )
        await ContextStage(self.stage).run()

    async def _read(self, wanted: int) -> None:
        """Concepts from documents, until so many of all are."""
        have = sum(concept.provenance.span is not None for concept in self.concepts)
        self.room = min(self.room, wanted - have)
        if self.room <= 0:
            return
        self.stage.tell("looking for what the documents are about")
        outline = await asyncio.to_thread(
            corpus_outline, self.stage.store, self.stage.project, clusters=areas_for(wanted)
        )
        if outline:
            await Reading(self, outline).run()

    async def _all_concepts(self) -> None:
        areas = await self._sub_areas([])
        dry = dict.fromkeys(areas, 0)
        rounds = 0
        while (room := self._recount()) > 0:
            open_areas = [area for area in dry if dry[area] < DRY]
            if not open_areas:
                more = await self._sub_areas(list(dry)) if len(dry) <= MAX_AREAS else []
                open_areas = [area for area in more if area not in dry]
                if not open_areas:
                    break
                dry |= dict.fromkeys(open_areas, 0)
            share = min(ENTRIES, math.ceil(room / len(open_areas)))
            chosen = open_areas[: math.ceil(room / share)]
            before = {area: len(self.terms.get(area, ())) for area in chosen}
            await self.stage.all(
                Work(f"concepts/{area}", partial(self._entries, area, share, rounds))
                for area in chosen
            )
            for area in chosen:
                dry[area] = 0 if len(self.terms.get(area, ())) > before[area] else dry[area] + 1
            rounds += 1

    def _recount(self) -> int:
        """How many concepts are missing, by the store; between rounds nothing is under way."""
        have = self.stage.store.count(self.stage.project.id, Concept, status=USABLE)
        self.room = self.wanted - have
        return self.room

    async def _sub_areas(self, known: list[str]) -> list[str]:
        """Names of sub-areas; the template's where the model names none.

        The template's angles are given only when the first answer was used up: small models copy
        them instead of naming what is particular to the field.
        """
        count = areas_for(self.wanted)
        prompt = prompts.render(
            "knowledge.sub_areas",
            domain=self.domain,
            language=self.language,
            count=count,
            hints=self.template.sub_areas if known else [],
            known=known,
        )
        schema = answers.counted(answers.SubAreas, sub_areas=count)
        seed = self.stage.seed("areas", len(known))
        try:
            answer = await self.stage.client.structured(
                prompt, schema, stage="knowledge", max_tokens=24 * count + 64, seed=seed
            )
        except CompletionError:
            return [] if known else self.template.sub_areas or [self.domain.name]
        seen = Seen(self.domain.language)
        for area in known:
            seen.add(area)
        named = [area for area in map(clean, answer.value.sub_areas) if seen.add(area)][:count]
        return named if named or known else [self.domain.name]

    async def _entries(self, area: str, count: int, rounds: int, attempt: Try) -> Sequence[Item]:
        """Up to `count` new concepts of a sub-area."""
        count = min(count, self.room)
        if count <= 0:
            return []
        prompt = prompts.render(
            "knowledge.concepts",
            domain=self.domain,
            language=self.language,
            count=count,
            sub_area=area,
            known=self.terms.get(area, [])[-30:],
        )
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.counted(answers.Glossary, entries=count),
            stage="knowledge",
            max_tokens=200 * count + 100,
            seed=self.stage.seed(area, rounds * 10 + attempt.number),
            at_least=count,
        )
        made = self.stage.provenance(prompt, answer.model, answer.request_hash)
        found = [self.concept(entry, area, made) for entry in answer.value.entries]
        raw = answer.value.model_dump_json()
        return self.admit([concept for concept in found if concept], area, raw)

    def concept(self, entry: answers.Entry, area: str, made: Provenance) -> Concept | None:
        """The entry as a concept; None where it is of no use."""
        term, definition = clean(entry.term).rstrip("."), clean(entry.definition)
        if not term or not definition or length(term, self.domain.language) > MAX_TERM_WORDS:
            return None
        related = dict.fromkeys(clean(text) for text in entry.related_terms)
        return Concept(
            id=derived_id("c", self.stage.project.id, term.casefold()),
            term=term,
            definition=definition,
            example=clean(entry.example),
            related_terms=[text for text in related if text and text.casefold() != term.casefold()],
            sub_area=area,
            provenance=made,
        )

    def admit(self, found: list[Concept], area: str, raw: str) -> list[Concept]:
        """Those that are new, in the language, and for which there is room."""
        if not found:
            raise InvalidCompletion("no usable concept", completion=raw)
        spoken = [c for c in found if in_language(c.definition, self.domain.language)]
        if not spoken:
            raise WrongLanguage(f"not in {self.language}", completion=raw)
        fresh = [concept for concept in spoken if concept.id not in self.ids]
        new = [concept for concept in fresh if self.seen.add(concept.term)][: self.room]
        self.ids |= {concept.id for concept in new}
        self.room -= len(new)
        self.terms.setdefault(area, []).extend(concept.term for concept in new)
        return new
