"""What happens to items, as events."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from distiller.schema.base import Item, Status, new_id
from distiller.schema.review import ReviewEvent
from distiller.store.kinds import Kind, kind_of

_ACTIONS = {
    Status.APPROVED: "approve",
    Status.REJECTED: "reject",
    Status.FLAGGED: "flag",
    Status.PROPOSED: "reset",
}


def difference(old: Item, new: Item) -> dict[str, tuple[Any, Any]]:
    """Fields that differ, with both values as JSON holds them; never `id` and `version`."""
    before, after = (item.model_dump(mode="json", exclude={"id", "version"}) for item in (old, new))
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def deciding(
    kind: type[Item], status: Status, *, who: str, reason: str, seconds: float | None = None
) -> ReviewEvent:
    """A decision, of a group of its own, that names no item yet."""
    fields: dict[str, Any] = {"status": status.value}
    if status != Status.PROPOSED:
        fields["stale"] = False
    return ReviewEvent(
        id="",
        item_kind=kind_of(kind).name,
        item_id="",
        who=who,
        action=_ACTIONS[status],
        new=fields,
        reason=reason,
        seconds=seconds,
        group=new_id("g"),
    )


def editing(kind: Kind, old: Item, new: Item, who: str) -> ReviewEvent:
    """What an edit of an item changed, as an event of a group of its own."""
    changed = difference(old, new)
    return ReviewEvent(
        id=new_id("e"),
        item_kind=kind.name,
        item_id=new.id,
        who=who,
        action="edit",
        old={name: before for name, (before, _) in changed.items()},
        new={name: after for name, (_, after) in changed.items()},
        group=new_id("g"),
    )


def applied(decision: ReviewEvent, item: Row[Any, Any, Any, Any]) -> ReviewEvent:
    """A decision about one item (its id, status, stale); status always counts as changed."""
    new = {"status": decision.new["status"]}
    old = {"status": item.status}
    if item.stale and "stale" in decision.new:
        old["stale"], new["stale"] = True, False
    return decision.model_copy(
        update={"id": new_id("e"), "item_id": item.id, "old": old, "new": new}
    )
