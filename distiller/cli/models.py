"""Commands on models: train, evaluate, search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distiller.cli import options as opt
from distiller.schema.errors import InputError

if TYPE_CHECKING:
    from distiller.settings import Settings

app = typer.Typer()


@app.command()
def train(
    project: opt.ProjectName = None,
    train_file: Annotated[
        Path | None, typer.Option("--train-file", help="Train on this file, not on a project.")
    ] = None,
    val_file: Annotated[
        Path | None, typer.Option("--val-file", help="Choose the checkpoint on this file.")
    ] = None,
    base: opt.Base = "tiny",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Folder of the model.")
    ] = None,
    preset: opt.TrainingPreset = opt.Preset.BALANCED,
    canary: Annotated[
        Path | None,
        typer.Option(
            "--canary",
            metavar="DIR",
            help="BEIR folder of another field: a model that forgets it is not promoted.",
            envvar="DISTILLER_CANARY",
        ),
    ] = None,
    language: opt.Language = "en",
    workspace: opt.Workspace = None,
    as_json: opt.Json = False,
) -> None:
    """Train a SPLADE model on a project's data, or on files.

    On several accelerators: torchrun --nproc_per_node N -m distiller train …
    """
    from distiller.cli import session
    from distiller.pipeline import Journey

    settings = session.settings_from(workspace)
    if canary:
        settings = settings.model_copy(update={"canary": canary})
    if train_file is None:
        if val_file:
            raise InputError("--val-file goes with --train-file")
        chosen = {"base": base, "preset": preset.value, "output": output}
        plan = session.check_plan(settings, chosen)
        with session.open_store(settings) as store:
            journey = Journey(store, store.project(project), settings, plan)
            session.run_and_report(journey, ["snapshot", "train"], as_json=as_json)
        return
    _train_on_files(train_file, val_file, settings, base, output, preset.value, language, as_json)


def _train_on_files(
    train_file: Path,
    val_file: Path | None,
    settings: Settings,
    base: str,
    output: Path | None,
    preset: str,
    language: str,
    as_json: bool,
) -> None:
    from distiller.cli import session
    from distiller.cli.render import progress_bars
    from distiller.evaluate import load
    from distiller.packs.languages import language as find_language
    from distiller.splade.start import resolve
    from distiller.train import PRESETS, train_files, verdict

    recipe = PRESETS[preset].model_copy(update={"seed": settings.seed})
    with progress_bars() as on_progress:
        model = train_files(
            train_file,
            val_file,
            recipe,
            resolve(base, settings.cache_dir),
            output or settings.workspace / "models" / train_file.stem,
            language=find_language(language).tag,
            canary=load(settings.canary) if settings.canary else None,
            on_progress=on_progress,
        )
    if as_json:
        session.emit(model.model_dump(mode="json") | session.promotion(model))
    else:
        typer.echo(f"model in {model.path}\n{verdict(model)}")


@app.command()
def evaluate(
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="bm25|MODEL|DIR",
            help="What to measure; may be repeated. MODEL@128 keeps the 128 heaviest terms of each"
            " passage, MODEL@16/128 the 16 heaviest of each query as well.",
        ),
    ],
    collection: Annotated[
        Path, typer.Option("--collection", metavar="DIR", help="BEIR folder; may be gzipped.")
    ],
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="TAG", help="Of the corpus (default: detected)."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Which qrels: qrels/SPLIT.tsv.")] = "test",
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", help="Compare all with this one (default: every pair)."),
    ] = None,
    normalize: Annotated[
        bool,
        typer.Option("--normalize", help="Compose letters and their accents (Unicode NFC)."),
    ] = False,
    as_json: opt.Json = False,
) -> None:
    """Rank the whole corpus of a human-judged collection with each model, and compare."""
    from distiller.cli import session
    from distiller.cli.render import evaluation_tables
    from distiller.evaluate import contamination, load, systems, to_json
    from distiller.evaluate import evaluate as measure

    settings = session.settings_from()
    judged = load(collection, split=split, language=language, normalize=normalize)
    report = measure(
        systems(model, judged, settings.cache_dir), judged, baseline=baseline, seed=settings.seed
    )
    for path in model:
        if snapshot := session.trained_on(settings, path):
            report.notes += [f"{path}: {note}" for note in contamination(snapshot, judged).notes]
    if as_json:
        session.emit(to_json(report))
    else:
        evaluation_tables([report])


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to search for.")],
    collection: Annotated[Path, typer.Option("--collection", metavar="DIR", help="BEIR folder.")],
    model: Annotated[str, typer.Option("--model", metavar="DIR", help="SPLADE model.")] = "tiny",
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Passages to show.")] = 5,
    as_json: opt.Json = False,
) -> None:
    """Search a collection; shows which terms matched and which the model added to the query."""
    from distiller.cli import session
    from distiller.cli.render import explanation_table
    from distiller.evaluate import load_corpus
    from distiller.search import explain
    from distiller.splade import SpladeEncoder, resolve

    if not query.strip():
        raise InputError("the query is empty; type what to search for")
    settings = session.settings_from()
    corpus = load_corpus(collection)
    start = resolve(model, settings.cache_dir)
    found = explain(query, corpus, SpladeEncoder(start.source, name=start.name), k=k)
    if as_json:
        session.emit(found.model_dump(mode="json"))
    else:
        explanation_table(found)
