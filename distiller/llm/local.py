"""The embedded server: started when it is needed, shared by the commands of one workspace.

Each model has a folder in the workspace with two locks. Whoever uses the server holds `users`
shared, for as long as it lives; the server tries for it exclusively and ends when it gets it,
so that it ends also after its users were killed. `start` is held by whoever starts, joins or
ends the server, so that nobody joins one that is about to end.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import httpx2

from distiller.llm.weights import resolve
from distiller.schema.base import Record
from distiller.schema.errors import ModelUnavailable

PARALLEL = 8
"""Completions that the server works on at once."""
CONTEXT = 4096
"""Tokens of prompt and completion together, of each of them."""
START_TIMEOUT_S = 300.0


class ServerState(Record):
    """What a running server tells those who want to join it; readable by its owner only."""

    pid: int
    url: str
    api_key: str
    """Made anew by each server: other users of the machine, and web pages, are kept out."""
    model: str
    parallel: int


@dataclass
class EmbeddedServer:
    """A server that this process uses; `release` lets go of it."""

    state: ServerState
    identity: str
    _users: IO[bytes]

    def release(self) -> None:
        """The server ends when its last user has let go."""
        self._users.close()


def folder_of(workspace: Path, model: str) -> Path:
    """Where the locks and the state of that model's server lie."""
    return workspace / "llm" / re.sub(r"[^A-Za-z0-9._-]+", "-", model)[-80:]


def join_server(
    model: str,
    workspace: Path,
    cache_dir: Path,
    *,
    on_message: Callable[[str], None] = lambda message: None,
) -> EmbeddedServer:
    """Use the workspace's server for `model`; start it where none runs.

    Args:
        model: As for `distiller.llm.weights.resolve`.
        workspace: Whose commands share the server.
        cache_dir: Of the weights.
        on_message: Told what is waited for.

    Raises:
        ModelUnavailable: Weights or engine are missing, or the server did not start.
    """
    if find_spec("xllamacpp") is None:
        raise ModelUnavailable(
            "the embedded model needs the extra 'local': pip install 'domain-distiller[local]'; "
            "or name an endpoint (--llm URL)"
        )
    weights = resolve(model, cache_dir)
    folder = folder_of(workspace, weights.name)
    folder.mkdir(parents=True, exist_ok=True)
    users = (folder / "users.lock").open("ab")
    try:
        with (folder / "start.lock").open("ab") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            state = running(folder)
            if state is None:
                on_message(f"starting the embedded model {weights.name}")
                state = _start(weights.name, weights.path, workspace, folder)
    except BaseException:
        users.close()
        raise
    return EmbeddedServer(state, weights.identity, users)


def running(folder: Path) -> ServerState | None:
    """The server that answers there now, if there is one."""
    try:
        state = ServerState.model_validate_json((folder / "state.json").read_text("utf-8"))
        answer = httpx2.get(
            f"{state.url}/models",
            headers={"Authorization": f"Bearer {state.api_key}"},
            timeout=10.0,
            trust_env=False,
        )
    except (OSError, ValueError, httpx2.HTTPError):
        return None
    return state if answer.status_code == 200 else None


def _start(name: str, path: Path, workspace: Path, folder: Path) -> ServerState:
    log = workspace / "logs" / f"llm-{folder.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "distiller.llm.local_server", str(folder), str(path), name]
    command += [str(PARALLEL), str(CONTEXT)]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C ends the command; the server then ends by itself
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    try:
        return _wait(process, folder, log)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _wait(process: subprocess.Popen[bytes], folder: Path, log: Path) -> ServerState:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if (state := running(folder)) is not None:
            return state
        if process.poll() is not None:
            raise ModelUnavailable(
                f"the embedded model did not start (exit status {process.returncode}); "
                f"see {log}, a smaller model is 'qwen-0.5b'"
            )
        time.sleep(0.1)
    raise ModelUnavailable(f"the embedded model did not start in {START_TIMEOUT_S:g} s; see {log}")


def write_state(folder: Path, state: ServerState) -> None:
    """Tell users where the server is: whole or not at all, and to nobody else."""
    draft = folder / "state.json.tmp"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(state.model_dump(), file)
    draft.replace(folder / "state.json")
