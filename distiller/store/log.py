"""The event log: append, read, and find what still stands after undoing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping

from distiller.schema.base import new_id
from distiller.schema.errors import Conflict, InputError
from distiller.schema.review import ReviewEvent
from distiller.store.tables import events

COPY = "copy"
"""The action of a judgment that a merge wrote for the item that is kept."""


def log(connection: Connection, project_id: str, happened: Iterable[ReviewEvent]) -> None:
    """Append events."""
    rows = [
        {**dict(event), "group_id": event.group, "project_id": project_id} for event in happened
    ]
    for row in rows:
        del row["group"]
    if rows:
        connection.execute(events.insert(), rows)


def read_event(row: RowMapping) -> ReviewEvent:
    fields = {name: row[name] for name in ReviewEvent.model_fields if name != "group"}
    return ReviewEvent.model_validate({**fields, "group": row["group_id"]})


def obstacle(event: ReviewEvent, history: Sequence[ReviewEvent]) -> ReviewEvent | None:
    """What keeps an event from being undone: a newer change that stands, or its own undoing.

    `history` holds all events of the item, oldest first. An undoing does not stand in the way if
    what it took back is newer than the event itself: then the item is again as the event left it.
    """
    place = {past.id: index for index, past in enumerate(history)}
    taken_back: dict[str, ReviewEvent] = {}
    for later in reversed(history):
        if later.id == event.id:
            return taken_back.get(event.id)
        if later.id in taken_back:
            continue
        if later.undoes is not None:
            taken_back[later.undoes] = later
        if later.undoes is None or place[later.undoes] < place[event.id]:
            return later
    return None


def may_undo(event: ReviewEvent, history: list[ReviewEvent], version: int) -> bool:
    """Whether to take an event back; Conflict where something newer stands in the way of it.

    False for what is merely stale and was decided about since, and for a copy that was changed
    since, by a stage too: of an item that began as a copy, each event is one version, and what a
    stage rewrites is a version without an event.
    """
    if event.action == "create":
        raise InputError("what was added cannot be undone; reject it instead")
    newer = obstacle(event, history)
    rewritten = event.action == COPY and version != len(history)
    if newer is None and not rewritten:
        return True
    if newer is None or event.action == COPY or event.new.keys() == {"stale"}:
        return False
    raise Conflict(
        f"{event.item_kind} {event.item_id!r} was changed since, by {newer.who} ({newer.action}); "
        "undo that first"
    )


def undoing(event: ReviewEvent, who: str | None, group: str) -> ReviewEvent:
    """The event that takes another one back; by the same reviewer unless `who` is given."""
    return ReviewEvent(
        id=new_id("e"),
        item_kind=event.item_kind,
        item_id=event.item_id,
        who=who or event.who,
        action="undo",
        old=event.new,
        new=event.old,
        group=group,
        undoes=event.id,
    )
