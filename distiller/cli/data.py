"""Commands on data: ingest, mine, teach, validate, format, import, status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distiller.cli import options as opt

app = typer.Typer()
_FROZEN = {"id", "content_hash", "counts", "created"}


@app.command()
def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Files, or folders with all that is below them."),
    ],
    words: opt.PassageWords = 150,
    overlap: opt.PassageOverlap = 30,
    domain: Annotated[
        str, typer.Option("--domain", help="Make a project of this field for them.")
    ] = "",
    language: opt.Language = "en",
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Read a team's documents (txt, md, html, pdf, docx, csv, tsv, json, jsonl, BEIR) as passages."""
    from distiller.cli import session
    from distiller.corpus.chunking import Chunking
    from distiller.pipeline import Journey

    settings = session.settings_from(workspace)
    chunking = session.checked(Chunking, words=words, overlap=overlap)
    plan = session.check_plan(settings, {"corpus": paths, "chunking": chunking})
    with session.open_store(settings) as store:
        found = (
            session.find_or_create_project(store, name=project, domain=domain, language=language)
            if domain
            else store.project(project)
        )
        session.run_and_report(Journey(store, found, settings, plan), ["ingest"], as_json=as_json)


@app.command()
def mine(
    negatives: Annotated[
        int, typer.Option("--negatives", min=1, max=50, help="Hard negatives for each query.")
    ] = 4,
    searches: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="bm25|MODEL|DIR",
            help="Search to mine with; may be repeated (default: bm25 and tiny).",
        ),
    ] = None,
    skip: Annotated[
        int,
        typer.Option(
            "--skip",
            min=0,
            max=500,
            help="First ranks to pass over, but no more than a tenth of the passages.",
        ),
    ] = 20,
    depth: Annotated[
        int, typer.Option("--depth", min=1, max=5000, help="Last rank to look at.")
    ] = 200,
    hardest: Annotated[
        bool,
        typer.Option(
            "--hardest", help="Take the first of what is left instead of drawing from all of it."
        ),
    ] = False,
    margin: Annotated[
        float,
        typer.Option(
            "--margin",
            min=0.01,
            max=1,
            help="Share of the positive's score from which a passage may answer, and is left out.",
        ),
    ] = 0.95,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Mine hard negatives from the team's documents: ranked high by a search, and no answer."""
    from distiller.cli import session
    from distiller.corpus.mining import Mining
    from distiller.corpus.searches import BM25_NAME
    from distiller.pipeline import Journey
    from distiller.splade.start import resolve

    settings = session.settings_from(workspace)
    for name in searches or []:
        if name != BM25_NAME:
            resolve(name, settings.cache_dir)
    mining = session.checked(
        Mining, negatives=negatives, skip=skip, depth=depth, hardest=hardest, margin=margin
    )
    plan = session.check_plan(settings, {"mine_with": searches or [], "mining": mining})
    with session.open_store(settings) as store:
        journey = Journey(store, store.project(project), settings, plan)
        session.run_and_report(journey, ["mine"], as_json=as_json)


@app.command()
def teach(
    teacher: opt.Teacher = None,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Score every pair that is trained on by a teacher, whose scores training then distils."""
    from distiller.cli import session
    from distiller.pipeline import Journey

    settings = session.settings_from(workspace)
    plan = session.check_plan(settings, {"teacher": teacher} if teacher else {})
    with session.open_store(settings) as store:
        journey = Journey(store, store.project(project), settings, plan)
        session.run_and_report(journey, ["teach"], as_json=as_json)


@app.command()
def validate(
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when any check fails.")
    ] = False,
    judge: Annotated[
        bool, typer.Option("--judge/--no-judge", help="Have the model grade what is ungraded.")
    ] = True,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    llm: opt.Llm = None,
    model: opt.LlmModel = None,
    budget: opt.Budget = None,
    as_json: opt.Json = False,
) -> None:
    """Grade and check all examples; says by check how many failed."""
    from distiller.cli import session
    from distiller.cli.render import validation_table
    from distiller.dataset import validate as check_all
    from distiller.pipeline import Journey, Plan, kept_looks

    settings = session.settings_from(workspace, llm, model, budget)
    with session.open_store(settings) as store:
        found = store.project(project)
        if judge:
            journey = Journey(store, found, settings, Plan())
            session.run_stages(journey, ["judge"], to_stderr=True)
        ranker, topics = kept_looks(store, found, settings)
        summary = check_all(
            store,
            found,
            strict=strict,
            ranker=ranker,
            topics=topics,
        )
    if as_json:
        session.emit(summary.model_dump(mode="json"))
    else:
        validation_table(summary)
    if strict and any(check.failed for check in summary.checks.values()):
        raise typer.Exit(1)


@app.command("format")
def format_data(
    output: Annotated[
        Path, typer.Option("--output", metavar="PATH", help="File, or folder for beir.")
    ],
    format_: Annotated[opt.Format, typer.Option("--format", help="Layout of the data.")] = (
        opt.Format.SPLADE
    ),
    split: Annotated[
        bool, typer.Option("--split", help="Write _train, _val and _test, without leaks.")
    ] = False,
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Freeze the approved (else the validated) examples and write them out."""
    from distiller.cli import session
    from distiller.dataset import write
    from distiller.pipeline import freeze_project

    settings = session.settings_from(workspace)
    with session.open_store(settings) as store:
        snapshot = freeze_project(store, store.project(project), settings)
    files = write(
        snapshot.examples,
        format_.value,
        output,
        split=split,
        background=snapshot.background,
    )
    if as_json:
        session.emit({"files": [str(file) for file in files], "counts": snapshot.counts})
        return
    for file in files:
        typer.echo(str(file))
    typer.echo(f"dev and test queries are {snapshot.ranked_among}", err=True)


@app.command("import")
def import_data(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file that format writes.")],
    domain: Annotated[
        str, typer.Option("--domain", help="Make a project of this field for it.")
    ] = "",
    language: opt.Language = "en",
    project: opt.ProjectName = None,
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Read a knowledge, queries, dataset or collection file into a project."""
    from distiller.cli import session
    from distiller.dataset import import_file

    settings = session.settings_from(workspace)
    with session.open_store(settings) as store:
        if domain:
            found = session.find_or_create_project(
                store, name=project, domain=domain, language=language
            )
        else:
            found = store.project(project)
        report = import_file(store, found, file)
    if as_json:
        session.emit(report.model_dump(mode="json"))
    else:
        typer.echo(str(report))


@app.command()
def status(
    project: opt.ProjectName = None, workspace: opt.Workspace = None, as_json: opt.Json = False
) -> None:
    """Say what a project holds, by kind and review status, and what it has cost."""
    from distiller.cli import session
    from distiller.cli.render import status_table

    settings = session.settings_from(workspace)
    with session.open_store(settings) as store:
        found = store.project(project)
        counts, usage = store.counts(found.id), store.ledger.spent(found.id)
        failures = store.failures(found.id)
        documents = store.documents(found.id, current=True)
        frozen = store.snapshots(found.id, examples=False)[-1:]
    if as_json:
        session.emit(
            {
                "project": found.name,
                "counts": counts,
                "usage": usage.model_dump(mode="json"),
                "documents": [
                    document.model_dump(mode="json", exclude={"shared"}) for document in documents
                ],
                "failures": [failure.model_dump(mode="json") for failure in failures],
                "frozen": [one.model_dump(mode="json", include=_FROZEN) for one in frozen],
            }
        )
    else:
        status_table(found, counts, usage, failures, documents, frozen)
