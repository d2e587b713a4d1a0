from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from distiller.schema.base import Status, new_id, now
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.knowledge import Fact
from distiller.schema.usage import Ledger, LedgerEntry, Outcome, Usage
from distiller.store import Store


def entry(request_hash: str, **fields: object) -> LedgerEntry:
    values: dict[str, object] = {
        "id": new_id("l"),
        "request_hash": request_hash,
        "endpoint": "http://localhost:1/v1",
        "model": "small",
        "request": {"messages": [{"role": "user", "content": "Ünïcode ✓"}], "seed": 13},
        "completion": "Ja.",
        "usage": Usage(
            prompt_tokens=100, cached_tokens=40, completion_tokens=7, cost=0.25, completions=1
        ),
    }
    return LedgerEntry.model_validate(values | fields)


def test_store_provides_the_protocol(store: Store) -> None:
    ledger: Ledger = store.ledger
    assert ledger.find("absent") is None


def test_entry_comes_back_as_it_was(store: Store, project: Project) -> None:
    paid = entry(
        "a" * 64,
        project_id=project.id,
        stage="judge",
        prompt="judge.relevance@1",
        logprobs=[{"token": "Yes", "logprob": -0.1, "top_logprobs": []}],
        finish_reason="stop",
        latency_s=0.5,
    )
    store.ledger.record([paid])
    assert store.ledger.find("a" * 64) == paid
    assert store.ledger.entries(project.id) == [paid]


def test_only_usable_answers_are_found(store: Store) -> None:
    failed = [entry("a", outcome=outcome) for outcome in Outcome if outcome != Outcome.OK]
    store.ledger.record(failed)
    assert store.ledger.find("a") is None
    paid = entry("a")
    store.ledger.record([paid])
    assert store.ledger.find("a") == paid
    assert len(store.ledger.entries()) == len(Outcome)


def test_recording_again_changes_nothing(store: Store) -> None:
    paid = entry("a")
    store.ledger.record([paid])
    store.ledger.record([paid])
    assert store.ledger.entries() == [paid]


def test_no_request_is_paid_twice_but_all_cost_is_kept(store: Store) -> None:
    first, second = entry("a", completion="first"), entry("a", completion="second")
    store.ledger.record([first, second])
    assert store.ledger.find("a") == first
    kept = store.ledger.entries()[0]
    assert (kept.id, kept.outcome, kept.completion) == (second.id, Outcome.ERROR, "second")
    assert store.ledger.spent().cost == 0.25 + 0.25


def test_spent_sums_by_project_and_time(store: Store, project: Project) -> None:
    other = store.create_project(project.domain, "other")
    moment = now()
    store.ledger.record(
        [
            entry("a", project_id=project.id, created=moment - timedelta(days=2)),
            entry("b", project_id=project.id, created=moment, outcome=Outcome.INVALID),
            entry("c", project_id=other.id, created=moment),
            entry("d"),
        ]
    )
    one = entry("x").usage
    assert store.ledger.spent() == one + one + one + one
    assert store.ledger.spent(project.id) == one + one
    assert store.ledger.spent(project.id, since=moment) == one
    assert store.ledger.spent("p-9") == Usage()


def test_unknown_project_is_refused(store: Store) -> None:
    with pytest.raises(InputError):
        store.ledger.record([entry("a", project_id="p-9")])
    assert store.ledger.entries() == []


def test_what_no_database_holds_is_replaced(store: Store) -> None:
    store.ledger.record([entry("a", completion="nul \x00 and \ud83d", error="\udc00")])
    found = store.ledger.find("a")
    assert found is not None
    assert found.completion == "nul \ufffd and \ufffd"


def test_numbers_that_json_lacks_become_null(store: Store) -> None:
    store.ledger.record([entry("a", logprobs=[{"token": "No", "logprob": float("-inf")}])])
    found = store.ledger.find("a")
    assert found is not None
    assert found.logprobs == [{"token": "No", "logprob": None}]


def test_many_threads_record_at_once(store: Store) -> None:
    batches = [[entry(f"{thread}-{n}") for n in range(20)] for thread in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(store.ledger.record, batches))
    assert store.ledger.spent().completions == 12 * 20
    assert store.ledger.find("11-19") == batches[11][19]


@pytest.mark.parametrize("table", ["ledger", "events"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = 'x'", "DELETE FROM {}"])
def test_logs_refuse_changes(
    store: Store, project: Project, database_url: str, table: str, statement: str
) -> None:
    store.ledger.record([entry("a", project_id=project.id)])
    store.add(project.id, [_approved_fact()])
    engine = create_engine(database_url)
    with (
        pytest.raises(DBAPIError, match=f"{table} is append-only"),
        engine.begin() as connection,
    ):
        connection.execute(text(statement.format(table)))
    engine.dispose()
    assert len(store.ledger.entries()) == len(store.events(project.id)) == 1


def _approved_fact() -> Fact:
    return Fact(id="f-1", fact="So it is.", status=Status.APPROVED)


def test_sums_never_read_the_wide_rows(sqlite_file: Path) -> None:
    with Store.open(f"sqlite:///{sqlite_file}") as store:
        store.ledger.record([entry("a")])
    with sqlite3.connect(sqlite_file) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT sum(cost) FROM ledger WHERE project_id = 'p' AND created > 1"
        ).fetchall()
    assert "COVERING INDEX ix_ledger_spent" in plan[0][3]
