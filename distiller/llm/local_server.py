"""The process of the embedded server: llama.cpp on the loopback interface.

Run as `python -m distiller.llm.local_server FOLDER GGUF NAME PARALLEL CONTEXT`; see
`distiller.llm.local` for who starts and shares it, and what the locks mean.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import xllamacpp

from distiller.llm.local import ServerState, write_state

POLL_S = 0.25
_UBATCH = 512


def serve(folder: Path, weights: Path, name: str, parallel: int, context: int) -> None:
    """Serve until no user is left."""
    key = secrets.token_urlsafe(24)
    parameters = _parameters(weights, name, parallel, context, key)
    server = xllamacpp.Server(parameters)  # returns when the weights are loaded
    state = ServerState(
        pid=os.getpid(),
        url=f"{server.listening_address}/v1",
        api_key=key,
        model=name,
        parallel=parallel,
    )
    write_state(folder, state)
    _wait_until_unused(folder)
    os._exit(0)  # nothing to save; tearing llama.cpp down only takes time


def _parameters(weights: Path, name: str, parallel: int, context: int, key: str) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0  # any free one
    parameters.api_keys = [key]
    parameters.ui = parameters.endpoint_slots = False
    parameters.offline = True
    parameters.n_parallel = parallel
    parameters.n_ctx = parallel * context
    parameters.n_ubatch = _UBATCH
    parameters.cache_ram_mib = 0  # finished prompts stay in their slots only
    for pool in (parameters.cpuparams, parameters.cpuparams_batch):
        pool.n_threads = cores()
        pool.poll = 0  # threads that spin while they wait slow everything else down tenfold
    return parameters


def cores() -> int:
    """Physical cores that this process may use: two threads of one core count once."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        allowed = os.sched_getaffinity(0)
        return len({Path(siblings.format(cpu)).read_text("utf-8") for cpu in allowed})
    except OSError:
        return os.cpu_count() or 1


def _wait_until_unused(folder: Path) -> None:
    """Return when nobody uses the server, and nobody is about to join it."""
    with (folder / "start.lock").open("ab") as start, (folder / "users.lock").open("ab") as users:
        while True:
            time.sleep(POLL_S)
            if not _try_lock(start):
                continue
            if _try_lock(users):
                (folder / "state.json").unlink(missing_ok=True)
                return
            fcntl.flock(start, fcntl.LOCK_UN)


def _try_lock(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
