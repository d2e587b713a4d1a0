"""Stages that train and measure models."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from distiller.evaluate import contamination, evaluate, held_out, load, systems
from distiller.pipeline.plan import Journey, Plan
from distiller.pipeline.rounds import gave_up, round_of
from distiller.schema.errors import InputError, NotFound
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.splade.start import resolve
from distiller.train import PRESETS, Recipe, train, verdict
from distiller.train.folders import folder_name, models_folder
from distiller.train.pace import calibrate, changed
from distiller.train.start_language import unread

TUNED = "tuned"
"""What reports of a journey call the model that it trained; its folder's name says little."""


async def train_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    plan, snapshot, at = journey.plan, journey.snapshot, round_of(journey)
    assert snapshot is not None, "the stage 'snapshot' comes before 'train'"
    if gave_up(journey):
        return StageReport(stage="train", made=0, present=1)
    language = journey.project.domain.language
    recipe = recipe_of(plan).model_copy(update={"seed": journey.settings.seed})
    name = folder_name(snapshot.content_hash, plan.base, recipe.name)
    folder = plan.output or models_folder(journey.settings.workspace, journey.project) / name
    if plan.output and at > 1:
        folder = plan.output.with_name(f"{plan.output.name}-round{at}")
    model = train(
        snapshot,
        recipe,
        resolve(plan.base, journey.settings.cache_dir),
        folder,
        language=language,
        canary=load(journey.settings.canary) if journey.settings.canary else None,
        beside=plan.output is None,
        on_progress=_of_round(at, on_progress) if plan.rounds > 1 else on_progress,
    )
    journey.model = model.model_copy(update={"project_id": journey.project.id})
    journey.store.save_model(journey.model)
    journey.trained.append(journey.model)
    notes = [f"model in {_from_here(model.path)}", verdict(model)]
    notes += filter(None, [unread(plan.base, language)])
    return StageReport(stage="train", made=1, present=0, notes=notes)


def _of_round(at: int, on_progress: OnProgress) -> OnProgress:
    """Says with every measure which round it is of: steps are counted from 0 in each."""

    def tell(progress: Progress) -> None:
        metrics = progress.metrics and {**progress.metrics, "round": at}
        message = f"round {at}, {progress.message}".removesuffix(", ")
        on_progress(progress.model_copy(update={"metrics": metrics, "message": message}))

    return tell


def recipe_of(plan: Plan) -> Recipe:
    """The preset with what the user changed of it.

    Raises:
        InputError: no such preset or setting, or a value that a setting cannot have.
    """
    if plan.preset not in PRESETS:
        raise InputError(f"no preset {plan.preset!r}; there are {', '.join(PRESETS)}")
    return changed(PRESETS[plan.preset], plan.recipe)


async def calibrate_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    plan, snapshot = journey.plan, journey.snapshot
    assert snapshot is not None, "the stage 'snapshot' comes before 'calibrate'"
    base = resolve(plan.base, journey.settings.cache_dir)
    pace = calibrate(snapshot, base, journey.settings.workspace, on_progress=on_progress)
    on_progress(Progress(stage="calibrate", done=1, total=1, metrics=pace.model_dump()))
    return StageReport(stage="calibrate", made=1, present=0)


def _from_here(path: str) -> Path:
    here = Path.cwd()
    return Path(path).relative_to(here) if Path(path).is_relative_to(here) else Path(path)


async def evaluate_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
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
        if journey.model and journey.snapshot:
            report.notes += contamination(journey.snapshot.examples, collection).notes
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
