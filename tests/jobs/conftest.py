"""A workspace with the example in it, and real workers."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distiller.dataset import open_example
from distiller.jobs.start import environment
from distiller.schema.domain import Project
from distiller.settings import Settings
from distiller.store import Store

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def settings(tmp_path: Path, store: Store) -> Settings:
    return Settings(workspace=tmp_path / "workspace", llm_url="", broker_url="")


@pytest.fixture
def project(store: Store) -> Project:
    return open_example(store)


@pytest.fixture
def start_worker(settings: Settings) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(used: Settings = settings, idle_exit_s: float = 0) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [sys.executable, "-m", "distiller.jobs.worker", str(idle_exit_s)],
            env=environment(used),
            start_new_session=True,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
        worker.wait()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis server of our own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)],
            stdout=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        pytest.skip("needs redis-server (Debian's package of that name)")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    server.kill()
    server.wait()
