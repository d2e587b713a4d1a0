"""`kill -9` in the middle of each stage, and a second run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import killed_run
import pytest
from endpoint import Body, Scripted, ScriptedEndpoint
from scripted_writer import Writer

from distiller.schema.domain import Project
from distiller.schema.examples import JudgmentSource, Passage, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


class Recorder:
    """Answers as a writer does, and the same request always the same; remembers what was sent."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.sent: list[str] = []
        self.answers: dict[str, Scripted] = {}

    def __call__(self, body: Body) -> Scripted:
        key = json.dumps(body, sort_keys=True)
        self.sent.append(key)
        if key not in self.answers:
            self.answers[key] = self.writer(body)
        return self.answers[key]


@pytest.mark.slow
@pytest.mark.parametrize("kill_after", [3, 8, 20, 45])
def test_a_killed_run_goes_on_and_pays_nothing_twice(
    kill_after: int, store: Store, project: Project, tmp_path: Path
):
    recorder = Recorder()
    with ScriptedEndpoint(recorder) as endpoint:
        url = f"sqlite:///{tmp_path / 'distiller.db'}"
        arguments = url, endpoint.url, str(tmp_path / "cache")
        command = [sys.executable, killed_run.__file__, *arguments]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while len(recorder.sent) < kill_after and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        assert process.wait() != 0
        at_kill = Counter(recorder.sent)
        recorded = {json.dumps(entry, sort_keys=True) for entry in _recorded(store)}
        assert recorded
        assert recorded <= set(at_kill)
        recorder.sent.clear()
        asyncio.run(killed_run.main(*arguments))
    assert store.count(project.id, Concept) == 7
    assert store.count(project.id, Query) == 6
    assert store.count(project.id, Passage) == 6 * 3
    assert len(store.judgments(project.id, sources=[JudgmentSource.JUDGE])) == 6 * 3
    assert not recorded & set(recorder.sent), "what the ledger had was asked for again"
    again = Counter(recorder.sent) & at_kill
    assert again.total() <= 2, "only what was under way when it was killed may be asked for again"


def _recorded(store: Store) -> list[Body]:
    return [entry.request for entry in store.ledger.entries()]
