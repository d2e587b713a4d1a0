"""The four stages with the small embedded model, on a tiny domain."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.generate import (
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
)
from distiller.llm import connect
from distiller.quality.languages import in_language
from distiller.schema.domain import Domain
from distiller.schema.examples import JudgmentSource, Passage, Query
from distiller.schema.knowledge import Concept, DocumentType
from distiller.settings import Settings
from distiller.store import Store


@pytest.mark.local_llm
@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_a_small_model_goes_through_all_stages(store: Store, tmp_path: Path):
    project = store.create_project(Domain(name="bicycle repair", template="technical_support"))
    settings = Settings(workspace=tmp_path, llm_url="local", llm_model="qwen-0.5b")
    async with connect(settings, store.ledger, project_id=project.id) as client:
        await generate_knowledge(store, project, client, concepts=3)
        await generate_queries(store, project, client, count=2)
        passages = await generate_passages(
            store, project, client, negatives_per_query=1, length="short"
        )
        judged = await judge_passages(store, project, client)
    assert store.count(project.id, Concept) == 3
    assert store.count(project.id, DocumentType) > 0
    queries = store.items(project.id, Query)
    assert len(queries) == 2
    assert passages.made + passages.failed >= 4
    assert passages.made >= 2
    texts = [query.query for query in queries] + [
        passage.text for passage in store.items(project.id, Passage)
    ]
    assert all(in_language(text, "en") for text in texts)
    graded = store.judgments(project.id, sources=[JudgmentSource.JUDGE])
    assert len(graded) == judged.made == passages.made
    assert all(given.score is not None and 0 < given.score < 1 for given in graded)
    assert len({given.score for given in graded}) > 1
