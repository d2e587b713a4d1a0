"""What rests on an item, to be told before it is changed."""

from __future__ import annotations

from dataclasses import dataclass

from distiller.schema.base import Item, Status
from distiller.schema.examples import Passage, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


@dataclass(frozen=True)
class Impact:
    """What an edit would mark as stale."""

    queries: int = 0
    approved: int = 0
    """Approved ones among the queries."""
    judgments: int = 0

    @property
    def words(self) -> str:
        """For people; empty where nothing rests on the item."""
        if self.queries:
            return (
                f"{self.queries:,} queries rest on this, {self.approved:,} of them approved: "
                "they will be marked stale, so that somebody looks at them again."
            )
        if self.judgments:
            return (
                f"{self.judgments:,} judgments of passages rest on this: they will be marked stale."
            )
        return ""


def impact(store: Store, project_id: str, item: Item) -> Impact:
    """What editing an item would mark as stale."""
    match item:
        case Concept():
            return Impact(
                queries=store.count(project_id, Query, concept=item.term),
                approved=store.count(project_id, Query, concept=item.term, status=Status.APPROVED),
            )
        case Query():
            return Impact(judgments=len(store.judgments(project_id, query_ids=[item.id])))
        case Passage():
            return Impact(judgments=len(store.judgments(project_id, passage_ids=[item.id])))
        case _:
            return Impact()
