"""Grades that reviewers give: each is a step that can be taken back, the first one too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from distiller.schema.base import Item, Provenance, Status, new_id
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.examples import Judgment, JudgmentSource, Strategy
from distiller.schema.review import ReviewEvent
from distiller.store.database import Database
from distiller.store.found import forget
from distiller.store.kinds import kind_of
from distiller.store.log import log
from distiller.store.tables import judgments

_Pair = tuple[str, str]
_FIELDS = ("status", "stale", "grade", "explanation", "provenance")


@dataclass(frozen=True)
class Given:
    """A grade for a pair."""

    query_id: str
    passage_id: str
    grade: int
    strategy: Strategy = Strategy.STANDARD
    explanation: str = ""
    read: int | None = None
    """Version of the reviewer's judgment that was seen, 0 where there was none; None if unseen."""


class Grades:
    """Reviewers' grades. A pair has one at a time; who gives another one edits it."""

    _database: Database

    def grade(
        self,
        project_id: str,
        given: Sequence[Given],
        *,
        who: str,
        seconds: float | None = None,
        unchanged: Iterable[Item] = (),
    ) -> str:
        """Give grades as one step; returns the group of the events, for `undo`.

        A first grade is written as proposed, which counts nowhere, and approved by the step: so
        taking the step back leaves the pair as if it never had a grade. `seconds` is for all
        together; `unchanged` are items that must be as they were read.

        Raises:
            Conflict: Somebody graded a pair, or changed one of the items, since it was read;
                nothing is written.
            InputError: A pair twice, a grade outside 0 to 3, or a query or passage that the
                project lacks.
        """
        wanted = {(one.query_id, one.passage_id): one for one in given}
        if not wanted or len(wanted) != len(given):
            raise InputError("no pair to grade, or one of them twice; grade each once")
        if any(one.grade not in range(4) for one in given):
            raise InputError("a grade is 0, 1, 2 or 3")
        with self._database.write() as connection:
            self._check(connection, project_id, unchanged)
            present = self._present(connection, project_id, wanted)
            for pair, one in wanted.items():
                _check_read(one, present.get(pair))
            new = [_first(one, who) for pair, one in wanted.items() if pair not in present]
            self._add(connection, project_id, new, who)
            before = present | {(item.query_id, item.passage_id): item for item in new}
            steps = [(before[pair], _after(before[pair], one, who)) for pair, one in wanted.items()]
            self._write(connection, project_id, [after for _, after in steps])
            graded = [after for _, after in steps]
            forget(self._database, connection, project_id, "judgment", graded)
            group = new_id("g")
            each = None if seconds is None else seconds / len(steps)
            events = [_event(old, after, who, group, each) for old, after in steps]
            log(connection, project_id, events)
        return group

    def _check(self, connection: Connection, project_id: str, items: Iterable[Item]) -> None:
        for item in items:
            kind = kind_of(type(item))
            columns = kind.table.c
            version = connection.scalar(
                select(columns.version).where(
                    columns.project_id == project_id, columns.id == item.id
                )
            )
            if version is None:
                raise NotFound(f"there is no {kind.name} {item.id!r} in the project")
            if version != item.version:
                raise Conflict(
                    f"{kind.name} {item.id!r} was changed since it was read; look at it again"
                )

    def _present(
        self, connection: Connection, project_id: str, pairs: Collection[_Pair]
    ) -> dict[_Pair, Judgment]:
        kind = kind_of(Judgment)
        chosen = select(*kind.columns).where(
            judgments.c.project_id == project_id,
            judgments.c.source == JudgmentSource.REVIEWER.value,
            self._database.one_of(judgments.c.passage_id, {passage for _, passage in pairs}),
        )
        found: dict[_Pair, Judgment] = {}
        for row in connection.execute(chosen.with_for_update()):
            item = kind.item(row)
            assert isinstance(item, Judgment)
            if (item.query_id, item.passage_id) in pairs:
                found[item.query_id, item.passage_id] = item
        return found

    def _add(
        self, connection: Connection, project_id: str, new: Sequence[Judgment], who: str
    ) -> None:
        if not new:
            return
        kind = kind_of(Judgment)
        connection.execute(judgments.insert(), [kind.row(item, project_id) for item in new])
        group = new_id("g")
        created = [
            ReviewEvent(
                id=new_id("e"),
                item_kind=kind.name,
                item_id=item.id,
                who=who,
                action="create",
                new={"status": item.status.value},
                group=group,
            )
            for item in new
        ]
        log(connection, project_id, created)

    def _write(self, connection: Connection, project_id: str, items: Iterable[Judgment]) -> None:
        kind = kind_of(Judgment)
        names = ("version", *_FIELDS)
        statement = (
            update(judgments)
            .where(judgments.c.project_id == project_id, judgments.c.id == bindparam("this_id"))
            .values({name: bindparam(f"new_{name}") for name in names})
        )
        rows = [kind.row(item, project_id) for item in items]
        connection.execute(
            statement,
            [{"this_id": row["id"], **{f"new_{n}": row[n] for n in names}} for row in rows],
        )


def _check_read(one: Given, stored: Judgment | None) -> None:
    """What counts is what the reviewer saw: a grade that was taken back is none."""
    if one.read is None:
        return
    seen = stored.version if stored and stored.status is Status.APPROVED else 0
    if seen != one.read:
        raise Conflict(
            "somebody else graded this passage since it was read; look at it again and decide then"
        )


def _first(one: Given, who: str) -> Judgment:
    return Judgment(
        id=new_id("j"),
        query_id=one.query_id,
        passage_id=one.passage_id,
        grade=one.grade,
        strategy=one.strategy,
        source=JudgmentSource.REVIEWER,
        provenance=Provenance(source="reviewer", editor=who),
    )


def _after(before: Judgment, one: Given, who: str) -> Judgment:
    return before.model_copy(
        update={
            "status": Status.APPROVED,
            "stale": False,
            "grade": one.grade,
            "explanation": one.explanation,
            "provenance": before.provenance.model_copy(update={"editor": who}),
            "version": before.version + 1,
        }
    )


def _event(
    old: Judgment, new: Judgment, who: str, group: str, seconds: float | None
) -> ReviewEvent:
    """Status and grade always stand in it, so that history and agreement can read each grade."""
    before: Mapping[str, object] = old.model_dump(mode="json")
    after: Mapping[str, object] = new.model_dump(mode="json")
    changed = [
        name for name in _FIELDS if name in {"status", "grade"} or before[name] != after[name]
    ]
    return ReviewEvent(
        id=new_id("e"),
        item_kind="judgment",
        item_id=new.id,
        who=who,
        action="grade",
        old={name: before[name] for name in changed},
        new={name: after[name] for name in changed},
        reason=new.explanation,
        seconds=seconds,
        group=group,
    )
