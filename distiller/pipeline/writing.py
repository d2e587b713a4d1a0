"""Stages that ask the language model."""

from __future__ import annotations

from distiller.generate import (
    Focus,
    another_negative,
    extend_concept,
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
    repair,
    rewrite_concept,
)
from distiller.llm import Client
from distiller.pipeline.plan import Journey
from distiller.schema.errors import InputError
from distiller.schema.jobs import OnProgress, StageReport


def _client(journey: Journey) -> Client:
    assert journey.client is not None, "run() opens the client before a stage that needs it"
    return journey.client


async def knowledge_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await generate_knowledge(
        journey.store,
        journey.project,
        _client(journey),
        concepts=journey.plan.concepts,
        source=journey.plan.knowledge_from,
        on_progress=on_progress,
    )


async def queries_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await generate_queries(
        journey.store,
        journey.project,
        _client(journey),
        count=journey.plan.queries,
        complexity=journey.plan.complexity,
        per_passage=journey.plan.per_passage,
        focus=Focus(journey.plan.targets, journey.plan.query_type, journey.plan.grounded_share),
        on_progress=on_progress,
    )


async def passages_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await generate_passages(
        journey.store,
        journey.project,
        _client(journey),
        positives_per_query=journey.plan.positives_per_query,
        negatives_per_query=journey.plan.negatives_per_query,
        grounded_negatives=journey.plan.grounded_negatives,
        length=journey.plan.length,
        contrastive=journey.plan.contrastive,
        on_progress=on_progress,
    )


async def judge_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await judge_passages(
        journey.store,
        journey.project,
        _client(journey),
        # Thousands of them; where they count without a judge, each would be minutes for nothing.
        mined=not journey.settings.trust_mined,
        on_progress=on_progress,
    )


async def rewrite_concept_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await rewrite_concept(
        journey.store,
        journey.project,
        _client(journey),
        concept_id=_target(journey),
        on_progress=on_progress,
    )


async def extend_concept_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await extend_concept(
        journey.store,
        journey.project,
        _client(journey),
        concept_id=_target(journey),
        on_progress=on_progress,
    )


async def another_negative_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    if not journey.plan.targets:
        raise InputError("this stage needs the queries that it is about as targets")
    return await another_negative(
        journey.store,
        journey.project,
        _client(journey),
        query_ids=journey.plan.targets,
        length=journey.plan.length,
        on_progress=on_progress,
    )


async def repair_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await repair(
        journey.store,
        journey.project,
        _client(journey),
        checks=journey.plan.checks,
        targets=journey.plan.targets,
        attempts=journey.plan.attempts,
        on_progress=on_progress,
    )


def _target(journey: Journey) -> str:
    if len(journey.plan.targets) != 1:
        raise InputError("this stage is about one item; name it as the only target")
    return journey.plan.targets[0]
