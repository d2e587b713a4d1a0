"""The event log: append, read, and find what still stands after undoing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping

from distiller.schema.base import new_id
from distiller.schema.errors import Conflict, InputError
from distiller.schema.review import ReviewEvent
from distiller.store.tables import events


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


def may_undo(event: ReviewEvent, history: list[ReviewEvent]) -> bool:
    """False for what is merely stale and was decided about since; Conflict for all else newer."""
    if event.action == "create":
        raise InputError("what was added cannot be undone; reject it instead")
    newer = obstacle(event, history)
    if newer is None:
        return True
    if event.new.keys() == {"stale"}:
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
