"""A process that is killed in the middle: what it was given is never paid for again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from distiller.settings import Settings
from distiller.store import Store
from tests.endpoint import ScriptedEndpoint, asked, slow, text

COMPLETIONS = 60
RUN = """
import asyncio, sys
from pathlib import Path
from distiller.llm import connect
from distiller.schema.usage import Prompt
from distiller.settings import Settings
from distiller.store import Store

async def main():
    settings = Settings(llm_url=sys.argv[1], llm_model="scripted", workspace=Path(sys.argv[2]),
                        cache_dir=Path(sys.argv[2]), llm_concurrency=4)
    with Store.open(settings.database) as store:
        async with connect(settings, store.ledger) as client:
            async def ask(number):
                prompt = Prompt(name="t", version=1, system="s", user=str(number))
                await client.complete(prompt, stage="queries")
                print(number, flush=True)
            await asyncio.gather(*(ask(number) for number in range(int(sys.argv[3]))))

asyncio.run(main())
"""


def test_after_kill_9_only_what_was_under_way_is_asked_again(tmp_path: Path) -> None:
    with ScriptedEndpoint(slow(text("one"), 0.02)) as endpoint:
        command = [sys.executable, "-c", RUN, endpoint.url, str(tmp_path), str(COMPLETIONS)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        given = {process.stdout.readline().strip() for _ in range(20)}
        process.kill()
        given |= set(process.communicate()[0].split())
        before = len(endpoint.requests)
        subprocess.run(command, check=True, capture_output=True)
        again = {asked(body) for body in endpoint.requests[before:]}
    assert len(given) < COMPLETIONS, "the process was to be killed in the middle"
    assert not given & again
    assert len(endpoint.requests) <= COMPLETIONS + 4  # at most those under way at the kill
    with Store.open(Settings(workspace=tmp_path).database) as store:
        assert store.ledger.spent().completions == COMPLETIONS
