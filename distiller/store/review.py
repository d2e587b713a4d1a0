"""Decisions and edits: each is an event first, and the item's fields follow from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from sqlalchemy import Connection, bindparam, case, func, select, update
from sqlalchemy.exc import IntegrityError

from distiller.schema.base import Item, Status, new_id
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.review import ReviewEvent
from distiller.store.changes import applied, deciding, difference, editing
from distiller.store.database import Database
from distiller.store.found import forget
from distiller.store.items import stored
from distiller.store.kinds import Kind, kind_named, kind_of
from distiller.store.log import COPY, log, may_undo, read_event, undoing
from distiller.store.stale import CONTENT_FREE, following, mark_descendants
from distiller.store.tables import events

T = TypeVar("T", bound=Item)

_Key = tuple[str, str]
"""Kind and id of an item; kinds may share ids."""


@dataclass(frozen=True)
class Resting:
    """What an edit of an item would make stale."""

    queries: int
    approved: int
    """Approved ones among the queries."""
    judgments: int


@dataclass(frozen=True)
class Step:
    """One decision or edit, or many that were made as one."""

    group: str
    action: str
    item_kind: str
    who: str
    when: datetime
    count: int
    """Items that it changed, what it made stale included."""
    undone: bool


class Reviews:
    """Edit items, decide about them, and take both back."""

    _database: Database

    def edit(
        self,
        item: T,
        *,
        who: str,
        reason: str = "",
        seconds: float | None = None,
        project_id: str | None = None,
    ) -> T:
        """Write a changed item; returns it with its new version.

        What was made from it becomes stale: of a concept, the queries that name its term and their
        judgments; of a query or passage, its judgments. All of that is one group of events, which
        `undo` takes back as one step. An item that did not change is returned as it is.

        Raises Conflict if it was changed since it was read, NotFound, or InputError if another
        item of the project is the same by its natural key.
        """
        kind = kind_of(type(item))
        with self._database.write() as connection:
            owner, old = stored(connection, kind, item.id, project_id, lock=True)
            if old.version != item.version:
                raise Conflict(
                    f"{kind.name} {item.id!r} was changed since it was read; read it again and "
                    "repeat the change"
                )
            if not difference(old, item):
                return cast("T", old)
            provenance = item.provenance.model_copy(update={"editor": who})
            new = item.model_copy(update={"version": old.version + 1, "provenance": provenance})
            event = editing(kind, old, new, who).model_copy(
                update={"reason": reason, "seconds": seconds}
            )
            self._rewrite(connection, kind, owner, [new], event.new.keys())
            log(connection, owner, [event])
            if not event.new.keys() <= CONTENT_FREE:
                mark_descendants(self._database, connection, owner, [(event, old)])
        return new

    def edit_all(self, project_id: str, items: Sequence[Item], *, who: str, reason: str) -> str:
        """Write changed items as one step that marks nothing stale; returns its group, for `undo`.

        For changes of names that leave what the items say as it is, such as a merge. Raises
        Conflict if one was changed since it was read (then nothing is written), or NotFound.
        """
        group = new_id("g")
        with self._database.write() as connection:
            happened = []
            for item in items:
                kind = kind_of(type(item))
                owner, old = stored(connection, kind, item.id, project_id, lock=True)
                if old.version != item.version:
                    raise Conflict(f"{kind.name} {item.id!r} was changed since it was read; repeat")
                provenance = item.provenance.model_copy(update={"editor": who})
                new = item.model_copy(update={"version": old.version + 1, "provenance": provenance})
                event = editing(kind, old, new, who)
                happened.append(event.model_copy(update={"reason": reason, "group": group}))
                self._rewrite(connection, kind, owner, [new], event.new.keys())
            log(connection, project_id, happened)
        return group

    def set_status(
        self,
        project_id: str,
        kind: type[Item],
        ids: Collection[str],
        status: Status,
        *,
        who: str,
        reason: str = "",
        seconds: float | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> str:
        """Decide about items; returns the group of the events, for `undo`.

        Each item gets an event, also where its status stays the same: a second reviewer agreeing
        is a decision too. A decision (not a reset) clears `stale`. `seconds` is for all items
        together. Raises NotFound, before anything is written, if an item is not there, and
        Conflict if one is no longer of the version that `versions` says was read.
        """
        decision = deciding(kind, status, who=who, reason=reason, seconds=seconds)
        with self._database.write() as connection:
            self._decide(connection, project_id, kind, ids, decision, versions or {})
        return str(decision.group)

    def undo(self, project_id: str, group: str, *, who: str | None = None) -> int:
        """Take back all events of a group as one step; returns how many items were restored.

        The undoing is a group of its own, so that it can be undone as well. What an edit made
        stale is fresh again, except where somebody decided about it in the meantime.

        Raises Conflict if something newer changed one of the items, or the group was undone
        before; then nothing is written.
        """
        with self._database.write() as connection:
            taken_back = self._events(connection, project_id, group=group)
            if not taken_back:
                raise NotFound(f"there is no group of events {group!r}")
            current = self._locked(connection, project_id, taken_back)
            histories = self._histories(connection, project_id, current)
            undone: list[tuple[ReviewEvent, Item]] = []
            for event in taken_back:
                key = (event.item_kind, event.item_id)
                if may_undo(event, histories[key], current[key].version):
                    undone.append((event, current[key]))
            new_group = new_id("g")
            pairs = [(undoing(event, who, new_group), item) for event, item in undone]
            restored: dict[tuple[str, ...], list[Item]] = defaultdict(list)
            for event, item in pairs:
                fields = item.model_dump() | event.new | {"version": item.version + 1}
                alike = (event.item_kind, *sorted(event.new))
                restored[alike].append(type(item).model_validate(fields))
            for (name, *changed), items in restored.items():
                self._rewrite(connection, kind_named(name), project_id, items, changed)
            log(connection, project_id, [event for event, _ in pairs])
            content = [pair for pair in pairs if not pair[0].new.keys() <= CONTENT_FREE]
            fresh = {(event.item_kind, event.item_id) for event, _ in pairs}
            mark_descendants(self._database, connection, project_id, content, spare=fresh)
        return len(pairs)

    def events(
        self, project_id: str, item_id: str | None = None, *, group: str | None = None
    ) -> list[ReviewEvent]:
        """Events of a project, of one item, or of one group, oldest first."""
        with self._database.read() as connection:
            return self._events(connection, project_id, item_id=item_id, group=group)

    def steps(self, project_id: str, *, who: str | None = None, limit: int = 20) -> list[Step]:
        """The newest groups of decisions and edits, newest first, and whether each still stands."""
        newest = func.max(events.c.position).label("newest")
        undone = select(events.c.undoes).where(
            events.c.project_id == project_id, events.c.undoes.is_not(None)
        )
        chosen = (
            select(
                events.c.group_id,
                func.min(events.c.who),
                func.min(events.c.created),
                func.count(events.c.item_id.distinct()),
                func.max(case((events.c.id.in_(undone), 1), else_=0)),
                newest,
            )
            .where(
                events.c.project_id == project_id,
                events.c.group_id.is_not(None),
                events.c.action.not_in(("create", "undo", COPY)),
            )
            .group_by(events.c.group_id)
            .order_by(newest.desc())
            .limit(limit)
        )
        if who is not None:
            chosen = chosen.where(events.c.who == who)
        with self._database.read() as connection:
            found = connection.execute(chosen).all()
            first = select(events.c.group_id, events.c.action, events.c.item_kind).where(
                events.c.project_id == project_id,
                events.c.group_id.in_([row[0] for row in found]),
            )
            # The last written wins: what was done comes first in a group, what it made stale later.
            ordered = first.order_by(events.c.position.desc())
            what = {row[0]: (row[1], row[2]) for row in connection.execute(ordered)}
        return [
            Step(group, *what[group], who=by, when=when, count=count, undone=bool(gone))
            for group, by, when, count, gone, _ in found
        ]

    def resting(self, project_id: str, item: Item) -> Resting:
        """What an edit of an item would make stale, counted by what `edit` then marks."""
        with self._database.read() as connection:
            found = following(self._database, connection, project_id, [item])
        approved = sum(row.status == Status.APPROVED for row in found.queries)
        return Resting(len(found.queries), approved, len(found.judgments))

    def revision(self, project_id: str) -> str:
        """Changes with every decision and edit; what is derived from them can be kept under it."""
        chosen = select(func.max(events.c.position)).where(events.c.project_id == project_id)
        with self._database.read() as connection:
            return str(connection.scalar(chosen) or 0)

    def _decide(
        self,
        connection: Connection,
        project_id: str,
        kind: type[Item],
        ids: Collection[str],
        decision: ReviewEvent,
        versions: Mapping[str, int],
    ) -> None:
        row = kind_of(kind)
        columns = row.table.c
        wanted = (columns.project_id == project_id, self._database.one_of(columns.id, set(ids)))
        chosen = select(columns.id, columns.status, columns.stale, columns.version).where(*wanted)
        found = connection.execute(chosen.order_by(columns.position).with_for_update()).all()
        missing = set(ids) - {item.id for item in found}
        if missing:
            raise NotFound(f"there is no {row.name} {min(missing)!r} in the project")
        for item in found:
            if versions.get(item.id, item.version) != item.version:
                raise Conflict(
                    f"{row.name} {item.id!r} was changed since it was read; look at it again "
                    "and decide then"
                )
        decide = update(row.table).where(*wanted)
        connection.execute(decide.values(version=columns.version + 1, **decision.new))
        each = None if decision.seconds is None else decision.seconds / max(1, len(found))
        decision = decision.model_copy(update={"seconds": each})
        log(connection, project_id, [applied(decision, item) for item in found])

    def _events(
        self,
        connection: Connection,
        project_id: str,
        *,
        item_id: str | None = None,
        group: str | None = None,
    ) -> list[ReviewEvent]:
        chosen = select(events).where(events.c.project_id == project_id)
        if item_id is not None:
            chosen = chosen.where(events.c.item_id == item_id)
        if group is not None:
            chosen = chosen.where(events.c.group_id == group)
        rows = connection.execute(chosen.order_by(events.c.position)).mappings()
        return [read_event(row) for row in rows]

    def _locked(
        self, connection: Connection, project_id: str, happened: list[ReviewEvent]
    ) -> dict[_Key, Item]:
        """The items that the events are about, locked against other writers."""
        ids: dict[str, set[str]] = defaultdict(set)
        for event in happened:
            ids[event.item_kind].add(event.item_id)
        found: dict[_Key, Item] = {}
        for name in sorted(ids):
            kind = kind_named(name)
            chosen = (
                select(*kind.columns)
                .where(
                    kind.table.c.project_id == project_id,
                    self._database.one_of(kind.table.c.id, ids[name]),
                )
                .order_by(kind.table.c.position)
                .with_for_update()
            )
            for row in connection.execute(chosen):
                item = kind.item(row)
                found[name, item.id] = item
        return found

    def _histories(
        self, connection: Connection, project_id: str, items: Collection[_Key]
    ) -> dict[_Key, list[ReviewEvent]]:
        histories: dict[_Key, list[ReviewEvent]] = defaultdict(list)
        chosen = select(events).where(
            events.c.project_id == project_id,
            self._database.one_of(events.c.item_id, {id for _, id in items}),
        )
        for row in connection.execute(chosen.order_by(events.c.position)).mappings():
            histories[row["item_kind"], row["item_id"]].append(read_event(row))
        return histories

    def _rewrite(
        self,
        connection: Connection,
        kind: Kind,
        project_id: str,
        items: list[Item],
        changed: Collection[str],
    ) -> None:
        """Write the changed fields of items, and what follows from them."""
        names = {"version", *changed}
        if not CONTENT_FREE.issuperset(changed):
            names.add("natural_key")
            forget(self._database, connection, project_id, kind.name, items)
        table = kind.table
        statement = (
            update(table)
            .where(table.c.project_id == project_id, table.c.id == bindparam("this_id"))
            .values({name: bindparam(f"new_{name}") for name in names})
        )
        rows = [kind.row(item, project_id) for item in items]
        values = [
            {"this_id": row["id"], **{f"new_{name}": row[name] for name in names}} for row in rows
        ]
        try:
            connection.execute(statement, values)
        except IntegrityError as error:
            raise InputError(
                f"the project has another {kind.name} that is the same as the changed one; "
                "nothing was changed"
            ) from error
