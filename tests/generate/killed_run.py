"""A process that runs the four stages; the test kills it. Arguments: database URL, endpoint URL, cache."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from distiller.generate import (
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
)
from distiller.llm import connect
from distiller.settings import Settings
from distiller.store import Store


async def main(database: str, endpoint: str, cache: str) -> None:
    settings = Settings(
        llm_url=endpoint,
        llm_model="scripted",
        llm_concurrency=2,
        cache_dir=Path(cache),
        openai_api_key="not-a-key",
    )
    with Store.open(database) as store:
        project = store.project()
        async with connect(settings, store.ledger, project_id=project.id) as client:
            await generate_knowledge(store, project, client, concepts=7)
            await generate_queries(store, project, client, count=6)
            await generate_passages(store, project, client, negatives_per_query=2)
            await judge_passages(store, project, client)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
