"""Starting the app, and looking at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_app(workspace: Path, port: int) -> subprocess.Popen[bytes]:
    """`distiller app`, answering."""
    return started([sys.executable, "-m", "distiller", "app", "--port", str(port)], workspace, port)


def start_streamlit(workspace: Path, port: int) -> subprocess.Popen[bytes]:
    """`streamlit run app.py`, answering."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    return started(command, workspace, port)


def started(command: list[str], workspace: Path, port: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {"DISTILLER_WORKSPACE": str(workspace)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
            break
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, "the app ended at once"
            time.sleep(0.2)
    return server


def stop_app(server: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    os.killpg(server.pid, how)
    server.wait(timeout=20)


def stop_workers(workspace: Path) -> None:
    """The app's worker is in a session of its own, and outlives it on purpose."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            there = f"DISTILLER_WORKSPACE={workspace}".encode()
            if b"distiller.jobs." in command and there in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue


PATIENCE_MS = 60_000
"""For a page on a machine of two cores that trains meanwhile; what is there is found at once."""


def visit(chromium: Browser, url: str, **context: Any) -> Page:
    page = chromium.new_context(viewport={"width": 1280, "height": 900}, **context).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    return page


def until(found: Callable[[], object], wanted: object) -> None:
    """Wait for what a page shows or the store holds to be so."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (now := found()) != wanted:
        assert time.monotonic() < deadline, (now, wanted)
        time.sleep(0.1)


STREAMLITS_PROBES = ("_stcore/health", "_stcore/host-config")
"""Streamlit looks for its base path below a page's address first; those answers are 404."""


class Console:
    """What a page says in the browser's console that is an error, and not Streamlit's probing."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        where = str(message.location.get("url", ""))
        if message.type == "error" and not where.endswith(STREAMLITS_PROBES):
            self.errors.append(f"{message.text} ({where})")
