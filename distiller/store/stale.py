"""What was made from an item becomes stale when the item's content changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, select, update

from distiller.schema.base import Item, new_id
from distiller.schema.examples import Passage, Query
from distiller.schema.knowledge import Concept
from distiller.schema.review import ReviewEvent
from distiller.store.database import Database
from distiller.store.kinds import folded, kind_named
from distiller.store.log import log
from distiller.store.tables import judgments, queries

CONTENT_FREE = frozenset({"status", "stale", "provenance"})
"""Fields whose change makes nothing stale."""


@dataclass(frozen=True)
class Following:
    """What follows from items and is not stale yet, oldest first."""

    queries: Sequence[Row[Any, Any, Any]]
    judgments: Sequence[Row[Any, Any, Any]]
    """Rows of position, id and status."""


def following(
    database: Database,
    connection: Connection,
    project_id: str,
    items: Collection[Item],
    *,
    lock: bool = False,
) -> Following:
    """What a change of items would make stale; what is told before and what is marked are this.

    Concept → queries that name its term → their judgments; query or passage → its judgments.
    """
    terms = {folded(item.term) for item in items if isinstance(item, Concept)}
    query_ids = _queries_naming(connection, project_id, terms) if terms else set()
    named = _fresh(
        connection, queries, project_id, database.one_of(queries.c.id, query_ids), lock=lock
    )
    query_ids |= {item.id for item in items if isinstance(item, Query)}
    passage_ids = {item.id for item in items if isinstance(item, Passage)}
    about = database.one_of(judgments.c.query_id, query_ids) | database.one_of(
        judgments.c.passage_id, passage_ids
    )
    return Following(named, _fresh(connection, judgments, project_id, about, lock=lock))


def mark_descendants(
    database: Database,
    connection: Connection,
    project_id: str,
    changes: Sequence[tuple[ReviewEvent, Item]],
    *,
    spare: Collection[tuple[str, str]] = (),
) -> None:
    """Mark what follows from changed items, each given as it was before its event.

    Items in `spare` (kind and id) stay as they are.
    """
    if not changes:
        return
    event = changes[0][0]
    found = following(database, connection, project_id, [item for _, item in changes], lock=True)
    for kind, rows in (("query", found.queries), ("judgment", found.judgments)):
        kept = [row for row in rows if (kind, row.id) not in spare]
        _mark(connection, project_id, kind, kept, event)


def mark(
    connection: Connection,
    project_id: str,
    kind: str,
    which: ColumnElement[bool],
    *,
    stale: bool,
    who: str,
    reason: str,
) -> int:
    """Mark items stale or fresh, not what follows from them; returns how many changed."""
    table = kind_named(kind).table
    chosen = (table.c.project_id == project_id, which, table.c.stale.is_(not stale))
    marking = update(table).where(*chosen).values(stale=stale, version=table.c.version + 1)
    changed = connection.execute(marking.returning(table.c.id)).scalars().all()
    group = new_id("g")
    log(
        connection,
        project_id,
        [
            ReviewEvent(
                id=new_id("e"),
                item_kind=kind,
                item_id=id_,
                who=who,
                action="stale" if stale else "fresh",
                old={"stale": not stale},
                new={"stale": stale},
                reason=reason,
                group=group,
            )
            for id_ in changed
        ],
    )
    return len(changed)


def _queries_naming(connection: Connection, project_id: str, terms: set[str]) -> set[str]:
    named = select(queries.c.id, queries.c.key_concepts).where(queries.c.project_id == project_id)
    return {
        row.id
        for row in connection.execute(named)
        if not terms.isdisjoint(map(folded, row.key_concepts))
    }


def _fresh(
    connection: Connection,
    table: Table,
    project_id: str,
    about: ColumnElement[bool],
    *,
    lock: bool,
) -> Sequence[Row[Any, Any, Any]]:
    columns = table.c
    chosen = (
        select(columns.position, columns.id, columns.status)
        .where(columns.project_id == project_id, columns.stale.is_(False), about)
        .order_by(columns.position)
    )
    return connection.execute(chosen.with_for_update() if lock else chosen).all()


def _mark(
    connection: Connection,
    project_id: str,
    kind: str,
    rows: Sequence[Row[Any, Any, Any]],
    cause: ReviewEvent,
) -> None:
    if not rows:
        return
    table = kind_named(kind).table
    marking = update(table).values(stale=True, version=table.c.version + 1)
    for start in range(0, len(rows), 1000):
        positions = [row.position for row in rows[start : start + 1000]]
        connection.execute(marking.where(table.c.position.in_(positions)))
    log(
        connection,
        project_id,
        [
            ReviewEvent(
                id=new_id("e"),
                item_kind=kind,
                item_id=row.id,
                who=cause.who,
                action="stale",
                old={"stale": False},
                new={"stale": True},
                reason=f"{cause.item_kind} {cause.item_id} was changed",
                group=cause.group,
            )
            for row in rows
        ],
    )
