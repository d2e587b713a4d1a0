"""Commands that ask a language model: bootstrap, generate-queries, generate-documents, pipeline."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from distiller.cli import options as opt
from distiller.schema.errors import InputError

app = typer.Typer()
FEW_CONCEPTS, ENOUGH_CONCEPTS = 10, 50
"""Bounds of the knowledge base that `pipeline` asks for by itself: concepts that no query is about
cost time and teach nothing."""


@app.command()
def bootstrap(
    domain: opt.DomainText,
    description: opt.Description = "",
    language: opt.Language = "en",
    template: opt.Template = "general",
    concepts: opt.Concepts = 50,
    knowledge_from: opt.KnowledgeFrom = None,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    llm: opt.Llm = None,
    model: opt.LlmModel = None,
    budget: opt.Budget = None,
    as_json: opt.Json = False,
) -> None:
    """Write the knowledge base of a field; makes the project where it is not there yet."""
    define = {
        "name": project,
        "domain": domain,
        "description": description,
        "language": language,
        "template": template,
    }
    options = {"workspace": workspace, "llm": llm, "model": model, "budget": budget}
    plan = {"concepts": concepts, "knowledge_from": knowledge_from}
    _run(["knowledge"], options, as_json, define=define, plan=plan)


@app.command()
def generate_queries(
    count: Annotated[int, typer.Option("--count", min=1, help="Queries in all.")] = 100,
    complexity: opt.QueryMix = opt.Complexity.MIXED,
    per_passage: opt.PerPassage = 3,
    grounded_share: opt.GroundedShare = None,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    llm: opt.Llm = None,
    model: opt.LlmModel = None,
    budget: opt.Budget = None,
    as_json: opt.Json = False,
) -> None:
    """Write search queries until the project has `--count` of them, from its documents if any."""
    options = {"workspace": workspace, "llm": llm, "model": model, "budget": budget}
    plan = {
        "queries": count,
        "complexity": complexity.value,
        "per_passage": per_passage,
        "grounded_share": grounded_share,
    }
    _run(["queries"], options, as_json, project=project, plan=plan)


@app.command()
def generate_documents(
    positives_per_query: opt.Positives = 1,
    negatives_per_query: opt.Negatives = 3,
    grounded_negatives: opt.GroundedNegatives = 0,
    length: opt.PassageLength = opt.Length.MEDIUM,
    contrastive: opt.Contrastive = False,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    llm: opt.Llm = None,
    model: opt.LlmModel = None,
    budget: opt.Budget = None,
    as_json: opt.Json = False,
) -> None:
    """Write passages that answer each query, and hard negatives that only seem to."""
    options = {"workspace": workspace, "llm": llm, "model": model, "budget": budget}
    plan = {
        "positives_per_query": positives_per_query,
        "negatives_per_query": negatives_per_query,
        "grounded_negatives": grounded_negatives,
        "length": length.value,
        "contrastive": contrastive,
    }
    _run(["passages"], options, as_json, project=project, plan=plan)


@app.command()
def repair(
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="NAME", help="Mend this only; may be repeated."),
    ] = None,
    attempts: opt.Attempts = 2,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be mended, and how.")
    ] = False,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    llm: opt.Llm = None,
    model: opt.LlmModel = None,
    budget: opt.Budget = None,
    as_json: opt.Json = False,
) -> None:
    """Mend what the checks find; each repair can be taken back, and reviewers' words stand."""
    from distiller.cli import session
    from distiller.cli.render import fixes_table
    from distiller.dataset import check_project
    from distiller.generate import planned
    from distiller.llm import connect
    from distiller.pipeline import AGAIN, Journey, kept_looks

    settings = session.settings_from(workspace, llm, model, budget)
    plan = session.check_plan(settings, {"checks": check, "attempts": attempts})
    with session.open_store(settings) as store:
        found = store.project(project)
        ranker, topics = kept_looks(store, found, settings)
        check_project(store, found, ranker=ranker, topics=topics)
        fixes = planned(store, found, checks=check, attempts=attempts)
        if dry_run:
            fixes_table(fixes) if not as_json else session.emit(fixes.as_json())
            return
        asks = any(not fix.pure for fix in fixes.fixes)
        if asks:
            connect(settings, store.ledger)  # sends nothing, but refuses settings that cannot work
        stages = AGAIN if asks else ("settle", "check")
        session.run_and_report(Journey(store, found, settings, plan), stages, as_json=as_json)


@app.command()
def pipeline(
    domain: opt.DomainText,
    description: opt.Description = "",
    language: opt.Language = "en",
    template: opt.Template = "general",
    concepts: Annotated[
        int | None,
        typer.Option("--concepts", min=1, help="Concepts (default: one a query, 10 to 50)."),
    ] = None,
    knowledge_from: opt.KnowledgeFrom = None,
    queries: Annotated[int, typer.Option("--queries", min=1, help="Queries in all.")] = 100,
    complexity: opt.QueryMix = opt.Complexity.MIXED,
    per_passage: opt.PerPassage = 3,
    grounded_share: opt.GroundedShare = None,
    positives_per_query: opt.Positives = 1,
    negatives_per_query: opt.Negatives = 3,
    grounded_negatives: opt.GroundedNegatives = 0,
    length: opt.PassageLength = opt.Length.MEDIUM,
    contrastive: opt.Contrastive = False,
    mend: Annotated[
        bool, typer.Option("--repair/--no-repair", help="Mend what the checks find.")
    ] = True,
    attempts: opt.Attempts = 2,
    train: Annotated[bool, typer.Option("--train", help="Train a model on the data.")] = False,
    preset: opt.TrainingPreset = opt.Preset.BALANCED,
    rounds: opt.Rounds = 1,
    base: opt.Base = "tiny",
    collection: opt.CollectionDir = None,
    corpus: opt.CorpusPath = None,
    teacher: opt.Teacher = None,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    llm: opt.Llm = None,
    model: opt.LlmModel = None,
    budget: opt.Budget = None,
    as_json: opt.Json = False,
) -> None:
    """Go the whole journey, from words to a measured model. Run again, it goes on where it stopped."""
    if rounds > 1 and not (train and corpus):
        raise InputError("--rounds mines again with the trained model; give --train and --corpus")
    define = {
        "name": project,
        "domain": domain,
        "description": description,
        "language": language,
        "template": template,
    }
    options = {"workspace": workspace, "llm": llm, "model": model, "budget": budget}
    plan = {
        "concepts": concepts or min(max(queries, FEW_CONCEPTS), ENOUGH_CONCEPTS),
        "knowledge_from": knowledge_from,
        "queries": queries,
        "complexity": complexity.value,
        "per_passage": per_passage,
        "grounded_share": grounded_share,
        "positives_per_query": positives_per_query,
        "negatives_per_query": negatives_per_query,
        "grounded_negatives": grounded_negatives,
        "length": length.value,
        "contrastive": contrastive,
        "attempts": attempts,
        "preset": preset.value,
        "rounds": rounds,
        "base": base,
        "collection": collection,
        "corpus": corpus,
        **({"teacher": teacher} if teacher else {}),
    }
    stages = journey_stages(
        corpus=bool(corpus),
        repairs=attempts if mend else 0,
        teach=bool(teacher),
        rounds=rounds if train else 0,
        measure=train or bool(collection),
    )
    _run(stages, options, as_json, define=define, plan=plan)


def journey_stages(
    *, corpus: bool, repairs: int, teach: bool, rounds: int, measure: bool
) -> list[str]:
    """Every stage of a whole journey, in its order; without a round nothing is trained."""
    from distiller.pipeline import further, mending

    checks = mending(repairs)
    stages = ["ingest"] if corpus else []
    stages += ["knowledge", "queries", "passages", "judge"]
    stages += ["mine"] if corpus else []
    stages += checks
    stages += ["teach"] if teach else []  # after what is mended, which needs scores too
    stages += ["snapshot"]
    if rounds:
        stages += ["train", *further(rounds, checks, teach=teach)]
    return [*stages, "evaluate"] if measure else stages


def _run(
    stages: list[str],
    options: dict[str, Any],
    as_json: bool,
    *,
    plan: dict[str, Any],
    project: str | None = None,
    define: dict[str, Any] | None = None,
) -> None:
    """Check everything that can be checked, then run the stages and say what they did."""
    from distiller.cli import session
    from distiller.llm import connect
    from distiller.pipeline import Journey

    settings = session.settings_from(**options)
    checked_plan = session.check_plan(settings, plan)
    with session.open_store(settings) as store:
        connect(settings, store.ledger)  # sends nothing, but refuses settings that cannot work
        found = (
            session.find_or_create_project(store, **define) if define else store.project(project)
        )
        journey = Journey(store, found, settings, checked_plan)
        session.run_and_report(journey, stages, as_json=as_json)
