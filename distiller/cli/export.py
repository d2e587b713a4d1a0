"""Commands that take a model elsewhere: `distiller export …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distiller.cli import options as opt

app = typer.Typer(name="export", help="Take a model elsewhere.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Take a model elsewhere."""


@app.command()
def onnx(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder to make.")],
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL|DIR", help="SPLADE model.")
    ] = "tiny",
    int8: Annotated[
        bool, typer.Option("--int8", help="8-bit integers: a quarter of the size, not exact.")
    ] = False,
    collection: Annotated[
        Path | None,
        typer.Option(
            "--collection",
            metavar="DIR",
            help="BEIR folder on which both are compared (default: the example project's texts).",
        ),
    ] = None,
    as_json: opt.Json = False,
) -> None:
    """Write a model as ONNX, pooling inside, and check that it ranks as before.

    `distiller evaluate --model DIR` measures the export like any other model.
    """
    from distiller.cli import session
    from distiller.dataset import example_texts
    from distiller.evaluate import load
    from distiller.search import export_onnx
    from distiller.splade import resolve

    settings = session.settings_from()
    if collection:
        judged = load(collection)
        queries, corpus = dict(judged.queries), dict(judged.corpus)
    else:
        queries, corpus = example_texts()
    source = resolve(model, settings.cache_dir).source
    check = export_onnx(source, output, queries=queries, corpus=corpus, int8=int8)
    if as_json:
        session.emit({"output": str(output), **check.model_dump(mode="json")})
        return
    typer.echo(
        f"{output}: {check.bytes / 1e6:.1f} MB; on {check.queries} queries over {check.passages:,}"
        f" passages the ten best are the same, in the same order, for {check.equal_top_k:.1%};"
        f" {check.overlap:.1%} of them are shared"
    )
