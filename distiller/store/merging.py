"""Two items that are one: the one rejected and its judgments copied, as one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, select

from distiller.schema.base import Item, Status, new_id
from distiller.schema.examples import Judgment, JudgmentSource
from distiller.schema.review import ReviewEvent
from distiller.store.changes import deciding, editing
from distiller.store.database import Database
from distiller.store.kinds import kind_of
from distiller.store.log import COPY, log
from distiller.store.machine import is_mined
from distiller.store.review import Reviews
from distiller.store.tables import judgments


class Merging(Reviews):
    """Merge, so that `undo` takes all of it back."""

    _database: Database

    def merge(
        self,
        project_id: str,
        gone: Item,
        copies: Sequence[Judgment],
        *,
        who: str,
        reason: str,
    ) -> str:
        """Reject an item, and write what was judged of it as judged of another one.

        A pair that has a judgment of that source keeps it, unless it is one that an undone merge
        left behind. Undoing takes the copies away, but those that were changed since.

        Args:
            project_id: Whose items they are.
            gone: The item, as it was read.
            copies: Its judgments with the other item in its place, and ids of their own.
            who: Who merges.
            reason: Why.

        Returns:
            The group of the events, for `undo`.

        Raises:
            Conflict: The item was changed since it was read; nothing is written.
            NotFound: It is not there.
        """
        decision = deciding(type(gone), Status.REJECTED, who=who, reason=reason)
        read = {gone.id: gone.version}
        common = {"reason": reason, "group": decision.group}
        with self._database.write() as connection:
            self._decide(connection, project_id, type(gone), [gone.id], decision, read)
            copied = self._copy(connection, project_id, copies, who)
            log(connection, project_id, [one.model_copy(update=common) for one in copied])
        return str(decision.group)

    def _copy(
        self, connection: Connection, project_id: str, copies: Sequence[Judgment], who: str
    ) -> list[ReviewEvent]:
        kind = kind_of(Judgment)
        if not copies:
            return []
        rows = [kind.row(one, project_id) for one in copies]
        insert = self._database.insert(judgments).on_conflict_do_nothing(
            index_elements=["project_id", "natural_key"]
        )
        fresh = set(connection.execute(insert.returning(judgments.c.id), rows).scalars())
        happened = [_copied(one, who) for one in copies if one.id in fresh]
        for old, new in self._left_behind(connection, project_id, copies, fresh):
            event = editing(kind, old, new, who).model_copy(update={"action": COPY})
            self._rewrite(connection, kind, project_id, [new], event.new.keys())
            happened.append(event)
        return happened

    def _left_behind(
        self, connection: Connection, project_id: str, copies: Sequence[Judgment], fresh: set[str]
    ) -> list[tuple[Judgment, Judgment]]:
        """Copies that an undoing took away: as they are, and as they are to be."""
        kind = kind_of(Judgment)
        again = {one.id: one for one in copies if one.id not in fresh}
        chosen = select(*kind.columns).where(
            judgments.c.project_id == project_id, self._database.one_of(judgments.c.id, again)
        )
        found = [cast("Judgment", kind.item(row)) for row in connection.execute(chosen)]
        histories = self._histories(connection, project_id, [(kind.name, one.id) for one in found])
        changes = []
        for old in found:
            history = histories[kind.name, old.id]
            copied = {event.id for event in history if event.action == COPY}
            if history and history[-1].undoes in copied and old.version == len(history):
                changes.append((old, again[old.id].model_copy(update={"version": old.version + 1})))
        return changes


def _copied(one: Judgment, who: str) -> ReviewEvent:
    old, new = _away(one), one.model_dump(mode="json")
    return ReviewEvent(
        id=new_id("e"),
        item_kind="judgment",
        item_id=one.id,
        who=who,
        action=COPY,
        old=old,
        new={name: new[name] for name in old},
    )


def _away(one: Judgment) -> dict[str, Any]:
    """The fields of a copy that was taken away.

    What a machine gives again is stale, so that it may. A writer's label is rejected: stale, it
    would wait for a reviewer.
    """
    if is_mined(one) or one.source is not JudgmentSource.GENERATOR:
        return {"stale": True}
    return {"status": Status.REJECTED.value}
