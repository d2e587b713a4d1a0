"""Findings as conditions of other statements, and when they count no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select

from distiller.schema.base import Item
from distiller.schema.examples import Judgment
from distiller.store.database import Database
from distiller.store.tables import checked, findings


def fails(
    check: str, project_id: str, *, query_id: Any = None, passage_id: Any = None
) -> ColumnElement[bool]:
    """Whether a check found something about a query, or about a passage (beside a query).

    `query_id` and `passage_id` are columns of the statement that this narrows down.
    """
    about = [findings.c.project_id == project_id, findings.c.check == check]
    if passage_id is not None:
        about += [findings.c.item_kind == "passage", findings.c.item_id == passage_id]
        if query_id is not None:
            about.append(or_(findings.c.query_id == "", findings.c.query_id == query_id))
    else:
        about.append(findings.c.query_id == query_id)
    return exists(select(1).select_from(findings).where(and_(*about)))


def forget(
    database: Database, connection: Connection, project_id: str, kind: str, items: Sequence[Item]
) -> None:
    """Drop what was found about items whose content changes: it was about other words."""
    ids = {item.id for item in items}
    mine = findings.c.project_id == project_id
    if kind == "judgment":
        pairs = {(j.query_id, j.passage_id) for j in items if isinstance(j, Judgment)}
        for query_id, passage_id in pairs:
            beside = (findings.c.item_id == passage_id, findings.c.query_id == query_id)
            connection.execute(
                delete(findings).where(mine, findings.c.item_kind == "passage", *beside)
            )
        return
    about = and_(findings.c.item_kind == kind, database.one_of(findings.c.item_id, ids))
    if kind == "query":
        about = or_(about, database.one_of(findings.c.query_id, ids))
    connection.execute(delete(findings).where(mine, about))
    # Where the old words come back, they have to be looked at again.
    connection.execute(
        delete(checked).where(
            checked.c.project_id == project_id,
            checked.c.item_kind == kind,
            database.one_of(checked.c.item_id, ids),
        )
    )
