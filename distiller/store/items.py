"""Reviewable items: write them in bulk, read them by what is known of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.exc import IntegrityError

from distiller.schema.base import Item, Status, new_id
from distiller.schema.errors import InputError, NotFound
from distiller.schema.examples import Judgment, JudgmentSource, Query
from distiller.schema.review import ReviewEvent
from distiller.store.database import Database, to_json
from distiller.store.found import fails
from distiller.store.kinds import KINDS, Kind, kind_of
from distiller.store.log import log
from distiller.store.order import Order, terms, worth_of
from distiller.store.tables import judgments, projects, worth
from distiller.store.types import Words

T = TypeVar("T", bound=Item)


class Items:
    """Add, find and count the items of a project."""

    _database: Database

    def add(self, project_id: str, items: Iterable[Item], *, by: str | None = None) -> list[Item]:
        """Write all items in one transaction, and return those that were new.

        An item whose natural key is in the project already is skipped: a concept's term, a query's
        text, a judgment's (query, passage, source) and so on, whatever their letter case and white
        space; for a passage it is the id. Items that do not arrive as merely proposed by a model
        get a `create` event. What a reviewer adds (`by`) is an `add`, which `undo` takes back as
        one step: the items are then rejected.

        Raises NotFound for an unknown project, and InputError for an id that another item of the
        project has, or a judgment of something that the project lacks; then nothing is written.
        """
        given = list(items)
        new: set[tuple[type[Item], str]] = set()  # a query and a passage may share an id
        with self._database.write() as connection:
            for kind in KINDS:
                batch = [item for item in given if type(item) is kind.model]
                if batch:
                    ids = self._insert(connection, kind, project_id, batch)
                    new |= {(kind.model, id_) for id_ in ids}
            written = []
            for item in given:
                if (type(item), item.id) in new:
                    new.discard((type(item), item.id))
                    written.append(item)
            _log_creation(connection, project_id, written, by)
        return written

    def _insert(
        self, connection: Connection, kind: Kind, project_id: str, batch: list[Item]
    ) -> set[str]:
        statement = (
            self._database.insert(kind.table)
            .on_conflict_do_nothing(index_elements=["project_id", "natural_key"])
            .returning(kind.table.c.id)
        )
        rows = [kind.row(item, project_id) for item in batch]
        try:
            return set(connection.execute(statement, rows).scalars())
        except IntegrityError as error:
            raise self._refusal(kind, project_id, error) from error

    def _refusal(self, kind: Kind, project_id: str, error: IntegrityError) -> InputError:
        if "foreign key" not in str(error.orig).lower():
            return InputError(
                f"the {kind.name} has the id of another one of this project; nothing was written"
            )
        if kind.model is Judgment:
            return InputError(
                "a judgment names a query or passage that the project lacks; add those first "
                "(nothing was written)"
            )
        return NotFound(f"there is no project {project_id!r}; nothing was written")

    def items(  # noqa: PLR0913 - filters that a caller names, or not
        self,
        project_id: str,
        kind: type[T],
        *,
        status: Status | Collection[Status] | None = None,
        ids: Collection[str] | None = None,
        text: str | None = None,
        where: Mapping[str, Any] | None = None,
        concept: str | None = None,
        found: str | None = None,
        order: str = "position",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[T]:
        """Items of a kind, oldest first unless ordered otherwise, filtered in the database.

        `text` is looked for in the item's main text, whatever the letter case; `where` maps other
        columns (`stale`, `type`, `complexity`, `origin`, `grade`, `strategy`, `source`, `run_id`)
        to the value they must have; `concept` keeps the queries whose key concepts name it, and
        `found` the queries or passages about which that check found something;
        `order` is a column that may be filtered or sorted by, ties broken by age.
        """
        row = kind_of(kind)
        by = _sorted_by(row, order)
        statement = (
            select(*row.columns)
            .where(*self._filters(row, project_id, status, ids, text, where, concept, found))
            .order_by(by.desc() if descending else by, row.table.c.position)
            .offset(offset)
            .limit(limit)
        )
        return cast("list[T]", self._fetch(row, statement))

    def waiting(
        self, project_id: str, kind: type[T], order: Order, limit: int, **filters: Any
    ) -> list[T]:
        """The first items that the filters of `items` find, in the order of a reviewer's queue."""
        row = kind_of(kind)
        wanted = ("status", "ids", "text", "where", "concept", "found")
        chosen = self._filters(row, project_id, *(filters.get(name) for name in wanted))
        position = row.table.c.position
        statement = (
            select(*row.columns)
            .select_from(row.table.outerjoin(worth, worth_of(row.name, row.table)))
            .where(*chosen)
            .order_by(*terms(order, position), position)
            .limit(limit)
        )
        return cast("list[T]", self._fetch(row, statement))

    def ids(
        self,
        project_id: str,
        kind: type[Item],
        *,
        status: Status | Collection[Status] | None = None,
        text: str | None = None,
        where: Mapping[str, Any] | None = None,
        concept: str | None = None,
        found: str | None = None,
    ) -> list[str]:
        """Identifiers of the items that `items` would return, oldest first."""
        row = kind_of(kind)
        filters = self._filters(row, project_id, status, None, text, where, concept, found)
        chosen = select(row.table.c.id).where(*filters).order_by(row.table.c.position)
        with self._database.read() as connection:
            return list(connection.execute(chosen).scalars())

    def values(
        self, project_id: str, kind: type[Item], columns: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        """A few columns of all items of a kind, oldest first, where whole records take too long.

        Raises InputError for a column that the kind has not.
        """
        row = kind_of(kind)
        for name in columns:
            _known(row, name)
        chosen = select(*(row.table.c[name] for name in columns))
        ordered = chosen.where(row.table.c.project_id == project_id).order_by(row.table.c.position)
        with self._database.read() as connection:
            return [tuple(row) for row in connection.execute(ordered)]

    def count(
        self,
        project_id: str,
        kind: type[Item],
        *,
        status: Status | Collection[Status] | None = None,
        ids: Collection[str] | None = None,
        text: str | None = None,
        where: Mapping[str, Any] | None = None,
        concept: str | None = None,
        found: str | None = None,
    ) -> int:
        """How many items `items` would return with these filters and no limit."""
        row = kind_of(kind)
        filters = self._filters(row, project_id, status, ids, text, where, concept, found)
        with self._database.read() as connection:
            counted = connection.scalar(select(func.count()).select_from(row.table).where(*filters))
        return int(counted or 0)

    def get(self, kind: type[T], id: str, *, project_id: str | None = None) -> T:
        """The item of that id. Raises NotFound, and InputError if several projects have the id."""
        row = kind_of(kind)
        with self._database.read() as connection:
            _, found = stored(connection, row, id, project_id)
        return cast("T", found)

    def judgments(
        self,
        project_id: str,
        *,
        query_ids: Collection[str] | None = None,
        passage_ids: Collection[str] | None = None,
        sources: Collection[JudgmentSource] | None = None,
        withdrawn: bool = False,
    ) -> list[Judgment]:
        """Judgments of those queries, of those passages and from those sources, oldest first.

        A reviewer's grade counts from its approval on, and not once it was taken back; only
        `withdrawn` brings those that do not count as well.
        """
        filters = [judgments.c.project_id == project_id]
        if not withdrawn:
            filters.append(standing(judgments))
        if query_ids is not None:
            filters.append(self._database.one_of(judgments.c.query_id, query_ids))
        if passage_ids is not None:
            filters.append(self._database.one_of(judgments.c.passage_id, passage_ids))
        if sources is not None:
            filters.append(judgments.c.source.in_(list(sources)))
        row = kind_of(Judgment)
        statement = select(*row.columns).where(*filters).order_by(judgments.c.position)
        return cast("list[Judgment]", self._fetch(row, statement))

    def counts(self, project_id: str) -> dict[str, dict[str, int]]:
        """How many items of each kind have each status: `{"query": {"approved": 12, …}, …}`."""
        counted = {kind.name: dict.fromkeys(map(str, Status), 0) for kind in KINDS}
        per_kind = [
            select(literal(kind.name), kind.table.c.status, func.count())
            .where(kind.table.c.project_id == project_id)
            .group_by(kind.table.c.status)
            for kind in KINDS
        ]
        with self._database.read() as connection:
            for name, status, count in connection.execute(union_all(*per_kind)):
                counted[name][status] = count
        return counted

    def _filters(
        self,
        kind: Kind,
        project_id: str,
        status: Status | Collection[Status] | None,
        ids: Collection[str] | None,
        text: str | None,
        where: Mapping[str, Any] | None,
        concept: str | None,
        found: str | None = None,
    ) -> list[ColumnElement[bool]]:
        columns = kind.table.c
        filters = [columns.project_id == project_id]
        if isinstance(status, str):
            filters.append(columns.status == status)
        elif status is not None:
            filters.append(columns.status.in_(list(status)))
        if ids is not None:
            filters.append(self._database.one_of(columns.id, ids))
        if text:
            filters.append(columns[kind.text].icontains(text, autoescape=True))
        for name, value in (where or {}).items():
            _known(kind, name)
            filters.append(columns[name] == value)
        if concept:
            _known(kind, "key_concepts")
            # The list as the database holds it, as JSON: a whole term is one with its quotes.
            terms = cast_to(columns["key_concepts"], Text)
            filters.append(terms.icontains(to_json(concept), autoescape=True))
        if found:
            side = "query_id" if kind.model is Query else "passage_id"
            filters.append(fails(found, project_id, **{side: columns.id}))
        return filters

    def _fetch(self, kind: Kind, statement: Select[Any]) -> list[Item]:
        with self._database.read() as connection:
            return [kind.item(row) for row in connection.execute(statement)]


def standing(table: FromClause) -> ColumnElement[bool]:
    """Whether a judgment counts: all do but reviewers' that are not approved."""
    return (table.c.source != JudgmentSource.REVIEWER.value) | (
        table.c.status == Status.APPROVED.value
    )


def _known(kind: Kind, column: str) -> None:
    if column not in kind.table.c:
        raise InputError(f"{kind.name} items have no column {column!r} to filter by")


def _sorted_by(kind: Kind, order: str) -> ColumnElement[Any]:
    _known(kind, order)
    column = kind.table.c[order]
    if isinstance(column.type, JSON):
        raise InputError(f"{kind.name} items cannot be sorted by {order!r}")
    return func.lower(column) if isinstance(column.type, Words) else column


def stored(
    connection: Connection, kind: Kind, id: str, project_id: str | None, *, lock: bool = False
) -> tuple[str, Item]:
    """The project and the item of that id, locked against other writers if asked for."""
    owner = kind.table.c.project_id
    statement = select(owner, *kind.columns).where(kind.table.c.id == id).limit(2)
    if project_id is not None:
        statement = statement.where(owner == project_id)
    rows = connection.execute(statement.with_for_update() if lock else statement).all()
    if not rows:
        raise NotFound(f"there is no {kind.name} {id!r}")
    if len(rows) > 1:
        raise InputError(f"several projects have a {kind.name} {id!r}; say which project is meant")
    return rows[0][0], kind.item(rows[0][1:])


def _log_creation(
    connection: Connection, project_id: str, written: list[Item], by: str | None
) -> None:
    group = new_id("g")
    log(
        connection,
        project_id,
        [
            ReviewEvent(
                id=new_id("e"),
                item_kind=kind_of(type(item)).name,
                item_id=item.id,
                who=by or item.provenance.editor or item.provenance.source,
                action="add" if by else "create",
                old={"status": Status.REJECTED.value} if by else {},
                new={"status": item.status.value},
                group=group,
            )
            for item in written
            if by or item.status != Status.PROPOSED or item.provenance.source == "reviewer"
        ],
    )


def known_project(connection: Connection, project_id: str) -> None:
    """Raises NotFound for an unknown project."""
    if connection.scalar(select(projects.c.id).where(projects.c.id == project_id)) is None:
        raise NotFound(f"there is no project {project_id!r}")
