"""The command line: every stage of the journey from a terminal.

Nothing heavy is imported before a command needs it, so that `distiller --help` answers at once.
"""

from __future__ import annotations

import sys

import typer

from distiller.cli import data, export, generation, models, serving, training
from distiller.launch import launched
from distiller.schema.errors import DistillerError

app = typer.Typer(
    name="distiller",
    help="From a field described in words to a trained SPLADE search model, measured honestly.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (serving.app, generation.app, data.app, training.app, models.app):
    app.registered_commands += commands.registered_commands
app.add_typer(export.app)


def main() -> None:
    """Entry point. Exit status: 0 done, 2 bad usage or input, 3 stopped by a budget, 1 otherwise."""
    try:
        if launched():
            from distiller.train.task import together

            together(app)
        else:
            app()
    except DistillerError as error:
        typer.echo(f"distiller: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_status)
