"""Runs of stages, and what they will use."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import groupby

from distiller.generate import SHARES, Mending, Planned, has_corpus, planned, requests_for
from distiller.llm import connect, forecast
from distiller.pipeline.plan import Journey
from distiller.pipeline.stages import AGAIN, ALL_STAGES, LLM_STAGES, WRITING
from distiller.schema.errors import InputError
from distiller.schema.jobs import Progress, StageReport
from distiller.schema.usage import Forecast


async def run(journey: Journey, stages: Sequence[str]) -> list[StageReport]:
    """Run the named stages in the order given; `distiller.jobs` keeps the row of such a run.

    Neighbouring stages that ask a language model share one client. It is closed before training,
    which needs the processor and the memory.

    Raises:
        InputError: there is no such stage.
        DistillerError: what the failing stage raised; everything before it is kept.
    """
    for name in stages:
        if name not in ALL_STAGES:
            raise InputError(f"no stage is called {name!r}; there are {', '.join(ALL_STAGES)}")
    reports = []
    for asks_model, names in groupby(stages, key=LLM_STAGES.__contains__):
        group = list(names)
        if asks_model and _is_over(journey, group):
            continue
        if asks_model:
            async with connect(
                journey.settings,
                journey.store.ledger,
                project_id=journey.project.id,
                on_progress=journey.on_progress,
            ) as journey.client:
                reports += [await _run_stage(journey, name) for name in group]
            journey.client = None
        else:
            reports += [await _run_stage(journey, name) for name in group]
    return reports


def forecasts(journey: Journey, stages: Sequence[str]) -> list[Forecast]:
    """What the stages that ask a language model will use, if nothing of it is there yet."""
    plan = journey.plan
    first = stages.index("repair") if "repair" in stages else len(stages)
    before = [name for name in stages[:first] if name in WRITING]
    requests = requests_for(
        [*before, *stages[first : first + 1]],
        journey.project.domain,
        concepts=plan.concepts,
        read=math.ceil(_share_read(journey, stages) * plan.concepts),
        queries=plan.queries,
        grounded=round(_grounded_share(journey, stages) * plan.queries),
        per_passage=plan.per_passage,
        positives_per_query=plan.positives_per_query,
        negatives_per_query=plan.negatives_per_query,
        grounded_negatives=plan.grounded_negatives,
        length=plan.length,
        contrastive=plan.contrastive,
        mending=_known_mending(journey, before) if first < len(stages) else None,
        attempts=min(plan.attempts, stages.count("repair")),
    )
    return forecast(requests, journey.settings)


def _known_mending(journey: Journey, before: Sequence[str]) -> Mending | None:
    """What is to be mended now; None where texts are written before that nobody knows yet."""
    if {"queries", "passages"} & set(before):
        return None
    return Mending.of(_to_mend(journey).fixes)


def _to_mend(journey: Journey) -> Planned:
    plan = journey.plan
    return planned(
        journey.store,
        journey.project,
        checks=plan.checks,
        targets=plan.targets,
        attempts=plan.attempts,
    )


def _is_over(journey: Journey, names: Sequence[str]) -> bool:
    """Whether these stages are a further round of mending, with nothing left to mend."""
    done = tuple(report.stage for report in journey.done[-len(AGAIN) :])
    return tuple(names) == AGAIN[: len(names)] and done == AGAIN and not _to_mend(journey).fixes


def _share_read(journey: Journey, stages: Sequence[str]) -> float:
    """Of the concepts, those read from documents."""
    source = journey.plan.knowledge_from
    return SHARES[source or ("both" if _reads(journey, stages) else "words")]


def _grounded_share(journey: Journey, stages: Sequence[str]) -> float:
    """Of the queries, those written from documents."""
    share = journey.plan.grounded_share
    return float(_reads(journey, stages)) if share is None else share


def _reads(journey: Journey, stages: Sequence[str]) -> bool:
    """Whether there are documents, or an earlier stage of the run reads some."""
    return "ingest" in stages or has_corpus(journey.store, journey.project)


async def _run_stage(journey: Journey, name: str) -> StageReport:
    started = time.monotonic()
    report = await ALL_STAGES[name](journey, journey.on_progress or _nobody)
    report.seconds = time.monotonic() - started
    journey.done.append(report)
    return report


def _nobody(_: Progress) -> None:
    """Nobody asked to be told."""
