"""Queries that a team's own passages answer, spread so that their documents are covered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from distiller.generate import answers
from distiller.generate.aptness import asks_apart, complexity_of, first_asked, general, strays
from distiller.generate.cells import LIMITS, Mix, complexities_of
from distiller.generate.grounding import Grounding
from distiller.generate.outline import Outline
from distiller.generate.records import deal, derived_id, firmly
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.wording import clean
from distiller.llm import estimate_tokens
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.shown_passages import shown_passages
from distiller.packs.templates import QueryType, template
from distiller.quality.duplicates import Seen
from distiller.quality.languages import in_language
from distiller.quality.texts import stems
from distiller.schema.base import Item, Provenance
from distiller.schema.errors import InvalidCompletion, WrongLanguage
from distiller.schema.examples import Complexity, Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.schema.usage import Prompt

PER_PASSAGE = 3
"""Queries of different kinds that one passage is asked for: several beat one, and more of them
cover fewer passages for the same price (docs/decisions/0017)."""
SHOWN_TOKENS = 220
"""Of a passage that the prompt shows; the packaged model reads 72 a second."""
DEPTH = 3
"""How often a passage is asked for other queries, once every passage has been asked."""
TERMS = 5
IDLE = 12
"""Passages in a row that bring next to nothing, after which a run ends with a note."""
SCARCE = 0.05
MAX_TOKENS = {Complexity.SIMPLE: 50, Complexity.MODERATE: 70, Complexity.COMPLEX: 120}
"""Of one query."""
LEAST_SIGNS = {Complexity.SIMPLE: 0, Complexity.MODERATE: 40, Complexity.COMPLEX: 60}
"""Of one query, in languages with spaces: endpoints that obey a schema write no shorter one."""


@dataclass(frozen=True)
class Slot:
    """A query that a passage is asked for."""

    number: int
    """Among those of its passage."""
    type: QueryType
    answer_type: str


def slots(
    kinds: Sequence[QueryType], complexity: Complexity, passage_id: str, numbers: range
) -> list[Slot]:
    """Kinds differ as long as there are others, in another order for each passage."""
    fitting = [kind for kind in kinds if complexity in kind.complexities] or kinds
    dealt = []
    for number in numbers:
        kind = deal(fitting, number, passage_id, "type")
        answer_type = deal(kind.answer_types, number, passage_id, "answer")
        dealt.append(Slot(number, kind, answer_type))
    return dealt


class GroundedStage:
    """The part of the queries stage that reads passages; `room` is what is left to be written."""

    def __init__(
        self,
        stage: Stage,
        grounding: Grounding,
        outline: Outline,
        known: Sequence[Query],
        seen: Seen,
        mix: Mix,
        per_passage: int = PER_PASSAGE,
    ) -> None:
        self.stage = stage
        self.grounding = grounding
        self.outline = outline
        self.seen = seen
        self.mix = mix
        self.per_passage = per_passage
        self.domain = stage.project.domain
        self.language = language(self.domain.language).name
        self.template = template(self.domain.template)
        self.taken = {query.id for query in known}
        self.room = 0

    async def run(self, room: int) -> int:
        """Write up to `room` queries, passage by passage; returns how many are missing."""
        self.room = room
        for turn in range(DEPTH):
            if self.room <= 0:
                break
            order = self.outline.covering(self._asked(turn))
            idle = 0
            while self.room > 0 and idle < IDLE:
                batch = list(islice(order, math.ceil(self.room / self.per_passage)))
                if not batch:
                    break
                before = self.room
                await self.stage.all(self._work(batch, turn))
                scarce = before - self.room <= SCARCE * len(batch) * self.per_passage
                idle = idle + len(batch) if scarce else 0
        if self.room > 0:
            self.stage.notes.append(
                f"{self.room} queries from documents are missing: these passages give no more; "
                "add documents, ask for more queries per passage, or use a larger model"
            )
        return self.room

    def _id(self, passage_id: str, number: int) -> str:
        return derived_id("q", self.stage.project.id, passage_id, str(number))

    def _numbers(self, turn: int) -> range:
        return range(turn * self.per_passage, (turn + 1) * self.per_passage)

    def _asked(self, turn: int) -> set[str]:
        """Passages of which this turn's queries are stored, or failed too often."""
        return {
            id_
            for id_ in self.outline.ids
            if any(self._id(id_, number) in self.taken for number in self._numbers(turn))
            or self.stage.exhausted(_key(id_, turn))
        }

    def _work(self, ids: Sequence[str], turn: int) -> Iterator[Work]:
        found = self.stage.store.items(self.stage.project.id, Passage, ids=ids)
        passages = {passage.id: passage for passage in found}
        for id_ in ids:
            if id_ in passages and self.room > 0:
                yield Work(_key(id_, turn), partial(self._write, passages[id_], turn))

    def prompt(self, passage: Passage, turn: int) -> Prompt:
        """What asks for the queries of a passage."""
        whole = f"{passage.title}. {passage.text}" if passage.title else passage.text
        return prompts.render(
            "queries.grounded",
            domain=self.domain,
            language=self.language,
            style=self.template.query_style,
            examples=self.domain.example_queries[:6] or self.grounding.questions[:3],
            shown=shown_passages(self.domain.language),
            passage=shortened(whole, SHOWN_TOKENS),
            terms=self._terms(passage)[:TERMS],
            limit=LIMITS[self._complexity(passage, turn)],
            kinds=[slot.type.name.replace("_", " ") for slot in self._slots(passage, turn)],
        )

    def _complexity(self, passage: Passage, turn: int) -> Complexity:
        """One for all queries of a request: small models do not tell limits apart."""
        return deal(complexities_of(self.mix), turn, passage.id, "complexity")

    def _slots(self, passage: Passage, turn: int) -> list[Slot]:
        kinds, complexity = self._kinds(passage), self._complexity(passage, turn)
        return slots(kinds, complexity, passage.id, self._numbers(turn))

    def _kinds(self, passage: Passage) -> Sequence[QueryType]:
        """Those that the passage can answer: asked for others, models make the answer up."""
        text, code = f"{passage.title} {passage.text}", language(self.domain.language).code
        kinds = self.template.query_types
        return [kind for kind in kinds if kind.fits(text, code)] or kinds

    def _terms(self, passage: Passage) -> list[str]:
        """Terms of the knowledge base whose words are all in the passage, the longest first."""
        found = stems(f"{passage.title} {passage.text}", self.domain.language)
        return self._within(found)

    def _within(self, found: frozenset[str]) -> list[str]:
        inside = [(c.term, parts) for c, parts in self.grounding.term_stems if parts]
        inside = [(term, parts) for term, parts in inside if parts <= found]
        return [term for term, parts in sorted(inside, key=lambda one: -len(one[1]))]

    async def _write(self, passage: Passage, turn: int, attempt: Try) -> Sequence[Item]:
        prompt = self.prompt(passage, turn)
        asked, complexity = self._slots(passage, turn), self._complexity(passage, turn)
        least = LEAST_SIGNS[complexity] if language(self.domain.language).spaced else 0
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.passage_queries(len(asked), least),
            stage="queries",
            max_tokens=MAX_TOKENS[complexity] * len(asked) + 60,
            temperature=0.8,
            seed=self.stage.seed(_key(passage.id, turn), attempt.number),
            at_least=len(asked),
        )
        raw = answer.value.model_dump_json()
        written = [first_asked(clean(found.query)) for found in answer.value.queries]
        spoken = [
            (slot, text)
            for slot, text in zip(asked, written, strict=False)
            if in_language(text, self.domain.language)
        ]
        if not spoken:
            raise WrongLanguage(f"not in {self.language}", completion=raw)
        apt = [(slot, text) for slot, text in spoken if self._is_apt(text, passage, prompt)]
        if not apt:
            raise InvalidCompletion("no usable query", completion=raw)
        new = [(slot, text) for slot, text in apt if self.seen.add(text)][: max(0, self.room)]
        self.room -= len(new)
        made = self.stage.provenance(prompt, answer.model, answer.request_hash)
        made.span = passage.provenance.span
        queries = [self._query(passage, slot, text, made) for slot, text in new]
        self.taken |= {query.id for query in queries}
        return [item for query in queries for item in (query, _label(query, passage))]

    def _query(self, passage: Passage, slot: Slot, text: str, made: Provenance) -> Query:
        found = self._within(stems(text, self.domain.language))
        return Query(
            id=self._id(passage.id, slot.number),
            query=text,
            type=slot.type.name,
            complexity=complexity_of(text, self.domain.language),
            answer_type=slot.answer_type,
            key_concepts=found[:4] or self._terms(passage)[:1],
            provenance=made,
        )

    def _is_apt(self, text: str, passage: Passage, prompt: Prompt) -> bool:
        """Whether somebody who has not seen the passage could have typed it."""
        source = f"{passage.title} {passage.text}"
        tag = self.domain.language
        if general(text, f"{self.domain.name} {self.domain.description}", tag):
            return False
        worked = [
            line
            for example in shown_passages(tag)
            for line in (example.passage, *example.queries.values())
        ]
        if strays(text, source, worked, tag):
            return False
        lines = [*prompt.system.splitlines(), *prompt.user.splitlines()[1:]]
        return asks_apart(text, source, lines, tag)


def is_grounded(query: Query) -> bool:
    """Whether the query was written from a passage of the user's documents."""
    return query.provenance.span is not None


def _key(passage_id: str, turn: int) -> str:
    return f"grounded/{passage_id}/{turn}"


def _label(query: Query, passage: Passage) -> Judgment:
    """The passage answers the query that was written from it."""
    return Judgment(
        id=derived_id("j", passage.id, query.id, JudgmentSource.GENERATOR),
        query_id=query.id,
        passage_id=passage.id,
        grade=3,
        strategy=Strategy.POSITIVE,
        explanation="The query was written from this passage.",
        source=JudgmentSource.GENERATOR,
        provenance=query.provenance,
    )


def shortened(text: str, tokens: int) -> str:
    """The beginning of a text, about so many tokens, cut after a sentence where one ends there."""
    if estimate_tokens(text) <= tokens:
        return text
    kept: list[str] = []
    size = 0
    for word in text.split():
        size += estimate_tokens(f"{word} ")
        if size > tokens * 1.3 and kept:  # rounding up word by word overstates
            break
        kept.append(word)
    for at in range(len(kept) - 1, len(kept) * 2 // 3, -1):
        if kept[at].endswith((".", "!", "?", "。")):
            return " ".join(kept[: at + 1])
    return " ".join(kept)
