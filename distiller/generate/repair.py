"""Repairs that a language model writes: queries and passages anew, other negatives.

A repair is accepted only where the checks no longer find what was found; what it replaces is kept
in the item's history, and can be had back as one step.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from functools import partial
from typing import TypeVar

from distiller.generate import answers
from distiller.generate.cells import LIMITS
from distiller.generate.grounding import USABLE, Grounding
from distiller.generate.mending import Fix, is_document, key_of, planned, tried
from distiller.generate.passages import PassageStage
from distiller.generate.queries import MAX_TOKENS
from distiller.generate.records import firmly
from distiller.generate.settling import WHO, apply, notes
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.wording import clean
from distiller.generate.writing import LENGTHS, Length, body
from distiller.llm import Client
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.templates import template
from distiller.quality import CHECKS, Evidence, Mend, Pair, run
from distiller.quality.form import PASSAGE_WORDS
from distiller.quality.texts import length
from distiller.schema.base import Item, Status
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import Conflict, InvalidCompletion
from distiller.schema.examples import (
    POSITIVE_GRADE,
    Judgment,
    JudgmentSource,
    Passage,
    Query,
)
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.usage import Prompt
from distiller.store import Store


async def repair(
    store: Store,
    project: Project,
    client: Client,
    *,
    checks: Collection[str] | None = None,
    targets: Collection[str] = (),
    attempts: int = 2,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Mend what the last run of the checks found, each item at most `attempts` times in all.

    What a reviewer decided about stays as it is. Texts that were written anew are proposals to be
    judged again; run the stages `judge` and `check` after it. What could not be mended stays as it
    was, with its findings, and is counted.

    Raises:
        InputError: There is no such check, or nothing mends what it finds.
        DistillerError: What stopped the stage; everything mended before is kept.
    """
    plan = planned(store, project, checks=checks, targets=targets, attempts=attempts)
    stage = Stage("repair", store, project, client, on_progress, counts=Passage)
    stage.total = len(plan.fixes)
    run_ = RepairStage(stage)
    for fix in plan.fixes:
        if fix.pure:
            await run_.settle(fix)
    await stage.all(run_.work([fix for fix in plan.fixes if not fix.pure]))
    left = planned(store, project, checks=checks, targets=targets, attempts=attempts).skipped
    last = tried(attempts)  # some have now been tried for the last time
    told = plan.skipped | ({last: left[last]} if last in left else {})
    stage.notes += notes(run_.done, told)
    return stage.report(needed=False)


T = TypeVar("T", Query, Passage)


class RepairStage:
    """One run of the stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.domain = stage.project.domain
        self.language = language(self.domain.language).name
        self.template = template(self.domain.template)
        self.done: Counter[Mend] = Counter()
        self._writer: PassageStage | None = None

    async def settle(self, fix: Fix) -> None:
        """A repair that needs no model."""
        try:
            made = await asyncio.to_thread(apply, self.stage.store, self.stage.project, fix)
        except Conflict:  # somebody decided meanwhile: their word stands
            return
        self._count(fix, made)

    def work(self, fixes: Sequence[Fix]) -> list[Work]:
        """Repairs that a model writes; the negatives of one query come one after the other."""
        negatives: dict[str, list[Fix]] = defaultdict(list)
        work = []
        for fix in fixes:
            if fix.mend is Mend.REPLACE_NEGATIVE and fix.query is not None:
                negatives[fix.query.id].append(fix)
            else:
                make = self._query if fix.mend is Mend.REWRITE_QUERY else self._passage
                work.append(Work(key_of(fix.item, fix.finding.check), partial(make, fix)))
        for group in negatives.values():
            key = key_of(group[0].item, group[0].finding.check)
            work.append(Work(key, partial(self._negatives, group)))
        return work

    def query_prompt(self, fix: Fix) -> Prompt:
        """What asks for a query anew."""
        assert isinstance(fix.item, Query)
        answer = fix.other.text if isinstance(fix.other, Passage) else ""
        return prompts.render(
            "repair.query",
            domain=self.domain,
            language=self.language,
            style=self.template.query_style,
            examples=self.domain.example_queries[:6],
            query=fix.item.query,
            concepts=fix.item.key_concepts[:3],
            passage=answer,
            fault=fix.finding.reason,
            limits=LIMITS[fix.item.complexity],
        )

    async def _query(self, fix: Fix, attempt: Try) -> Sequence[Item]:
        assert isinstance(fix.item, Query)
        prompt = self.query_prompt(fix)
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.MendedQuery,
            stage=self.stage.name,
            max_tokens=MAX_TOKENS[fix.item.complexity] + 40,
            temperature=0.7,
            seed=self._seed(fix, attempt),
        )
        text, raw = clean(answer.value.query), answer.value.model_dump_json()
        if not text or text.casefold() == fix.item.query.casefold():
            raise InvalidCompletion("the query was not changed", completion=raw)
        changed = self._changed(
            fix.item, {"query": text}, prompt, answer.model, answer.request_hash
        )
        self._refuse_failing(Evidence(self.domain, queries=[changed]), raw)
        await self._keep(fix, changed, answer.model)
        return []

    def passage_prompt(self, fix: Fix, size: Length) -> Prompt:
        """What asks for a passage anew; the writer of a negative does not see its query."""
        assert isinstance(fix.item, Passage)
        low, high = LENGTHS[size].sentences
        positive = _positive(fix)
        shown = fix.query if positive or fix.finding.check == "own_words" else None
        return prompts.render(
            "repair.passage",
            domain=self.domain,
            language=self.language,
            style=self.template.passage_style,
            passage=fix.item.text,
            fault=fix.finding.reason,
            query=shown.query if shown else "",
            answers=positive,
            low=low,
            high=high,
        )

    async def _passage(self, fix: Fix, attempt: Try) -> Sequence[Item]:
        assert isinstance(fix.item, Passage)
        size = _size(length(fix.item.text, self.domain.language))
        prompt, bounds = self.passage_prompt(fix, size), LENGTHS[size]
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.counted(answers.WrittenPassage, sentences=bounds.sentences),
            stage=self.stage.name,
            max_tokens=bounds.max_tokens,
            seed=self._seed(fix, attempt),
        )
        asked = fix.query.query if fix.query else ""
        title, text, _ = body(answer.value, asked, self.domain.language, size)
        fields = {"text": text, "title": title or fix.item.title}
        changed = self._changed(fix.item, fields, prompt, answer.model, answer.request_hash)
        self._refuse_failing(_beside(self.domain, changed, fix), answer.value.model_dump_json())
        await self._keep(fix, changed, answer.model)
        return []

    async def _negatives(self, fixes: list[Fix], _: Try) -> Sequence[Item]:
        """Take passages away from a query, once another one is written for each."""
        while fixes:
            fix = fixes[0]
            assert fix.query is not None
            assert fix.label is not None
            # What was mined from documents is replaced by mining.
            if isinstance(fix.item, Passage) and not is_document(fix.item):
                await self._another(fix.query)
            await asyncio.to_thread(
                partial(
                    self.stage.store.set_status,
                    self.stage.project.id,
                    Judgment,
                    [fix.label.id],
                    Status.REJECTED,
                    who=WHO,
                    reason=fix.reason,
                )
            )
            self.done[fix.mend] += 1
            fixes.pop(0)
        return []

    async def _another(self, query: Query) -> None:
        store, project = self.stage.store, self.stage.project
        if self._writer is None:
            queries = store.items(project.id, Query, status=USABLE)
            self._writer = PassageStage(self.stage, Grounding(store, project), queries, "medium")
        if not await self._writer.add_one(query):
            raise InvalidCompletion("no other negative could be written")

    def _changed(self, item: T, fields: dict[str, str], prompt: Prompt, model: str, key: str) -> T:
        made = self.stage.provenance(prompt, model, key)
        kept = {"source": item.provenance.source, "span": item.provenance.span}
        return item.model_copy(update={**fields, "provenance": made.model_copy(update=kept)})

    def _refuse_failing(self, evidence: Evidence, raw: str) -> None:
        """Raises InvalidCompletion where a check of texts still finds something."""
        names = [name for name, check in CHECKS.items() if check.alone or name == "own_words"]
        if found := run(evidence, names):
            raise InvalidCompletion(f"mended, it {found[0].reason}", completion=raw)

    async def _keep(self, fix: Fix, changed: Query | Passage, model: str) -> None:
        store, project = self.stage.store, self.stage.project
        try:
            await asyncio.to_thread(
                partial(store.edit, changed, who=model, reason=fix.reason, project_id=project.id)
            )
        except Conflict:  # somebody decided meanwhile: their word stands
            return
        self._count(fix, 1)

    def _count(self, fix: Fix, made: int) -> None:
        self.done[fix.mend] += made
        self.stage.made += made
        self.stage.tell()

    def _seed(self, fix: Fix, attempt: Try) -> int:
        """Another one for each version, so that the ledger does not answer with the last repair."""
        return self.stage.seed(f"{fix.item.id}/{fix.item.version}", attempt.number)


def _positive(fix: Fix) -> bool:
    return fix.label is not None and fix.label.grade >= POSITIVE_GRADE


def _beside(domain: Domain, passage: Passage, fix: Fix) -> Evidence:
    """The passage beside its query, as the checks of texts look at it."""
    if fix.query is None or fix.label is None:
        return Evidence(domain, passages={passage.id: passage})
    label = fix.label.model_copy(update={"stale": False})
    pair = Pair(fix.query, passage, {JudgmentSource.GENERATOR: label})
    return Evidence(domain, passages={passage.id: passage}, offered={fix.query.id: [pair]})


def _size(words: int) -> Length:
    """The length that a passage was probably written in; what is far too short becomes medium."""
    if words < PASSAGE_WORDS[0] * 2:
        return "medium"
    return next((size for size, bounds in LENGTHS.items() if words <= bounds.words[1]), "long")
