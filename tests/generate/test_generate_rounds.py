"""Rounds of mending in a run of the pipeline: looked at again after each, and never without end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from endpoint import ScriptedEndpoint, data
from scripted_writer import Writer

from distiller.pipeline import Journey, Plan, forecasts, mending, run
from distiller.schema.domain import Project
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.jobs import StageReport
from distiller.settings import Settings
from distiller.store import Store

WRONG = "wer repariert das Dach des Hauses"


@pytest.fixture
def filled(store: Store, project: Project) -> Project:
    text = (
        "The landlord orders repairs of the roof within a month of a written request. Urgent ones, "
        "such as a burst pipe, are begun on the day on which they are reported."
    )
    store.add(
        project.id,
        [
            Query(id="q", query="Query: who mends the roof"),
            Passage(id="p", text=text),
            Judgment(id="j", query_id="q", passage_id="p", grade=3),
        ],
    )
    return project


async def mend(
    store: Store, project: Project, cache: Path, writer: Writer, attempts: int
) -> list[StageReport]:
    with ScriptedEndpoint(writer) as endpoint:
        settings = Settings(
            workspace=cache,
            cache_dir=cache,
            llm_url=endpoint.url,
            llm_model="scripted",
            openai_api_key="not-a-key",
        )
        journey = Journey(store, project, settings, Plan(attempts=attempts))
        return await run(journey, mending(attempts))


def wrong_at_first(times: int) -> Writer:
    """Answers of the model that a check refuses, for so many requests."""
    asked = []

    def script(name: str, _: int):
        if name != "MendedQuery" or len(asked) == times:
            return None
        asked.append(name)
        return data({"query": WRONG})

    return Writer(script)


async def test_what_a_first_attempt_left_is_tried_again_after_a_look(
    store: Store, filled: Project, tmp_path: Path
):
    writer = wrong_at_first(2)  # both tries of the first round
    reports = await mend(store, filled, tmp_path, writer, attempts=3)
    assert [(one.stage, one.made) for one in reports if one.stage == "repair"] == [
        ("repair", 0),
        ("repair", 1),
    ], "a third round has nothing to do"
    assert [one.stage for one in reports] == [*mending(2), "remine", "check"]
    assert writer.asked["MendedQuery"] == 3
    assert not store.get(Query, "q").query.startswith("Query:")
    assert store.findings(filled.id, checks=["query_form"]) == []


async def test_what_failed_every_time_stays_found_and_is_said(
    store: Store, filled: Project, tmp_path: Path
):
    writer = wrong_at_first(100)
    reports = await mend(store, filled, tmp_path, writer, attempts=2)
    assert writer.asked["MendedQuery"] == 2 * 2
    told = [one.notes for one in reports if one.stage == "repair"]
    assert "1 left: tried 2 times, and still wrong" in told[-1]
    assert [found.item_id for found in store.findings(filled.id, checks=["query_form"])] == ["q"]
    assert store.get(Query, "q").query == "Query: who mends the roof"
    await mend(store, filled, tmp_path, writer, attempts=2)
    assert writer.asked["MendedQuery"] == 4, "another run asks no more"


def test_rounds_are_as_many_as_the_limit():
    assert mending(0) == ("check",)
    assert mending(1) == ("check", "repair", "judge", "remine", "check")
    assert mending(3).count("repair") == 3


def test_repairs_are_forecast_from_what_is_found_or_from_what_is_planned(
    store: Store, filled: Project, tmp_path: Path
):
    settings = Settings(workspace=tmp_path, llm_url="http://127.0.0.1:9/v1", llm_model="none")

    def expected(*stages: str, **plan: object) -> dict[str, int]:
        journey = Journey(store, filled, settings, Plan.model_validate(plan))
        return {one.stage: one.completions for one in forecasts(journey, list(stages))}

    assert expected(*mending(1)) == {}, "nobody has looked yet, and nothing is known to be wrong"
    check = Journey(store, filled, settings, Plan())
    asyncio.run(run(check, ["check"]))
    assert expected("repair", "judge", "check") == {"repair": 2 + 2 * 4}, (
        "one query, its four pairs"
    )
    journey = ("knowledge", "queries", "passages", "judge")
    alone = expected(*journey, queries=100)
    one, two = (expected(*journey, *mending(n), queries=100, attempts=n) for n in (1, 2))
    assert {**one, "repair": 0} == {**alone, "repair": 0}, "what is judged is counted once"
    assert 0 < one["repair"] < alone["passages"]
    assert two["repair"] == pytest.approx(2 * one["repair"], abs=4)
