"""Queries, spread over concepts, kinds, complexities, expected answers and searchers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import partial
from itertools import groupby

from distiller.generate import answers
from distiller.generate.aptness import (
    MAX_WORDS,
    complexity_of,
    describes_searcher,
    first_asked,
    states,
    vague,
    without_kind,
)
from distiller.generate.cells import (
    BATCH,
    EVERYWHERE,
    LIMITS,
    Cell,
    Focus,
    Plan,
    checked_mix,
    of_one_type,
)
from distiller.generate.grounded import PER_PASSAGE, GroundedStage, is_grounded
from distiller.generate.grounding import Ground, Grounding
from distiller.generate.outline import corpus_outline, has_corpus
from distiller.generate.records import firmly
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.wording import clean, parrots
from distiller.llm import Client
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.templates import template
from distiller.quality.duplicates import Seen
from distiller.quality.form import BRIEF
from distiller.quality.languages import in_language
from distiller.quality.texts import length, stems
from distiller.schema.base import Item, Status
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, InvalidCompletion, StageFailed, WrongLanguage
from distiller.schema.examples import Complexity, Query
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.usage import Prompt
from distiller.store import Store

SIMPLE_WORDS = 12
ASKED = 3
"""How often one run asks for a cell before another cell takes its place."""
DRY = ASKED + 1
"""Rounds in a row that brought next to nothing, after which the run ends with a note; so many that
other cells have been asked for too."""
SCARCE = 0.05
"""Share of new queries among those asked for that counts as next to nothing."""

MAX_TOKENS = {Complexity.SIMPLE: 60, Complexity.MODERATE: 80, Complexity.COMPLEX: 130}
"""Of one query with its concept."""


async def generate_queries(
    store: Store,
    project: Project,
    client: Client,
    *,
    count: int,
    complexity: str = "mixed",
    per_passage: int = PER_PASSAGE,
    focus: Focus = EVERYWHERE,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Write queries until the project has exactly `count` that are not rejected.

    Where the project has passages of its own documents, queries are written from them,
    `per_passage` of different kinds from each. A `focus` says how many of them are, and narrows
    what is asked about.

    Raises:
        InputError: neither documents nor concepts for what is asked, or an unknown complexity,
            concept or type.
        StageFailed: nothing at all could be made.
        DistillerError: what stopped the stage; everything written before is kept.
    """
    mix = checked_mix(complexity)
    grounding = Grounding(store, project)
    share = _share(store, project, grounding, focus.share)
    stage = Stage("queries", store, project, client, on_progress, counts=Query)
    known = store.items(project.id, Query)
    seen = Seen(project.domain.language)
    for query in known:
        seen.add(query.query)
    standing = [query for query in known if query.status != Status.REJECTED]
    stage.present, stage.total = len(standing), count
    wanted = round(share * count)
    grounded = sum(map(is_grounded, standing))
    room = max(0, min(count - len(standing), wanted - grounded))
    if room:
        stage.tell("looking for what the documents are about")
    outline = await asyncio.to_thread(corpus_outline, store, project) if room else None
    if outline:
        reading = GroundedStage(stage, grounding, outline, known, seen, mix, per_passage)
        await reading.run(room)
    if wanted < count:
        kinds = of_one_type(template(project.domain.template), focus.query_type)
        plan = Plan(focus.among(grounding.concepts), kinds, mix, project.domain.name)
        left = min(count - len(standing) - stage.made, count - wanted - len(standing) + grounded)
        await QueryStage(stage, plan, grounding, known, seen, left).run()
    report = stage.report()
    if count and not report.made + report.present:  # nothing failed, but nothing could be used
        raise StageFailed(f"queries: {'; '.join(report.notes)}")
    return report


def _share(
    store: Store, project: Project, grounding: Grounding, grounded_share: float | None
) -> float:
    """The share of queries that are written from documents.

    Raises InputError where the project lacks what the share needs.
    """
    read = has_corpus(store, project)
    share = float(read) if grounded_share is None else grounded_share
    if share > 0 and not read:
        raise InputError(
            f"project {project.name!r} has no documents to write queries from; run "
            "`distiller ingest` first, or ask for a grounded share of 0"
        )
    if share < 1 and not grounding.concepts:
        raise InputError(
            f"project {project.name!r} has no concepts yet; run `distiller bootstrap` first"
        )
    return share


class QueryStage:
    """The part of the stage that knows concepts only; `room` is what it may write."""

    def __init__(
        self,
        stage: Stage,
        plan: Plan,
        grounding: Grounding,
        known: Sequence[Query],
        seen: Seen,
        room: int,
    ) -> None:
        self.stage = stage
        self.plan = plan
        self.grounding = grounding
        self.domain = stage.project.domain
        self.language = language(self.domain.language).name
        self.taken = {query.id for query in known}
        self.seen = seen
        self.room = room
        self.asked: dict[int, int] = {}

    async def run(self) -> None:
        """Rounds over what is missing; each asks for as many cells as there is room for."""
        dry = 0
        while self.room > 0 and dry < DRY:
            before = self.room
            cells = [self.plan.cell(number) for number in self._free(self.room)]
            await self.stage.all(
                [
                    Work(key, partial(self._write, list(batch)))
                    for key, batch in groupby(cells, key=self._request)
                ]
            )
            dry = 0 if before - self.room > SCARCE * before else dry + 1
        if self.room > 0:
            self.stage.notes.append(
                f"{self.room} of {self.stage.total} queries are missing: the model repeats itself; "
                "add concepts, or use a larger model"
            )

    def _request(self, cell: Cell) -> str:
        """Which cells share a request: those of a batch at first, then each is asked for alone."""
        alone = self.asked[cell.number] > 1
        return f"query/{cell.number}" if alone else f"batch/{cell.number // BATCH}"

    def _id(self, number: int) -> str:
        project = hashlib.sha256(self.stage.project.id.encode()).hexdigest()[:8]
        return f"q-{number:07d}-{project}"

    def _free(self, count: int) -> list[int]:
        """The first so many numbers of which no query is stored and none was asked for in vain."""
        free: list[int] = []
        number = 0
        while len(free) < count:
            if self._id(number) not in self.taken and self.asked.get(number, 0) < ASKED:
                free.append(number)
                self.asked[number] = self.asked.get(number, 0) + 1
            number += 1
        return free

    def prompt(self, cells: Sequence[Cell]) -> Prompt:
        """What asks for these cells, which share a complexity."""
        # Small models copy what they are told: a cell asked for again is asked for without it.
        told = self.asked.get(cells[0].number, 0) <= 1
        concepts = [cell.concept for cell in cells]
        ground = self.grounding.around(concepts, cells[0].number // BATCH) if told else Ground()
        return prompts.render(
            "queries.write",
            domain=self.domain,
            language=self.language,
            style=self.plan.template.query_style,
            examples=self.domain.example_queries[:6],
            limits=LIMITS[cells[0].complexity],
            facts=ground.facts,
            relationships=ground.relationships,
            questions=ground.questions,
            cells=[
                {
                    "term": cell.concept.term,
                    "definition": cell.concept.definition if told else "",
                    "type": cell.type.description,
                    "answer_type": cell.answer_type,
                    "persona": cell.persona,
                }
                for cell in cells
            ],
        )

    async def _write(self, cells: list[Cell], attempt: Try) -> Sequence[Item]:
        prompt = self.prompt(cells)
        complexity = cells[0].complexity
        number = self.asked.get(cells[0].number, 1) - 1
        answer = await self.stage.client.structured(
            firmly(prompt, self.language, attempt),
            answers.counted(answers.Queries, queries=len(cells)),
            stage="queries",
            max_tokens=MAX_TOKENS[complexity] * len(cells) + 60,
            temperature=0.8,
            seed=self.stage.seed(f"{cells[0].number}", number * 10 + attempt.number),
            at_least=len(cells),
        )
        made = self.stage.provenance(prompt, answer.model, answer.request_hash)
        written = [clean(found.query) for found in answer.value.queries]
        asked = [
            (cell, first_asked(without_kind(text, cell.answer_type)))
            for cell, text in zip(cells, written, strict=False)
        ]
        usable = [(cell, text) for cell, text in asked if self._fits(text)]
        raw = answer.value.model_dump_json()
        if not usable:
            raise InvalidCompletion("no usable query", completion=raw)
        spoken = [(c, text) for c, text in usable if in_language(text, self.domain.language)]
        if not spoken:
            raise WrongLanguage(f"not in {self.language}", completion=raw)
        apt = [(c, text) for c, text in spoken if self._is_apt(c, text, prompt)]
        new = [(c, text) for c, text in apt if self.seen.add(text)][: self.room]
        self.room -= len(new)
        self.taken |= {self._id(cell.number) for cell, _ in new}
        return [
            Query(
                id=self._id(cell.number),
                query=text,
                type=cell.type.name,
                complexity=complexity_of(text, self.domain.language),
                answer_type=cell.answer_type,
                key_concepts=self._concepts(cell, text),
                persona=cell.persona,
                provenance=made,
            )
            for cell, text in new
        ]

    def _fits(self, text: str) -> bool:
        return len(text) >= 2 and length(text, self.domain.language) <= MAX_WORDS

    def _is_apt(self, cell: Cell, text: str, prompt: Prompt) -> bool:
        """Whether a searcher could have typed it; the last time a cell is asked for, form is free."""
        tag = self.domain.language
        shown = (cell.concept.definition, *prompt.user.splitlines())
        if "=>" in text or BRIEF.search(text) or parrots(text, shown, tag):
            return False
        if describes_searcher(text, self.plan.template):
            return False
        if self.asked.get(cell.number, 0) >= ASKED:
            return True
        too_long = cell.complexity is Complexity.SIMPLE and length(text, tag) > SIMPLE_WORDS
        named = cell.persona.casefold() in text.casefold()
        empty = vague(text, f"{cell.concept.term} {cell.concept.definition}", tag)
        return not (too_long or named or empty or states(text))

    def _concepts(self, cell: Cell, text: str) -> list[str]:
        """The cell's concept, and up to three others whose words are all in the query."""
        found = stems(text, self.domain.language)
        others = [
            concept.term
            for concept, parts in self.grounding.term_stems
            if parts and parts <= found and concept.term != cell.concept.term
        ]
        return [cell.concept.term, *others[:3]]
