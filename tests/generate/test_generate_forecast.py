from __future__ import annotations

import math
from pathlib import Path

import pytest
from corpus import passages
from scripted_writer import Connect, Writer

from distiller.generate import (
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
    requests_for,
)
from distiller.pipeline import Journey, Plan, forecasts
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError
from distiller.settings import Settings
from distiller.store import Store

STAGES = ["knowledge", "queries", "passages", "judge"]


def completions(stage: str, **plan: int) -> int:
    planned = requests_for([stage], Domain(name="tenancy"), **plan)
    return sum(item.completions for item in planned)


def test_a_judgment_takes_a_grade_and_a_score():
    assert completions("judge", queries=10, positives_per_query=2, negatives_per_query=3) == (
        10 * (2 + 3) * 2
    )


def test_without_negatives_no_query_is_altered():
    assert completions("passages", queries=20, negatives_per_query=0) == math.ceil(20 * 1.15)


def test_grounded_queries_are_asked_for_passage_by_passage_and_bring_their_positive():
    assert completions("queries", queries=30, grounded=30, per_passage=3) == math.ceil(10 * 1.15)
    assert completions("passages", queries=30, grounded=30) == 0
    assert completions("judge", queries=30, grounded=30) == 30 * 2
    mixed = completions("passages", queries=30, grounded=10, negatives_per_query=0)
    assert mixed == math.ceil(20 * 1.15)


def test_negatives_of_grounded_queries_are_forecast_where_they_are_asked_for():
    planned = completions(
        "passages", queries=10, grounded=10, negatives_per_query=0, grounded_negatives=2
    )
    assert planned == math.ceil(10 * 1.15) + math.ceil(20 * 1.15)


def test_long_passages_are_forecast_longer():
    def tokens(length: str) -> int:
        planned = requests_for(["passages"], Domain(name="tenancy"), length=length)
        return sum(item.completions * item.completion_tokens for item in planned)

    assert tokens("short") < tokens("medium") < tokens("long")


def test_an_unknown_stage_is_named():
    with pytest.raises(InputError, match="no stage 'train' asks a model"):
        requests_for(["train"], Domain(name="tenancy"))


def test_a_plan_is_forecast_by_what_the_project_has(store: Store, project: Project, tmp_path: Path):
    settings = Settings(workspace=tmp_path, llm_url="http://127.0.0.1:9/v1", llm_model="none")

    def expected(*stages: str, **plan: object) -> int:
        journey = Journey(store, project, settings, Plan.model_validate(plan))
        return sum(item.completions for item in forecasts(journey, list(stages)))

    worded = expected("queries", "passages", queries=12)
    assert expected("ingest", "queries", "passages", queries=12) == math.ceil(4 * 1.15)
    store.add(project.id, passages(2))
    assert expected("queries", "passages", queries=12) == math.ceil(4 * 1.15)
    assert expected("queries", "passages", queries=12, grounded_share=0) == worded
    assert expected("knowledge", knowledge_from="words") < expected("knowledge")


async def test_as_many_grounded_completions_are_asked_for_as_forecast(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(8))
    async with connected(Writer()) as client:
        report = await generate_queries(store, project, client, count=24)
    planned = requests_for(["queries"], project.domain, queries=24, grounded=24)
    assert report.usage.completions <= sum(item.completions for item in planned) <= 11


async def test_as_many_completions_are_asked_for_as_forecast(
    store: Store, project: Project, connected: Connect
):
    plan = {"concepts": 12, "queries": 12, "positives_per_query": 1, "negatives_per_query": 2}
    async with connected(Writer()) as client:
        reports = [
            await generate_knowledge(store, project, client, concepts=12),
            await generate_queries(store, project, client, count=12),
            await generate_passages(store, project, client, negatives_per_query=2),
            await judge_passages(store, project, client),
        ]
    for report in reports:
        planned = requests_for([report.stage], project.domain, **plan)
        forecast = sum(item.completions for item in planned)
        assert report.usage.completions <= forecast <= 1.3 * report.usage.completions + 1
