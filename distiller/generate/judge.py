"""Judgments by a language model that sees neither label nor strategy nor who wrote the passage."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

from distiller.generate import answers
from distiller.generate.grounding import USABLE
from distiller.generate.records import derived_id
from distiller.generate.stage import Stage, Try, Work
from distiller.generate.wording import clean
from distiller.llm import Client
from distiller.packs import prompts
from distiller.schema.base import Item
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.usage import Prompt
from distiller.store import Store

LABELS = (JudgmentSource.GENERATOR, JudgmentSource.REVIEWER)


async def judge_passages(
    store: Store,
    project: Project,
    client: Client,
    *,
    mined: bool = True,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Give every pair of query and passage a grade 0 to 3, a reason and a soft score.

    The score is the probability of Yes to "does the passage contain the answer", where the
    endpoint gives log-probabilities. Pairs that were changed since are judged anew. Without `mined`
    the negatives that a search found are left to their margin.

    Raises:
        InputError: no passages yet.
        StageFailed: nothing at all could be made.
        DistillerError: what stopped the stage; everything written before is kept.
    """
    stage = Stage("judge", store, project, client, on_progress, counts=Judgment)
    run = JudgeStage(stage, mined=mined)
    await run.run()
    return stage.report()


class JudgeStage:
    """One run of the stage."""

    def __init__(self, stage: Stage, *, mined: bool = True) -> None:
        self.stage = stage
        project, store = stage.project, stage.store
        self.queries = {q.id: q for q in store.items(project.id, Query, status=USABLE)}
        labels = store.judgments(project.id, sources=LABELS)
        judged_ids = {label.passage_id for label in labels}  # few of a large corpus
        found = store.items(project.id, Passage, status=USABLE, ids=judged_ids)
        self.passages = {passage.id: passage for passage in found}
        self.labels = {
            (label.query_id, label.passage_id): label
            for label in labels
            if label.query_id in self.queries
            and label.passage_id in self.passages
            and (label.strategy is not Strategy.MINED or (mined and not label.stale))
        }
        if not self.labels:
            raise InputError(
                f"project {project.name!r} has no passages to judge yet; run "
                "`distiller generate-documents` first"
            )
        judged = store.judgments(project.id, sources=[JudgmentSource.JUDGE])
        self.judged = {(given.query_id, given.passage_id): given for given in judged}

    async def run(self) -> None:
        """Judge what was not judged, in an order that tells nothing about the labels."""
        fresh = {pair for pair, given in self.judged.items() if not given.stale}
        pairs = sorted(self.labels.keys() - fresh, key=_shuffled)
        self.stage.present = len(self.labels) - len(pairs)
        self.stage.total = len(self.labels)
        work = [Work("/".join(pair), partial(self._judge, *pair)) for pair in pairs]
        await self.stage.retryable(work)

    def prompt(self, name: str, query: Query, passage: Passage) -> Prompt:
        """`judge.grade` or `judge.answers`; they share all but their last line, for the cache."""
        return prompts.render(
            name,
            domain=self.stage.project.domain,
            query=query.query,
            passage=f"{passage.title}. {passage.text}" if passage.title else passage.text,
        )

    async def _judge(self, query_id: str, passage_id: str, attempt: Try) -> Sequence[Item]:
        query, passage = self.queries[query_id], self.passages[passage_id]
        prompt = self.prompt("judge.grade", query, passage)
        answer = await self.stage.client.structured(
            prompt,
            answers.Assessment,
            stage="judge",
            max_tokens=160,
            temperature=0.0 if attempt.number == 0 else 0.7,
            seed=self.stage.seed(f"{query.query}/{passage.text}", attempt.number),
        )
        score = await self.stage.client.yes_probability(
            self.prompt("judge.answers", query, passage), stage="judge"
        )
        given = Judgment(
            id=derived_id("j", passage_id, query_id, JudgmentSource.JUDGE),
            query_id=query_id,
            passage_id=passage_id,
            grade=answer.value.grade,
            strategy=self.labels[query_id, passage_id].strategy,
            explanation=clean(answer.value.reason),
            source=JudgmentSource.JUDGE,
            score=score,
            provenance=self.stage.provenance(prompt, answer.model, answer.request_hash),
        )
        earlier = self.judged.get((query_id, passage_id))
        if earlier is None:
            return [given]
        self._replace(earlier, given)
        return []

    def _replace(self, earlier: Judgment, given: Judgment) -> None:
        """Put a new grade where query or passage changed since the old one."""
        changed = earlier.model_copy(
            update={
                "grade": given.grade,
                "explanation": given.explanation,
                "score": given.score,
                "provenance": given.provenance,
                "stale": False,
            }
        )
        self.stage.store.edit(changed, who="model", reason="query or passage was changed")
        self.stage.made += 1


def _shuffled(pair: tuple[str, str]) -> str:
    return hashlib.sha256("/".join(pair).encode()).hexdigest()
