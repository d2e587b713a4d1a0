"""The knowledge base as prompts use it: what belongs to a few concepts, and little of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from distiller.generate.records import deal
from distiller.quality.texts import stems
from distiller.schema.base import Item, Status
from distiller.schema.domain import Project
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion
from distiller.store import Store

T = TypeVar("T", bound=Item)

USABLE = (Status.PROPOSED, Status.APPROVED, Status.FLAGGED)


@dataclass(frozen=True)
class Ground:
    """What one prompt is told; nothing, by default."""

    facts: Sequence[str] = ()
    relationships: Sequence[str] = ()
    questions: Sequence[str] = ()


class Grounding:
    """All knowledge of a project that was not rejected."""

    def __init__(self, store: Store, project: Project) -> None:
        self._tag = project.domain.language
        self._salt = project.domain.name

        def usable(kind: type[T]) -> list[T]:
            return store.items(project.id, kind, status=USABLE)

        self.concepts = usable(Concept)
        self.facts = [fact.fact for fact in usable(Fact)]
        self.relationships = [item.description for item in usable(Relationship)]
        self.questions = [item.question for item in usable(TypicalQuestion)]
        self.document_types = usable(DocumentType)
        self.term_stems = [(c, stems(c.term, self._tag)) for c in self.concepts]
        self._by_term = {concept.term.casefold(): concept for concept in self.concepts}
        self._stems = {
            text: stems(text, self._tag)
            for text in (*self.facts, *self.relationships, *self.questions)
        }

    def around(self, concepts: Sequence[Concept], turn: int) -> Ground:
        """What touches the concepts; where nothing does, whose turn it is."""
        words = frozenset().union(*(stems(concept.term, self._tag) for concept in concepts))
        return Ground(
            facts=self._nearest(self.facts, words, turn, "facts", 2),
            relationships=self._nearest(self.relationships, words, turn, "relationships", 1),
            questions=self._nearest(self.questions, words, turn, "questions", 2),
        )

    def background(self, terms: Sequence[str]) -> list[str]:
        """Definitions of the terms, and the fact that touches them most."""
        known = [self._by_term[t.casefold()] for t in terms[:2] if t.casefold() in self._by_term]
        words = frozenset().union(*(stems(term, self._tag) for term in terms))
        facts = self._nearest(self.facts, words, 0, "background", 1, fill=False)
        return [f"{concept.term}: {concept.definition}" for concept in known] + facts

    def document_type(self, turn: int, *salt: str) -> str:
        """Kind, purpose and sections of the document whose turn it is; empty where none is known."""
        if not self.document_types:
            return ""
        item = deal(self.document_types, turn, self._salt, "document", *salt)
        sections = (
            f" Sections: {', '.join(item.common_sections[:5])}." if item.common_sections else ""
        )
        return f"{item.type}. {item.description}{sections}"

    def _nearest(
        self,
        texts: list[str],
        words: frozenset[str],
        turn: int,
        salt: str,
        count: int,
        *,
        fill: bool = True,
    ) -> list[str]:
        shared = {text: len(self._stems[text] & words) for text in texts}
        near = sorted((text for text in texts if shared[text]), key=lambda t: -shared[t])[:count]
        if fill and len(near) < count:
            near += self._turns(texts, turn, salt, count - len(near))
        return list(dict.fromkeys(near))

    def _turns(self, texts: list[str], turn: int, salt: str, count: int) -> list[str]:
        if not texts:
            return []
        return [deal(texts, turn * count + n, self._salt, salt) for n in range(count)]
