"""One query after the other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from distiller.review.filters import QueryFilter
from distiller.schema.base import Status
from distiller.schema.examples import Query
from distiller.store import BY_VALUE, By, Order, Store


@dataclass(frozen=True)
class Card:
    """The query to decide about next."""

    query: Query
    left: int
    """Queries that wait, this one included, those that were skipped too."""
    total: int
    """Queries that the filter finds, whatever was decided about them."""
    reason: str = ""
    """Why it comes now, where the order is by value."""


def queue(
    store: Store,
    project_id: str,
    wanted: QueryFilter,
    *,
    skip: Collection[str] = (),
    order: Order = BY_VALUE,
) -> Card | None:
    """The first query that waits for a decision; None where all are decided.

    By value, that is the one of which the checks say that a look is worth most, then the oldest.
    A filter for a status asks for queries of that status instead of those that wait. Skipped ones
    come last, in the order in which they were skipped, so that nothing is skipped for good.
    """
    waiting = wanted if wanted.status else replace(wanted, status=Status.PROPOSED)
    left = store.count(project_id, Query, **waiting.arguments())
    if not left:
        return None
    # Of one more than were skipped, at least one was not.
    head = store.waiting(project_id, Query, order, len(skip) + 1, **waiting.arguments())
    query = next((query for query in head if query.id not in skip), None)
    if query is None:
        known = {query.id: query for query in head}
        query = next(known[id_] for id_ in skip if id_ in known)
    total = store.count(project_id, Query, **replace(wanted, status=None).arguments())
    worth = store.worth(project_id, "query", query.id) if order.by is By.VALUE else None
    return Card(query, left, total, worth.reason if worth else "")
