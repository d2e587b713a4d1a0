"""Passages: positives that answer a query, and hard negatives that answer another one.

A hard negative is made in two steps: the query is altered by a strategy, then a passage is written
that answers the altered query. Positives and negatives come from the same prompt, so that a model
trained on them cannot tell the one from the other by style, and the writer of a negative never
sees the query that it must not answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from distiller.generate import answers
from distiller.generate.grounded import is_grounded
from distiller.generate.grounding import USABLE, Grounding
from distiller.generate.records import derived_id, firmly
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.variants import Variants, Wanted
from distiller.generate.writing import LENGTHS, Length, body, checked_length
from distiller.llm import Client
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.strategies import strategies
from distiller.packs.templates import template
from distiller.schema.base import Item
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, InvalidCompletion
from distiller.schema.examples import (
    CONTRASTIVE_STRATEGIES,
    POSITIVE_GRADE,
    Judgment,
    JudgmentSource,
    Passage,
    Query,
    Strategy,
)
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.usage import Prompt
from distiller.store import Store

LABELS = (JudgmentSource.GENERATOR, JudgmentSource.REVIEWER)


async def generate_passages(  # noqa: PLR0913 - what a user may choose
    store: Store,
    project: Project,
    client: Client,
    *,
    positives_per_query: int = 1,
    negatives_per_query: int = 3,
    grounded_negatives: int = 0,
    length: str = "medium",
    contrastive: bool = False,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Write passages until every query that is not rejected has so many positives and negatives.

    A passage of the user's documents counts as a positive where it is one, and mined negatives
    count as well. A query that was written from a document gets `grounded_negatives` instead of
    `negatives_per_query`: those mined from the documents serve it better (docs/decisions/0017).
    `length` is `short`, `medium` or `long` (see `writing.LENGTHS`); `contrastive` spreads the
    negatives evenly over the six contrastive strategies.

    Raises:
        InputError: no queries yet, or an unknown length.
        StageFailed: nothing at all could be made.
        DistillerError: what stopped the stage; everything written before is kept.
    """
    size = checked_length(length)
    stage = Stage("passages", store, project, client, on_progress, counts=Passage)
    queries = store.items(project.id, Query, status=USABLE)
    if not queries:
        raise InputError(
            f"project {project.name!r} has no queries yet; run `distiller generate-queries` first"
        )
    run = PassageStage(stage, Grounding(store, project), queries, size)
    wanted = {False: negatives_per_query, True: grounded_negatives}
    await run.run(positives_per_query, wanted, contrastive)
    return stage.report()


async def another_negative(
    store: Store,
    project: Project,
    client: Client,
    *,
    query_ids: Sequence[str],
    length: str = "medium",
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Write one more hard negative for each query, by the contrastive strategy it has least of.

    Each call writes another one, for strategy or number differ from what is there.

    Raises:
        NotFound: the project has no such query.
        StageFailed: none could be made.
        DistillerError: what stopped the stage; everything written before is kept.
    """
    size = checked_length(length)
    wanted = [store.get(Query, id_, project_id=project.id) for id_ in query_ids]
    stage = Stage("another_negative", store, project, client, on_progress, counts=Passage)
    stage.total = len(wanted)
    queries = store.items(project.id, Query, status=USABLE)
    run = PassageStage(stage, Grounding(store, project), queries, size)
    await stage.all([work for query in wanted for work in run.one_more(query)])
    return stage.report()


@dataclass(frozen=True)
class Slot:
    """A passage to be written beside a query."""

    query: Query
    strategy: Strategy
    number: int
    grade: int
    answers: str
    """The query that the passage answers: the one beside it, or an altered one."""
    explanation: str = ""

    @property
    def key(self) -> str:
        return f"{self.query.id}/{self.strategy}/{self.number}"


def strategies_for(turn: int, count: int, contrastive: bool) -> list[Strategy]:
    """The strategies of a query's negatives; over all queries each comes equally often."""
    if not contrastive:
        return [Strategy.STANDARD] * count
    first = turn * count
    every = len(CONTRASTIVE_STRATEGIES)
    return [CONTRASTIVE_STRATEGIES[(first + n) % every] for n in range(count)]


class PassageStage:
    """One run of the stage."""

    def __init__(
        self, stage: Stage, grounding: Grounding, queries: list[Query], size: Length
    ) -> None:
        self.stage = stage
        self.grounding = grounding
        self.queries = queries
        self.size = size
        self.domain = stage.project.domain
        self.language = language(self.domain.language).name
        self.template = template(self.domain.template)
        self.variants = Variants(stage, queries)
        self.labels: dict[str, dict[str, Judgment]] = {}
        for label in stage.store.judgments(stage.project.id, sources=LABELS):
            self.labels.setdefault(label.query_id, {}).setdefault(label.passage_id, label)
        self.ids = set(stage.store.ids(stage.project.id, Passage))

    async def run(self, positives: int, wanted: Mapping[bool, int], contrastive: bool) -> None:
        """Everything that is missing, query by query; `wanted` negatives of grounded ones or not."""
        work: list[Work] = []
        for turn, query in enumerate(self.queries):
            labels = list(self.labels.get(query.id, {}).values())
            right = sum(label.grade >= POSITIVE_GRADE for label in labels)
            wrong = Counter(label.strategy for label in labels if label.grade < POSITIVE_GRADE)
            negatives = wanted[is_grounded(query)]
            self.stage.total += positives + negatives
            self.stage.present += min(right, positives) + min(wrong.total(), negatives)
            work += self._positives(query, turn, positives - right)
            strategies_ = strategies_for(turn, negatives, contrastive)
            work += self._negatives(query, turn, self._missing(query, strategies_, wrong))
        await self.stage.retryable(work)

    def one_more(self, query: Query) -> list[Work]:
        """A hard negative besides those that are there."""
        labels = self.labels.get(query.id, {}).values()
        used = Counter(label.strategy for label in labels if label.grade < POSITIVE_GRADE)
        strategy = min(CONTRASTIVE_STRATEGIES, key=lambda name: used[name])
        number = self._free(query, strategy, used[strategy])
        turn = next((n for n, other in enumerate(self.queries) if other.id == query.id), 0)
        # The same strategy with the same seed would bring the ledger's altered query again.
        return self._negatives(query, turn, [Wanted(strategy, number)], salt=f"/{used.total()}")

    async def add_one(self, query: Query) -> int:
        """Write a hard negative besides those that are there; returns passages written."""
        known = set(self.labels.get(query.id, {}))
        for work in self.one_more(query):
            await self.stage.one(work)
        labels = self.stage.store.judgments(
            self.stage.project.id, query_ids=[query.id], sources=LABELS
        )
        self.labels[query.id] = {label.passage_id: label for label in labels}
        self.ids |= self.labels[query.id].keys()
        return len(self.labels[query.id].keys() - known)

    def _missing(
        self, query: Query, wanted: list[Strategy], have: Counter[Strategy]
    ) -> list[Wanted]:
        """What of the wanted strategies is not there, as long as negatives are too few."""
        left = have.copy()
        open_ = []
        for strategy in wanted:
            if left[strategy] > 0:
                left[strategy] -= 1
            else:
                open_.append(strategy)
        open_ = open_[: max(0, len(wanted) - have.total())]
        missing, used = [], Counter[Strategy]()
        for strategy in open_:
            number = self._free(query, strategy, used[strategy])
            used[strategy] = number + 1
            missing.append(Wanted(strategy, number))
        return missing

    def _passage_id(self, query: Query, strategy: Strategy, number: int) -> str:
        return derived_id("p", self.stage.project.id, query.id, strategy, str(number))

    def _free(self, query: Query, strategy: Strategy, first: int) -> int:
        while self._passage_id(query, strategy, first) in self.ids:
            first += 1
        return first

    def _positives(self, query: Query, turn: int, count: int) -> list[Work]:
        slots, first = [], 0
        for _ in range(count):
            first = self._free(query, Strategy.POSITIVE, first)
            slots.append(Slot(query, Strategy.POSITIVE, first, 3, query.query))
            first += 1
        return [Work(slot.key, partial(self._write, slot, turn)) for slot in slots]

    def _negatives(
        self, query: Query, turn: int, wanted: list[Wanted], *, salt: str = ""
    ) -> list[Work]:
        if not wanted:
            return []
        make = partial(self._all_negatives, query, turn, wanted, salt=salt)
        return [Work(f"{query.id}/negatives{salt}", make)]

    async def _all_negatives(
        self, query: Query, turn: int, wanted: list[Wanted], attempt: Try, *, salt: str
    ) -> Sequence[Item]:
        """Alter the query, then write what answers the altered ones; each is written by itself."""
        others = await self.variants.of(query, wanted, attempt, salt=salt)
        for one in wanted:
            other = others.get(one)
            if other is None:
                key = f"{query.id}/{one.strategy}/{one.number}"
                await self.stage.fail(key, InvalidCompletion("the model only rewords the query"))
                continue
            variation = strategies().variation(one.strategy, one.number)
            slot = Slot(
                query=query,
                strategy=one.strategy,
                number=one.number,
                grade=variation.grade,
                answers=other,
                explanation=f"Answers “{other}” ({variation.kind}), not this query.",
            )
            if not self.stage.exhausted(slot.key):
                await self.stage.one(Work(slot.key, partial(self._write, slot, turn)))
        return []

    def prompt(self, slot: Slot, turn: int) -> Prompt:
        """What asks for the passage of a slot."""
        low, high = LENGTHS[self.size].sentences
        genre = self.grounding.document_type(turn, slot.strategy, str(slot.number))
        return prompts.render(
            "passages.write",
            domain=self.domain,
            language=self.language,
            style=self.template.passage_style,
            query=slot.answers,
            background=self.grounding.background(slot.query.key_concepts),
            document_type=genre
            or self.template.document_types[turn % len(self.template.document_types)],
            low=low,
            high=high,
        )

    async def _write(self, slot: Slot, turn: int, attempt: Try) -> Sequence[Item]:
        prompt = self.prompt(slot, turn)
        bounds = LENGTHS[self.size]
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.counted(answers.WrittenPassage, sentences=bounds.sentences),
            stage="passages",
            max_tokens=bounds.max_tokens,
            seed=self.stage.seed(slot.key, attempt.number),
        )
        made = self.stage.provenance(prompt, answer.model, answer.request_hash)
        title, text, explanation = body(
            answer.value, slot.answers, self.domain.language, self.size, queries=[slot.query.query]
        )
        passage = Passage(
            id=self._passage_id(slot.query, slot.strategy, slot.number),
            text=text,
            title=title,
            provenance=made,
        )
        label = Judgment(
            id=derived_id("j", passage.id, slot.query.id, JudgmentSource.GENERATOR),
            query_id=slot.query.id,
            passage_id=passage.id,
            grade=slot.grade,
            strategy=slot.strategy,
            explanation=slot.explanation or explanation,
            source=JudgmentSource.GENERATOR,
            provenance=made,
        )
        return [passage, label]
