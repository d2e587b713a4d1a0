"""What rests on an item, to be told before it is changed."""

from __future__ import annotations

from distiller.schema.base import Item
from distiller.store import Resting, Store


def impact(store: Store, project_id: str, item: Item) -> Resting:
    """What editing an item would mark as stale: exactly that, and nothing that is stale already."""
    return store.resting(project_id, item)


def impact_words(found: Resting) -> str:
    """For people; empty where nothing rests on the item."""
    if found.queries:
        one = found.queries == 1
        judged = f", with {found.judgments:,} judgments of passages" if found.judgments else ""
        return (
            f"{found.queries:,} {'query rests' if one else 'queries rest'} on this, "
            f"{found.approved:,} of them approved{judged}: they will be marked stale, so that "
            "somebody looks at them again."
        )
    if found.judgments:
        one = found.judgments == 1
        return (
            f"{found.judgments:,} {'judgment' if one else 'judgments'} of passages "
            f"{'rests' if one else 'rest'} on this: they will be marked stale."
        )
    return ""
