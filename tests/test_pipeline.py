"""The whole journey with the embedded language model: to the end, again, and after `kill -9`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distiller.schema.examples import Query
from distiller.store import Store

pytestmark = [pytest.mark.local_llm, pytest.mark.slow, pytest.mark.timeout(1500)]

JOURNEY = (
    *("pipeline", "--domain", "residential tenancy law"),
    *("--concepts", "6", "--queries", "6", "--negatives-per-query", "1", "--length", "short"),
    *("--train", "--preset", "quick", "--json"),
)


def start(workspace: Path, *arguments: str) -> subprocess.Popen[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DISTILLER_", "OPENAI_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "distiller", *arguments, "--workspace", str(workspace)],
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def store_of(workspace: Path) -> Store:
    return Store.open(f"sqlite:///{workspace / 'distiller.db'}")


def paid(workspace: Path) -> int:
    with store_of(workspace) as store:
        return store.ledger.spent().completions


def test_journey_survives_kill_goes_to_the_end_and_pays_nothing_twice(
    tmp_path: Path, collections_dir: Path
) -> None:
    journey = (*JOURNEY, "--collection", str(collections_dir / "adi"))
    killed = start(tmp_path, *journey)
    deadline = time.monotonic() + 600
    while not (tmp_path / "distiller.db").exists() or paid(tmp_path) < 3:
        assert killed.poll() is None, killed.communicate()[1]
        assert time.monotonic() < deadline, "no three completions in ten minutes"
        time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = paid(tmp_path)

    again = start(tmp_path, *journey)
    out, err = again.communicate(timeout=1200)
    assert again.returncode == 0, err
    result = json.loads(out)
    done = {stage["stage"]: stage for stage in result["stages"]}
    assert done["queries"]["made"] + done["queries"]["present"] == 6
    with store_of(tmp_path) as store:
        project = store.project("residential-tenancy-law")
        assert len(store.items(project.id, Query)) == 6
    assert paid(tmp_path) > before

    systems = {system["name"]: system["measures"] for system in result["reports"][0]["systems"]}
    assert set(systems) == {"bm25", "tiny", "tuned"}
    assert systems["bm25"]["ndcg@10"] == pytest.approx(0.494, abs=0.01)
    assert (Path(result["model"]) / "README.md").is_file()

    total = paid(tmp_path)
    third = start(tmp_path, *journey)
    out, err = third.communicate(timeout=600)
    assert third.returncode == 0, err
    assert paid(tmp_path) == total, "a finished journey asks the model nothing"
    assert json.loads(out)["model"] == result["model"]
