from __future__ import annotations

import pytest

from distiller.schema.domain import Project
from distiller.schema.errors import NotFound
from distiller.store import Store


def test_failing_again_counts_up_and_keeps_the_newest_reason(
    store: Store, project: Project
) -> None:
    first = store.fail(project.id, "passages", "q-1/positive/0", "half a JSON", '{"tex')
    assert first.attempts == 1
    second = store.fail(project.id, "passages", "q-1/positive/0", "empty")
    assert (second.id, second.attempts) == (first.id, 1 + 1)
    assert (second.reason, second.completion) == ("empty", "")
    assert store.failures(project.id) == [second]


def test_failures_by_stage_and_project(store: Store, project: Project) -> None:
    other = store.create_project(project.domain, "other")
    queries = store.fail(project.id, "queries", "key", "reason", "nul \x00")
    passages = store.fail(project.id, "passages", "key", "reason")
    elsewhere = store.fail(other.id, "queries", "key", "reason")
    assert store.failures(project.id, "passages") == [passages]
    assert store.failures(other.id) == [elsewhere]
    assert [failure.id for failure in store.failures(project.id)] == [queries.id, passages.id]
    assert store.failures(project.id)[0].completion == "nul \ufffd"


def test_resolved_failures_are_forgotten(store: Store, project: Project) -> None:
    store.fail(project.id, "queries", "one", "reason")
    two = store.fail(project.id, "queries", "two", "reason")
    elsewhere = store.fail(project.id, "passages", "one", "reason")
    store.resolve(project.id, "queries", ["one", "never failed"])
    store.resolve(project.id, "queries", [])
    assert store.failures(project.id) == [two, elsewhere]
    assert store.fail(project.id, "queries", "one", "again").attempts == 1


def test_failure_of_an_unknown_project(store: Store) -> None:
    with pytest.raises(NotFound, match="p-9"):
        store.fail("p-9", "queries", "key", "reason")
