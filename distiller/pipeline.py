"""The whole journey as a list of resumable stages.

Every stage derives from the store what is still missing, so the same call made again goes on where
it stopped: after a crash, a spent budget or Ctrl-C. The command line and the jobs run these stages.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import Field

from distiller.dataset import freeze
from distiller.evaluate import evaluate, held_out, load, systems
from distiller.generate import (
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
    requests_for,
)
from distiller.llm import Client, connect, forecast
from distiller.schema.base import Record, new_id, now
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.jobs import Job, JobState, OnProgress, Progress, StageReport
from distiller.schema.retrieval import EvaluationReport, TrainedModel
from distiller.schema.usage import Forecast
from distiller.settings import Settings
from distiller.splade.start import resolve
from distiller.store import Store
from distiller.train import PRESETS, train

TUNED = "tuned"
"""What reports of a journey call the model that it trained; its folder's name says little."""
HEARTBEAT_S = 2.0
"""A running job's row is written at most this often."""


class Plan(Record):
    """How much of what the user asked for."""

    concepts: int = Field(default=50, ge=1, le=5_000)
    queries: int = Field(default=100, ge=1, le=1_000_000)
    complexity: Literal["simple", "mixed", "complex"] = "mixed"
    positives_per_query: int = Field(default=1, ge=1, le=10)
    negatives_per_query: int = Field(default=3, ge=0, le=20)
    length: Literal["short", "medium", "long"] = "medium"
    contrastive: bool = False
    preset: str = "balanced"
    base: str = "tiny"
    output: Path | None = None
    """Folder of the trained model; None puts it among the workspace's models."""
    collection: Path | None = None
    """A BEIR folder to measure on, besides the held-out split."""


@dataclass
class Journey:
    """One project on its way; `client`, `snapshot`, `model` and `reports` fill as stages pass."""

    store: Store
    project: Project
    settings: Settings
    plan: Plan
    on_progress: OnProgress | None = None
    client: Client | None = None
    snapshot: DatasetSnapshot | None = None
    model: TrainedModel | None = None
    reports: list[EvaluationReport] = field(default_factory=list)


Stage = Callable[[Journey, OnProgress], Awaitable[StageReport]]


async def run(journey: Journey, stages: Sequence[str]) -> list[StageReport]:
    """Run the named stages in the order given; each is recorded as a job.

    Neighbouring stages that ask a language model share one client. It is closed before training,
    which needs the processor and the memory.

    Raises:
        DistillerError: what the failing stage raised; everything before it is kept.
    """
    reports = []
    for asks_model, group in groupby(stages, key=LLM_STAGES.__contains__):
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
    requests = requests_for(
        [name for name in stages if name in LLM_STAGES],
        journey.project.domain,
        concepts=plan.concepts,
        queries=plan.queries,
        positives_per_query=plan.positives_per_query,
        negatives_per_query=plan.negatives_per_query,
        length=plan.length,
        contrastive=plan.contrastive,
    )
    return forecast(requests, journey.settings)


async def _run_stage(journey: Journey, name: str) -> StageReport:
    with _job(journey, name) as (job, on_progress):
        started = time.monotonic()
        report = await ALL_STAGES[name](journey, on_progress)
        report.seconds = time.monotonic() - started
        job.done = report.made + report.present
        job.total = job.done + report.failed
        job.message = "; ".join(report.notes)
    return report


@contextmanager
def _job(journey: Journey, kind: str) -> Iterator[tuple[Job, OnProgress]]:
    """Keep a job's row true while its stage runs, whatever ends it."""
    job = Job(
        id=new_id("job"),
        project_id=journey.project.id,
        kind=kind,
        parameters=journey.plan.model_dump(mode="json"),
        state=JobState.RUNNING,
        heartbeat=now(),
    )
    journey.store.save_job(job)

    def on_progress(progress: Progress) -> None:
        job.done, job.total, job.message = progress.done, progress.total, progress.message
        if progress.metrics:
            job.metrics = [*job.metrics, progress.metrics]
        if job.heartbeat is None or (now() - job.heartbeat).total_seconds() >= HEARTBEAT_S:
            job.heartbeat = now()
            journey.store.save_job(job)
        if journey.on_progress:
            journey.on_progress(progress)

    try:
        yield job, on_progress
        job.state = JobState.DONE
    except BaseException as error:
        job.state = JobState.FAILED if isinstance(error, Exception) else JobState.CANCELLED
        job.message = str(error) or type(error).__name__
        raise
    finally:
        job.finished = job.heartbeat = now()
        journey.store.save_job(job)


def _client(journey: Journey) -> Client:
    assert journey.client is not None, "run() opens the client before a stage that needs it"
    return journey.client


async def _knowledge(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await generate_knowledge(
        journey.store,
        journey.project,
        _client(journey),
        concepts=journey.plan.concepts,
        on_progress=on_progress,
    )


async def _queries(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await generate_queries(
        journey.store,
        journey.project,
        _client(journey),
        count=journey.plan.queries,
        complexity=journey.plan.complexity,
        on_progress=on_progress,
    )


async def _passages(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await generate_passages(
        journey.store,
        journey.project,
        _client(journey),
        positives_per_query=journey.plan.positives_per_query,
        negatives_per_query=journey.plan.negatives_per_query,
        length=journey.plan.length,
        contrastive=journey.plan.contrastive,
        on_progress=on_progress,
    )


async def _judge(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await judge_passages(
        journey.store, journey.project, _client(journey), on_progress=on_progress
    )


async def _snapshot(journey: Journey, on_progress: OnProgress) -> StageReport:
    journey.snapshot = freeze(journey.store, journey.project, seed=journey.settings.seed)
    counts = journey.snapshot.counts
    return StageReport(
        stage="snapshot",
        made=len(journey.snapshot.examples),
        present=0,
        notes=[", ".join(f"{counts.get(part, 0)} {part}" for part in ("train", "val", "test"))],
    )


async def _train(journey: Journey, on_progress: OnProgress) -> StageReport:
    plan, snapshot = journey.plan, journey.snapshot
    assert snapshot is not None, "the stage 'snapshot' comes before 'train'"
    if plan.preset not in PRESETS:
        raise InputError(f"no preset {plan.preset!r}; there are {', '.join(PRESETS)}")
    name = f"{snapshot.content_hash[:10]}-{Path(plan.base).name}-{plan.preset}"
    folder = plan.output or journey.settings.workspace / "models" / journey.project.name / name
    model = train(
        snapshot,
        PRESETS[plan.preset].model_copy(update={"seed": journey.settings.seed}),
        resolve(plan.base, journey.settings.cache_dir),
        folder,
        language=journey.project.domain.language,
        on_progress=on_progress,
    )
    journey.model = model.model_copy(update={"project_id": journey.project.id})
    journey.store.save_model(journey.model)
    return StageReport(
        stage="train", made=1, present=0, notes=[f"model in {_from_here(model.path)}"]
    )


def _from_here(path: str) -> Path:
    here = Path.cwd()
    return Path(path).relative_to(here) if Path(path).is_relative_to(here) else Path(path)


async def _evaluate(journey: Journey, on_progress: OnProgress) -> StageReport:
    plan, settings = journey.plan, journey.settings
    names = ["bm25", plan.base] + ([journey.model.path] if journey.model else [])
    collections = [load(plan.collection)] if plan.collection else []
    if journey.snapshot and journey.snapshot.counts.get("test"):
        language = journey.project.domain.language
        collections.append(held_out(journey.snapshot, "test", language=language))
    if not collections:
        raise InputError("nothing to measure on: no --collection, and the test split is empty")
    for collection in collections:
        ranked = systems(names, collection, settings.cache_dir)
        if journey.model:
            ranked[-1].name = TUNED
        report = evaluate(ranked, collection, seed=settings.seed)
        journey.store.save_report(journey.project.id, report)
        journey.reports.append(report)
    return StageReport(stage="evaluate", made=len(collections), present=0)


LLM_STAGES: dict[str, Stage] = {
    "knowledge": _knowledge,
    "queries": _queries,
    "passages": _passages,
    "judge": _judge,
}
LOCAL_STAGES: dict[str, Stage] = {"snapshot": _snapshot, "train": _train, "evaluate": _evaluate}
ALL_STAGES = LLM_STAGES | LOCAL_STAGES
