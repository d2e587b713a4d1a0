"""Concepts that a team's own documents speak of, read from passages that stand for each cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from distiller.generate import answers
from distiller.generate.grounded import shortened
from distiller.generate.outline import Outline
from distiller.generate.records import firmly
from distiller.generate.stage import Try, Work
from distiller.generate.wording import clean
from distiller.packs import prompts
from distiller.quality.texts import length, stems
from distiller.schema.base import Item
from distiller.schema.errors import InvalidCompletion
from distiller.schema.examples import Passage
from distiller.schema.knowledge import Concept

if TYPE_CHECKING:
    from distiller.generate.knowledge import KnowledgeStage

SHOWN = 3
"""Passages that one request shows, and tokens of each."""
SHOWN_TOKENS = 130
ENTRIES = 4
"""Concepts asked for from so many passages."""
TURNS = 4
"""How many times each cluster is read, each time in other passages."""
STANDS = 0.5
"""Share of a term's words that must stand in a passage, for the term to be from it."""
MAX_AREA_WORDS = 8


class Reading:
    """The part of the knowledge stage that reads passages."""

    def __init__(self, base: KnowledgeStage, outline: Outline) -> None:
        self.base = base
        self.stage = base.stage
        self.outline = outline

    async def run(self) -> None:
        """Read the clusters in turns while concepts are missing and reading brings new ones."""
        for turn in range(TURNS):
            before = self.base.room
            if before <= 0:
                return
            await self.stage.all(self._work(turn))
            if self.base.room == before:
                return

    def _work(self, turn: int) -> Iterator[Work]:
        for label in self.outline.labels:
            ids = self.outline.representatives(label, SHOWN, turn)
            key = f"read/{turn}/{'/'.join(ids)}"
            if ids and self.base.room > 0 and not self.stage.exhausted(key):
                yield Work(key, partial(self._read, ids, key))

    async def _read(self, ids: Sequence[str], key: str, attempt: Try) -> Sequence[Item]:
        """New concepts of a few passages; asked in the same words whatever is known already.

        So a run that goes on finds in the ledger what an earlier one has paid for.
        """
        found = self.stage.store.items(self.stage.project.id, Passage, ids=ids)
        passages = sorted(found, key=lambda passage: ids.index(passage.id))
        prompt = prompts.render(
            "knowledge.read",
            domain=self.base.domain,
            language=self.base.language,
            passages=[shortened(_whole(passage), SHOWN_TOKENS) for passage in passages],
            count=ENTRIES,
        )
        answer = await self.stage.client.structured(
            firmly(prompt, self.base.language, attempt),
            answers.counted(answers.Reading, entries=ENTRIES),
            stage="knowledge",
            max_tokens=200 * ENTRIES + 100,
            seed=self.stage.seed(key, attempt.number),
            at_least=ENTRIES,
        )
        made = self.stage.provenance(prompt, answer.model, answer.request_hash)
        area = self._area(answer.value)
        concepts = []
        for entry in answer.value.entries:
            concept = self.base.concept(entry, area, made)
            source = concept and self._source(concept, passages)
            if concept and source:
                concept.provenance = made.model_copy(update={"span": source.provenance.span})
                concepts.append(concept)
        if not concepts:
            raise InvalidCompletion(
                "no concept that stands in the passages", completion=answer.value.model_dump_json()
            )
        return self.base.admit(concepts, area, answer.value.model_dump_json())

    def _area(self, found: answers.Reading) -> str:
        area = clean(found.sub_area).rstrip(".")
        fits = area and length(area, self.base.domain.language) <= MAX_AREA_WORDS
        return area if fits else self.base.domain.name

    def _source(self, concept: Concept, passages: Sequence[Passage]) -> Passage | None:
        """The passage that the term stands in; None where it stands in none."""
        tag = self.base.domain.language
        term = stems(concept.term, tag)
        shares = [len(term & stems(_whole(passage), tag)) / len(term) for passage in passages]
        best = max(range(len(passages)), key=shares.__getitem__)
        return passages[best] if shares[best] >= STANDS else None


def _whole(passage: Passage) -> str:
    return f"{passage.title}. {passage.text}" if passage.title else passage.text
