"""Stages on documents and training data that ask no language model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from distiller.corpus.ingest import ingest, signatures_file
from distiller.corpus.mining import rewritten
from distiller.corpus.ranks import KeptRanks
from distiller.corpus.searches import mine_corpus
from distiller.corpus.teacher import teach
from distiller.dataset import check_stage as run_checks
from distiller.dataset import freeze
from distiller.dataset.assembly import gather, trained_on
from distiller.dataset.checking import Topics
from distiller.dataset.evidence import Ranker
from distiller.evaluate import load
from distiller.generate import passage_topics, settle
from distiller.pipeline.plan import Journey
from distiller.pipeline.rounds import gave_up, known_snapshot, lineage, searches
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, NotFound
from distiller.schema.jobs import OnProgress, StageReport
from distiller.schema.retrieval import Collection
from distiller.settings import Settings
from distiller.store import Store


async def ingest_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
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


async def mine_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    if gave_up(journey):
        note = "the training before did not help: there is no better search to mine with"
        return StageReport(stage="mine", made=0, present=0, notes=[note])
    if known_snapshot(journey):
        note = "mined in an earlier run, whose later round goes on from it"
        return StageReport(stage="mine", made=0, present=0, notes=[note])
    return mine_corpus(
        journey.store,
        journey.project,
        journey.settings,
        searches(journey),
        mining=journey.plan.mining,
        on_progress=on_progress,
    )


async def remine_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    """Mine again where queries were rewritten: what was mined for their old words is stale."""
    material = gather(journey.store, journey.project, retired=True)
    if not rewritten(material):
        return StageReport(stage="remine", made=0, present=0)
    report = await mine_stage(journey, on_progress)
    return report.model_copy(update={"stage": "remine"})


async def teach_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return teach(
        journey.store,
        journey.project,
        journey.settings,
        teacher=journey.plan.teacher,
        on_progress=on_progress,
    )


def kept_looks(
    store: Store,
    project: Project,
    settings: Settings,
    *,
    base: str = "tiny",
    on_progress: OnProgress = lambda _: None,
) -> tuple[Ranker, Topics]:
    """What checks search with and take for topics: both are kept in the workspace."""
    topics = partial(passage_topics, store, project, settings.workspace)
    return KeptRanks(settings, project, base, on_progress), topics


async def check_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    store, project, settings = journey.store, journey.project, journey.settings
    ranker, topics = kept_looks(
        store, project, settings, base=journey.plan.base, on_progress=on_progress
    )
    return run_checks(
        store,
        project,
        tests=_tests(journey),
        ranker=ranker,
        topics=topics,
        on_progress=on_progress,
    )


def _tests(journey: Journey) -> dict[str, Collection]:
    """The collection that is measured on, if there is one, so that what it shares is found."""
    folder = journey.plan.collection
    return {folder.name: load(folder)} if folder else {}


async def settle_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    return settle(
        journey.store,
        journey.project,
        checks=journey.plan.checks,
        targets=journey.plan.targets,
        attempts=journey.plan.attempts,
        on_progress=on_progress,
    )


async def snapshot_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    wanted = known_snapshot(journey) or (None if journey.trained else journey.plan.snapshot)
    if gave_up(journey):
        wanted = journey.trained[-1].snapshot_hash
    journey.snapshot = (
        _own(journey, journey.store.snapshot(wanted))
        if wanted
        else freeze_project(
            journey.store, journey.project, journey.settings, lineage=lineage(journey)
        )
    )
    # What later rounds freeze is to be of the same kind as what was chosen for the first.
    undecided = journey.snapshot.filters.get("undecided", journey.settings.undecided)
    journey.settings = journey.settings.model_copy(update={"undecided": undecided})
    counts, size = journey.snapshot.counts, len(journey.snapshot.examples)
    return StageReport(
        stage="snapshot",
        made=0 if wanted else size,
        present=size if wanted else 0,
        notes=[
            ", ".join(f"{counts.get(part, 0)} {part}" for part in ("train", "val", "test")),
            f"val and test queries are {journey.snapshot.ranked_among}",
        ],
    )


def freeze_project(
    store: Store,
    project: Project,
    settings: Settings,
    *,
    lineage: Mapping[str, Any] | None = None,
) -> DatasetSnapshot:
    """Freeze a project's data as the settings have it. Raises what `freeze` raises."""
    return freeze(
        store,
        project,
        trained_on(store, project, settings),
        seed=settings.seed,
        quality=settings.quality,
        background=settings.background,
        lineage=lineage,
    )


def _own(journey: Journey, snapshot: DatasetSnapshot) -> DatasetSnapshot:
    if snapshot.project_id not in (None, journey.project.id):
        raise NotFound("that dataset snapshot belongs to another project")
    return snapshot
