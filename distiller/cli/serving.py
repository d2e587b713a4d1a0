"""The command that starts the app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distiller.cli import options as opt

app = typer.Typer()
_PACKAGE = Path(__file__).parents[1]
_HOMES = (_PACKAGE.parent, _PACKAGE / "_app")
"""In a clone, and in an installed wheel."""


@app.command("app")
def serve(
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to listen on.")] = (
        8501
    ),
    workspace: opt.Workspace = None,
    llm: opt.Llm = None,
    model: opt.LlmModel = None,
    budget: opt.Budget = None,
) -> None:
    """Start the app in the browser, on this computer only, and its worker; Ctrl-C ends the app.

    Work that was begun goes on without it; the worker ends when there is none left.
    """
    import os
    import subprocess
    import sys

    from distiller.cli import session
    from distiller.schema.errors import NotFound

    settings = session.settings_from(workspace, llm, model, budget)
    home = next((home for home in _HOMES if (home / "app.py").exists()), None)
    if home is None:
        raise NotFound("this installation lacks the app; install Domain Distiller again")
    given = {
        "DISTILLER_WORKSPACE": str(settings.workspace.absolute()),
        "DISTILLER_LLM_URL": settings.llm_url,
        "DISTILLER_LLM_MODEL": settings.llm_model,
        "DISTILLER_BUDGET": "" if settings.budget is None else str(settings.budget),
    }
    environment = os.environ | {name: value for name, value in given.items() if value}
    from distiller.jobs import ensure_worker

    with session.open_store(settings) as store:
        ensure_worker(store, settings)
    script = str(_PACKAGE / "ui" / "main.py")
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    # Streamlit reads its own settings from the folder that it starts in.
    with subprocess.Popen(command, cwd=home, env=environment) as server:  # noqa: S603
        try:
            status = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            raise typer.Exit(0) from None
    if status:
        raise typer.Exit(1)


@app.command()
def worker(workspace: opt.Workspace = None) -> None:
    """Run the jobs of a workspace until Ctrl-C; the app starts one by itself where none runs."""
    import logging

    from distiller.cli import session
    from distiller.jobs.worker import work

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if not work(session.settings_from(workspace)):
        typer.echo("distiller: a worker of this workspace runs already", err=True)
