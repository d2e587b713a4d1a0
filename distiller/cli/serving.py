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
    """Start the app in the browser, on this computer only; Ctrl-C ends it."""
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
