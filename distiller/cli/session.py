"""What a command needs while it runs: settings, the store, progress, and where output goes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from distiller.schema.errors import InputError, NotFound

if TYPE_CHECKING:
    from distiller.pipeline import Journey, Plan
    from distiller.schema.dataset import Example
    from distiller.schema.domain import Project
    from distiller.schema.jobs import StageReport
    from distiller.schema.retrieval import TrainedModel
    from distiller.settings import Settings
    from distiller.store import Store


def settings_from(
    workspace: Path | None = None,
    llm: str | None = None,
    model: str | None = None,
    budget: float | None = None,
) -> Settings:
    """The environment's settings, overridden by the options that were given."""
    from pydantic import ValidationError

    from distiller.settings import Settings

    given: dict[str, Any] = {
        "workspace": workspace,
        "llm_url": llm,
        "llm_model": model,
        "budget": budget,
    }
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise InputError(_first_problem(error, "DISTILLER_{}")) from None


def checked(model: type[Any], **fields: Any) -> Any:
    """Build a record from options; a value it does not take is bad usage, not a crash."""
    from pydantic import ValidationError

    try:
        return model(**fields)
    except ValidationError as error:
        raise InputError(_first_problem(error, "--{}")) from None


def _first_problem(error: Any, name: str) -> str:
    first = error.errors()[0]
    option = name.format("-".join(str(part) for part in first["loc"]))
    return f"{option}: {first['msg'].removeprefix('Value error, ')}"


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """The workspace's store, closed at the end."""
    from distiller.store import Store

    store = Store.open(settings.database)
    try:
        yield store
    finally:
        store.close()


def find_or_create_project(
    store: Store,
    *,
    name: str | None,
    domain: str,
    language: str,
    description: str = "",
    template: str = "general",
) -> Project:
    """The project of that domain; made where it is not there, so that a second run goes on.

    Raises:
        InputError: a domain, language or template that cannot be; a project of the same name
            that was defined otherwise.
    """
    from distiller.packs.languages import language as find_language
    from distiller.packs.templates import template as find_template
    from distiller.schema.domain import Domain
    from distiller.schema.errors import NotFound
    from distiller.store import slug

    find_template(template)
    wanted = checked(
        Domain,
        name=domain,
        description=description,
        language=find_language(language).tag,
        template=template,
    )
    try:
        project = store.project(name or slug(wanted.name))
    except NotFound:
        return store.create_project(wanted, name=name)
    if (project.domain.name, project.domain.language) != (wanted.name, wanted.language):
        raise InputError(
            f"project {project.name!r} is about {project.domain.name!r} in "
            f"{project.domain.language}; name another with --project"
        )
    return project


def check_plan(settings: Settings, plan: dict[str, Any]) -> Plan:
    """The plan as a record, with everything in it that can be wrong found before hours of work.

    Raises:
        InputError: a value out of range, documents or a collection that cannot be read, a start model that is
            not there.
    """
    from distiller.corpus.reading import sources
    from distiller.corpus.teacher import parts_of
    from distiller.evaluate import load
    from distiller.pipeline import Plan
    from distiller.splade.start import resolve

    checked_plan: Plan = checked(Plan, **plan)
    sources(checked_plan.corpus)
    if checked_plan.teacher:
        parts_of(checked_plan.teacher)
    for collection in (checked_plan.collection, settings.canary if "base" in plan else None):
        if collection:
            load(collection)
    if "base" in plan:
        resolve(checked_plan.base, settings.cache_dir)
    return checked_plan


def trained_on(settings: Settings, path: str) -> list[Example] | None:
    """The examples that a model folder was trained on, where the workspace has them still."""
    record = Path(path) / "distiller.json"
    try:
        known = json.loads(record.read_text(encoding="utf-8"))["snapshot_hash"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not settings.database_url and not (settings.workspace / "distiller.db").is_file():
        return None
    with open_store(settings) as store, suppress(NotFound):
        return store.snapshot(str(known)).examples
    return None


def run_stages(
    journey: Journey, stages: Sequence[str], *, to_stderr: bool = False
) -> list[StageReport]:
    """Run stages with progress on stderr, then say what each did and cost.

    Ctrl-C keeps what is done and exits with 1.
    """
    from distiller import jobs, pipeline
    from distiller.cli.render import forecast_line, progress_bars, stage_line

    for forecast in pipeline.forecasts(journey, stages):
        typer.echo(forecast_line(forecast), err=True)
    with progress_bars() as on_progress:
        journey.on_progress = on_progress
        try:
            reports = jobs.run_here(journey, stages)
        except KeyboardInterrupt:
            typer.echo(
                "distiller: stopped; everything done so far is kept, the same command goes on",
                err=True,
            )
            raise typer.Exit(1) from None
    for report in reports:
        typer.echo(stage_line(report), err=to_stderr)
    return reports


def run_and_report(journey: Journey, stages: Sequence[str], *, as_json: bool) -> None:
    """Run stages and show everything that came of them, for people or for programs."""
    from distiller.cli.render import evaluation_tables

    reports = run_stages(journey, stages, to_stderr=as_json)
    if not as_json:
        evaluation_tables(journey.reports)
        return
    emit(
        {
            "project": journey.project.name,
            "stages": [report.model_dump(mode="json") for report in reports],
            "model": journey.model.path if journey.model else None,
            **promotion(journey.model),
            "reports": [report.model_dump(mode="json") for report in journey.reports],
        }
    )


def promotion(model: TrainedModel | None) -> dict[str, Any]:
    """Whether and why a trained model may take its start model's place, for programs."""
    if model is None:
        return {}
    names = ("promoted", "promotion", "interpolation", "recommended")
    return {name: getattr(model, name) for name in names}


def emit(result: Any) -> None:
    """Write a machine-readable result to stdout."""
    json.dump(result, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
