"""Commands that use models: evaluate, search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distiller.cli import options as opt
from distiller.schema.errors import InputError

app = typer.Typer()


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
