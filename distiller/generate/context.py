"""What belongs around the concepts: facts, questions, relationships and document types."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from distiller.generate import answers
from distiller.generate.grounding import USABLE
from distiller.generate.records import derived_id, firmly, is_new
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.wording import clean
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.templates import template
from distiller.quality.languages import in_language
from distiller.schema.base import Item, Provenance
from distiller.schema.errors import WrongLanguage
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion

MAX_AREAS = 24
FACTS, QUESTIONS, LINKS = 3, 3, 2
"""Asked for in each sub-area."""
DOCUMENT_TYPES = 5


class ContextStage:
    """The second half of the knowledge stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        domain = stage.project.domain
        self.domain = domain
        self.template = template(domain.template)
        self.language = language(domain.language).name
        self.concepts = stage.store.items(stage.project.id, Concept, status=USABLE)
        self.context_ids: set[str] = set()

    async def run(self) -> None:
        """Facts, questions and relationships of each sub-area, and the field's document types."""
        areas: dict[str, list[str]] = {}
        for concept in self.concepts:
            areas.setdefault(concept.sub_area, []).append(concept.term)
        kinds: dict[type[Item], int] = {Fact: 0, TypicalQuestion: 0, Relationship: 0}
        project = self.stage.project.id
        stored = {kind: self.stage.store.items(project, kind) for kind in kinds}
        self.context_ids = {item.id for items in stored.values() for item in items}
        wanted = dict(zip(kinds, (FACTS, QUESTIONS, LINKS), strict=True))
        work = [
            Work(f"context/{area}", partial(self._context, area, terms))
            for area, terms in list(areas.items())[:MAX_AREAS]
            if not self._has_context(area)
        ]
        if any(len(stored[kind]) < wanted[kind] * max(1, len(areas)) for kind in kinds):
            await self.stage.retryable(work)
        documents = self.stage.store.items(project, DocumentType)
        if len(documents) < DOCUMENT_TYPES and not any(
            d.id.startswith("d-") and d.provenance.source == "model" for d in documents
        ):
            await self.stage.retryable([Work("document types", self._documents)])

    def _id(self, kind: str, area: str, position: int) -> str:
        return derived_id(kind, self.stage.project.id, area, str(position))

    def _has_context(self, area: str) -> bool:
        ids = {self._id(kind, area, n) for kind in ("fact", "tq", "rel") for n in range(FACTS)}
        return bool(ids & self.context_ids)

    async def _context(self, area: str, terms: list[str], attempt: Try) -> Sequence[Item]:
        prompt = prompts.render(
            "knowledge.context",
            domain=self.domain,
            language=self.language,
            sub_area=area or self.domain.name,
            terms=terms[:8],
            facts=FACTS,
            questions=QUESTIONS,
            relationships=LINKS,
        )
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.counted(
                answers.Context, facts=FACTS, typical_questions=QUESTIONS, relationships=LINKS
            ),
            stage="knowledge",
            max_tokens=700,
            seed=self.stage.seed(f"context/{area}", attempt.number),
        )
        made = self.stage.provenance(prompt, answer.model, answer.request_hash)
        items = self._context_items(area, answer.value, made)
        if not items:
            raise WrongLanguage(
                f"not in {self.language}", completion=answer.value.model_dump_json()
            )
        return items

    def _context_items(self, area: str, found: answers.Context, made: Provenance) -> list[Item]:
        usable = partial(_usable, tag=self.domain.language)
        facts = list(filter(None, map(usable, found.facts)))[:FACTS]
        questions = list(filter(None, map(usable, found.typical_questions)))[:QUESTIONS]
        links = [
            (clean(link.type), usable(link.description), link.examples)
            for link in found.relationships[:LINKS]
        ]
        made_items: list[Item] = [
            *(
                Fact(id=self._id("fact", area, n), fact=t, provenance=made)
                for n, t in enumerate(facts)
            ),
            *(
                TypicalQuestion(id=self._id("tq", area, n), question=text, provenance=made)
                for n, text in enumerate(questions)
            ),
            *(
                Relationship(
                    id=self._id("rel", area, n),
                    type=kind,
                    description=text,
                    examples=list(filter(None, map(clean, examples))),
                    provenance=made,
                )
                for n, (kind, text, examples) in enumerate(links)
                if kind and text
            ),
        ]
        return [item for item in made_items if item.id not in self.context_ids]

    async def _documents(self, attempt: Try) -> Sequence[Item]:
        prompt = prompts.render(
            "knowledge.document_types",
            domain=self.domain,
            language=self.language,
            count=DOCUMENT_TYPES,
            hints=self.template.document_types,
        )
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.counted(answers.Kinds, document_types=DOCUMENT_TYPES),
            stage="knowledge",
            max_tokens=900,
            seed=self.stage.seed("document types", attempt.number),
            at_least=DOCUMENT_TYPES,
        )
        made = self.stage.provenance(prompt, answer.model, answer.request_hash)
        items = [
            DocumentType(
                id=derived_id("d", self.stage.project.id, clean(kind.type).casefold()),
                type=clean(kind.type),
                description=clean(kind.description),
                common_sections=list(dict.fromkeys(filter(None, map(clean, kind.common_sections)))),
                provenance=made,
            )
            for kind in answer.value.document_types[:DOCUMENT_TYPES]
            if clean(kind.type) and _usable(kind.description, self.domain.language)
        ]
        if not items:
            raise WrongLanguage(
                f"not in {self.language}", completion=answer.value.model_dump_json()
            )
        stored = self.stage.store.items(self.stage.project.id, DocumentType)
        return is_new(items, stored)


def _usable(text: str, tag: str) -> str:
    """The cleaned text, or nothing where it is in another language."""
    text = clean(text)
    return text if in_language(text, tag) else ""
