"""The whole journey as a list of resumable stages.

Every stage derives from the store what is still missing, so the same call made again goes on where
it stopped: after a crash, a spent budget or Ctrl-C. The command line and the jobs run these stages.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from distiller.corpus.chunking import Chunking
from distiller.corpus.ingest import ingest, signatures_file
from distiller.corpus.mining import Mining
from distiller.corpus.searches import BM25_NAME, mine_corpus
from distiller.corpus.teacher import DEFAULT as DEFAULT_TEACHER
from distiller.corpus.teacher import teach
from distiller.dataset import check_stage, freeze
from distiller.evaluate import evaluate, held_out, load, systems
from distiller.generate import (
    PER_PASSAGE,
    SHARES,
    Focus,
    another_negative,
    extend_concept,
    generate_knowledge,
    generate_passages,
    generate_queries,
    has_corpus,
    judge_passages,
    repair,
    requests_for,
    rewrite_concept,
    settle,
)
from distiller.llm import Client, connect, forecast
from distiller.schema.base import Record
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, NotFound
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.schema.retrieval import Collection, EvaluationReport, TrainedModel
from distiller.schema.usage import Forecast
from distiller.settings import Settings
from distiller.splade.start import resolve
from distiller.store import Store
from distiller.train import PRESETS, Recipe, train, verdict
from distiller.train.pace import calibrate, changed

TUNED = "tuned"
"""What reports of a journey call the model that it trained; its folder's name says little."""


class Plan(Record):
    """How much of what the user asked for."""

    concepts: int = Field(default=50, ge=1, le=5_000)
    knowledge_from: Literal["words", "corpus", "both"] | None = None
    """Where concepts come from; None: from both where there are documents."""
    queries: int = Field(default=100, ge=1, le=1_000_000)
    complexity: Literal["simple", "mixed", "complex"] = "mixed"
    per_passage: int = Field(default=PER_PASSAGE, ge=1, le=20)
    """Queries of different kinds that each passage of the user's documents is asked for."""
    grounded_share: float | None = Field(default=None, ge=0, le=1)
    """Of the queries, those written from documents; None: all where there are any."""
    positives_per_query: int = Field(default=1, ge=1, le=10)
    negatives_per_query: int = Field(default=3, ge=0, le=20)
    grounded_negatives: int = Field(default=0, ge=0, le=20)
    """Hard negatives written for a query that was written from a document; more are mined."""
    length: Literal["short", "medium", "long"] = "medium"
    contrastive: bool = False
    preset: str = "balanced"
    base: str = "tiny"
    output: Path | None = None
    """Folder of the trained model; None puts it among the workspace's models."""
    collection: Path | None = None
    """A BEIR folder to measure on, besides the held-out split."""
    snapshot: str | None = None
    """Frozen dataset to train on, by content hash or id; None freezes the project as it is."""
    model: str | None = None
    """Trained model to measure, by id; None takes the one that this run trains."""
    targets: list[str] = Field(default_factory=list)
    """Items that a stage is about, by id, where it is not about all."""
    corpus: list[Path] = Field(default_factory=list)
    """Files and folders of the team's own documents; one may stand for itself."""
    chunking: Chunking = Field(default_factory=Chunking)
    mine_with: list[str] = Field(default_factory=list)
    """Searches to mine hard negatives with; none means BM25 and the start model."""
    mining: Mining = Field(default_factory=Mining)
    teacher: str = DEFAULT_TEACHER
    """Whose scores are distilled, such as `dense+bm25`; see `corpus.teacher`."""
    checks: list[str] | None = None
    """Checks whose findings are mended; None means all that are more than hints."""
    attempts: int = Field(default=2, ge=1, le=10)
    """How often one item is mended at most, over all runs."""
    query_type: str = ""
    """The only type of query to write; empty means all of the template's."""
    recipe: dict[str, float] = Field(default_factory=dict)
    """Settings of a training that differ from the preset's, by their names in `Recipe`."""

    @field_validator("corpus", mode="before")
    @classmethod
    def _one_or_more(cls, given: Any) -> list[Path]:
        paths = [given] if isinstance(given, str | Path) else given or []
        # A job is run by another process, which may stand in another folder.
        return [Path(path).expanduser().absolute() for path in paths]


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
    done: list[StageReport] = field(default_factory=list)
    """What each stage did that is over."""


Stage = Callable[[Journey, OnProgress], Awaitable[StageReport]]


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
        [name for name in stages if name in WRITING],
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
    )
    return forecast(requests, journey.settings)


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


def _client(journey: Journey) -> Client:
    assert journey.client is not None, "run() opens the client before a stage that needs it"
    return journey.client


async def _ingest(journey: Journey, on_progress: OnProgress) -> StageReport:
    if not journey.plan.corpus:
        raise InputError("no documents to read; name files or folders")
    return ingest(
        journey.store,
        journey.project,
        journey.plan.corpus,
        chunking=journey.plan.chunking,
        signatures=signatures_file(journey.settings.workspace, journey.project),
        on_progress=on_progress,
    )


async def _mine(journey: Journey, on_progress: OnProgress) -> StageReport:
    return mine_corpus(
        journey.store,
        journey.project,
        journey.settings,
        journey.plan.mine_with or [BM25_NAME, journey.plan.base],
        mining=journey.plan.mining,
        on_progress=on_progress,
    )


async def _teach(journey: Journey, on_progress: OnProgress) -> StageReport:
    return teach(
        journey.store,
        journey.project,
        journey.settings,
        teacher=journey.plan.teacher,
        on_progress=on_progress,
    )


async def _knowledge(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await generate_knowledge(
        journey.store,
        journey.project,
        _client(journey),
        concepts=journey.plan.concepts,
        source=journey.plan.knowledge_from,
        on_progress=on_progress,
    )


async def _queries(journey: Journey, on_progress: OnProgress) -> StageReport:
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


async def _passages(journey: Journey, on_progress: OnProgress) -> StageReport:
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


async def _judge(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await judge_passages(
        journey.store,
        journey.project,
        _client(journey),
        # Thousands of them; where they count without a judge, each would be minutes for nothing.
        mined=not journey.settings.trust_mined,
        on_progress=on_progress,
    )


async def _rewrite_concept(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await rewrite_concept(
        journey.store,
        journey.project,
        _client(journey),
        concept_id=_target(journey),
        on_progress=on_progress,
    )


async def _extend_concept(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await extend_concept(
        journey.store,
        journey.project,
        _client(journey),
        concept_id=_target(journey),
        on_progress=on_progress,
    )


async def _another_negative(journey: Journey, on_progress: OnProgress) -> StageReport:
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


async def _repair(journey: Journey, on_progress: OnProgress) -> StageReport:
    return await repair(
        journey.store,
        journey.project,
        _client(journey),
        checks=journey.plan.checks,
        targets=journey.plan.targets,
        attempts=journey.plan.attempts,
        on_progress=on_progress,
    )


async def _settle(journey: Journey, on_progress: OnProgress) -> StageReport:
    return settle(
        journey.store,
        journey.project,
        checks=journey.plan.checks,
        targets=journey.plan.targets,
        attempts=journey.plan.attempts,
        on_progress=on_progress,
    )


def _target(journey: Journey) -> str:
    if len(journey.plan.targets) != 1:
        raise InputError("this stage is about one item; name it as the only target")
    return journey.plan.targets[0]


async def _snapshot(journey: Journey, on_progress: OnProgress) -> StageReport:
    wanted = journey.plan.snapshot
    journey.snapshot = (
        _own(journey, journey.store.snapshot(wanted))
        if wanted
        else freeze(
            journey.store,
            journey.project,
            seed=journey.settings.seed,
            quality=journey.settings.quality,
            trust_mined=journey.settings.trust_mined,
        )
    )
    counts, size = journey.snapshot.counts, len(journey.snapshot.examples)
    return StageReport(
        stage="snapshot",
        made=0 if wanted else size,
        present=size if wanted else 0,
        notes=[", ".join(f"{counts.get(part, 0)} {part}" for part in ("train", "val", "test"))],
    )


def _own(journey: Journey, snapshot: DatasetSnapshot) -> DatasetSnapshot:
    if snapshot.project_id not in (None, journey.project.id):
        raise NotFound("that dataset snapshot belongs to another project")
    return snapshot


async def _check(journey: Journey, on_progress: OnProgress) -> StageReport:
    return check_stage(
        journey.store,
        journey.project,
        tests=_tests(journey),
        on_progress=on_progress,
    )


def _tests(journey: Journey) -> dict[str, Collection]:
    """The collection that is measured on, if there is one, so that what it shares is found."""
    folder = journey.plan.collection
    return {folder.name: load(folder)} if folder else {}


async def _train(journey: Journey, on_progress: OnProgress) -> StageReport:
    plan, snapshot = journey.plan, journey.snapshot
    assert snapshot is not None, "the stage 'snapshot' comes before 'train'"
    recipe = recipe_of(plan).model_copy(update={"seed": journey.settings.seed})
    name = f"{snapshot.content_hash[:10]}-{Path(plan.base).name}-{recipe.name}"
    folder = plan.output or journey.settings.workspace / "models" / journey.project.name / name
    model = train(
        snapshot,
        recipe,
        resolve(plan.base, journey.settings.cache_dir),
        folder,
        language=journey.project.domain.language,
        canary=load(journey.settings.canary) if journey.settings.canary else None,
        on_progress=on_progress,
    )
    journey.model = model.model_copy(update={"project_id": journey.project.id})
    journey.store.save_model(journey.model)
    notes = [f"model in {_from_here(model.path)}", verdict(model)]
    return StageReport(stage="train", made=1, present=0, notes=notes)


def recipe_of(plan: Plan) -> Recipe:
    """The preset with what the user changed of it.

    Raises:
        InputError: no such preset or setting, or a value that a setting cannot have.
    """
    if plan.preset not in PRESETS:
        raise InputError(f"no preset {plan.preset!r}; there are {', '.join(PRESETS)}")
    return changed(PRESETS[plan.preset], plan.recipe)


async def _calibrate(journey: Journey, on_progress: OnProgress) -> StageReport:
    plan, snapshot = journey.plan, journey.snapshot
    assert snapshot is not None, "the stage 'snapshot' comes before 'calibrate'"
    base = resolve(plan.base, journey.settings.cache_dir)
    pace = calibrate(snapshot, base, journey.settings.workspace, on_progress=on_progress)
    on_progress(Progress(stage="calibrate", done=1, total=1, metrics=pace.model_dump()))
    return StageReport(stage="calibrate", made=1, present=0)


def _from_here(path: str) -> Path:
    here = Path.cwd()
    return Path(path).relative_to(here) if Path(path).is_relative_to(here) else Path(path)


async def _evaluate(journey: Journey, on_progress: OnProgress) -> StageReport:
    plan, settings = journey.plan, journey.settings
    if plan.model and journey.model is None:
        _take_model(journey, plan.model)
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
        report.model = journey.model.id if journey.model else None
        journey.store.save_report(journey.project.id, report)
        journey.reports.append(report)
    return StageReport(stage="evaluate", made=len(collections), present=0)


def _take_model(journey: Journey, id_: str) -> None:
    """The model of an earlier run, and what it was trained from: its test split is held out."""
    models = journey.store.models(journey.project.id)
    journey.model = next((model for model in models if model.id == id_), None)
    if journey.model is None:
        raise NotFound(f"the project has no model {id_!r}")
    if not Path(journey.model.path).is_dir():
        raise NotFound(f"the model's folder {journey.model.path} is gone; train it again")
    if journey.snapshot is None:
        with suppress(NotFound):  # a model that came from files of its own
            journey.snapshot = journey.store.snapshot(journey.model.snapshot_hash)


MENDING = ("check", "repair", "judge", "check")
"""Find what is wrong, mend it, have what is new judged, and see what is left."""
WRITING = ("knowledge", "queries", "passages", "judge")
"""Everything that the language model writes, in its order."""
LLM_STAGES: dict[str, Stage] = {
    "knowledge": _knowledge,
    "queries": _queries,
    "passages": _passages,
    "judge": _judge,
    "rewrite_concept": _rewrite_concept,
    "extend_concept": _extend_concept,
    "another_negative": _another_negative,
    "repair": _repair,
}
LOCAL_STAGES: dict[str, Stage] = {
    "ingest": _ingest,
    "mine": _mine,
    "teach": _teach,
    "check": _check,
    "settle": _settle,
    "snapshot": _snapshot,
    "calibrate": _calibrate,
    "train": _train,
    "evaluate": _evaluate,
}
ALL_STAGES = LLM_STAGES | LOCAL_STAGES
