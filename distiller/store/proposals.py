"""Changes that a model proposed and no reviewer decided about yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from distiller.schema.base import Item, new_id
from distiller.schema.errors import NotFound
from distiller.schema.review import ReviewEvent
from distiller.store.database import Database
from distiller.store.items import stored
from distiller.store.kinds import kind_of
from distiller.store.log import log, read_event
from distiller.store.tables import events

_KIND = "proposal"
"""Of an item, yet a kind of their own: a proposal changes nothing, so it blocks no undoing."""


class Proposals:
    """Events that belong to an item but leave it as it is."""

    _database: Database

    def propose(self, project_id: str, item: Item, fields: Mapping[str, Any], *, who: str) -> str:
        """Keep fields that an item could get; returns the proposal's id. The newest one counts.

        Raises NotFound if the project has no such item.
        """
        event = ReviewEvent(
            id=new_id("e"),
            item_kind=_KIND,
            item_id=item.id,
            who=who,
            action="propose",
            old={name: getattr(item, name) for name in fields},
            new=dict(fields),
        )
        with self._database.write() as connection:
            stored(connection, kind_of(type(item)), item.id, project_id)
            log(connection, project_id, [event])
        return event.id

    def proposal(self, project_id: str, item_id: str) -> ReviewEvent | None:
        """The proposal for an item that waits for a decision, if there is one."""
        chosen = (
            select(events)
            .where(
                events.c.project_id == project_id,
                events.c.item_id == item_id,
                events.c.item_kind == _KIND,
            )
            .order_by(events.c.position.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(chosen).mappings().first()
        found = None if row is None else read_event(row)
        return found if found and found.action == "propose" else None

    def settle(self, project_id: str, item_id: str, *, who: str, accepted: bool) -> None:
        """Say what became of the waiting proposal; the edit itself is made by `edit`.

        Raises NotFound if none waits.
        """
        waiting = self.proposal(project_id, item_id)
        if waiting is None:
            raise NotFound("no proposal waits for a decision; it may have been decided already")
        event = ReviewEvent(
            id=new_id("e"),
            item_kind=_KIND,
            item_id=item_id,
            who=who,
            action="accept" if accepted else "dismiss",
            reason=waiting.id,
        )
        with self._database.write() as connection:
            log(connection, project_id, [event])
