"""The event log: append, read, and find what still stands after undoing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping

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
