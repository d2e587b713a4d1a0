"""One hard negative more for a query, by a strategy that it has not had yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial

from distiller.generate.grounding import USABLE, Grounding
from distiller.generate.passages import PassageStage
from distiller.generate.stage import Stage, Work
from distiller.generate.variants import Wanted
from distiller.generate.writing import checked_length
from distiller.llm import Client
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import (
    CONTRASTIVE_STRATEGIES,
    POSITIVE_GRADE,
    JudgmentSource,
    Passage,
    Query,
    Strategy,
)
from distiller.schema.jobs import OnProgress, StageReport
from distiller.store import Store

NAME = "another_negative"
_IN_TURN = (*CONTRASTIVE_STRATEGIES, Strategy.STANDARD)


async def another_negative(
    store: Store,
    project: Project,
    client: Client,
    query_ids: Collection[str],
    *,
    length: str = "medium",
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Write one more hard negative for each query; every call writes another one.

    Raises:
        InputError: no query is named, or an unknown length.
        NotFound: the project has no such query.
        StageFailed: nothing could be made.
        DistillerError: what stopped the stage; everything written before is kept.
    """
    asked = [store.get(Query, id_, project_id=project.id) for id_ in dict.fromkeys(query_ids)]
    if not asked:
        raise InputError("no query is named; say for which ones to write another hard negative")
    size = checked_length(length)
    stage = Stage(NAME, store, project, client, on_progress, counts=Passage)
    stage.total = len(asked)
    queries = store.items(project.id, Query, status=USABLE)
    run = PassageStage(stage, Grounding(store, project), queries, size)
    await stage.all(_one_more(run, asked, queries))
    return stage.report()


def _one_more(run: PassageStage, asked: Sequence[Query], queries: Sequence[Query]) -> list[Work]:
    turns = {query.id: turn for turn, query in enumerate(queries)}
    work = []
    for query in asked:
        used = _used(run, query)
        strategy = min(_IN_TURN, key=lambda one: (used[one], _IN_TURN.index(one)))
        # The same words and seed would bring the ledger's answer to the last call.
        round_ = f"another/{used.total()}"
        wanted = [Wanted(strategy, run.free(query, strategy))]
        make = partial(run.all_negatives, query, turns.get(query.id, 0), wanted, salt=round_)
        work.append(Work(f"{query.id}/{round_}", make))
    return work


def _used(run: PassageStage, query: Query) -> Counter[Strategy]:
    """How often each strategy was used for a query, whatever became of the passages."""
    written = run.stage.store.judgments(
        run.stage.project.id, query_ids=[query.id], sources=[JudgmentSource.GENERATOR]
    )
    return Counter(label.strategy for label in written if label.grade < POSITIVE_GRADE)
