"""Pairs of query and passage, as a reviewer goes through them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, and_, case, exists, func, or_, select

from distiller.schema.base import LEFT_OUT, Status
from distiller.schema.examples import POSITIVE_GRADE, JudgmentSource, Strategy
from distiller.store.database import Database
from distiller.store.found import fails
from distiller.store.items import standing
from distiller.store.order import BY_VALUE, By, Order, terms, worth_of
from distiller.store.tables import judgments, passages, queries, worth

_GENERATOR, _JUDGE, _REVIEWER = (
    JudgmentSource.GENERATOR.value,
    JudgmentSource.JUDGE.value,
    JudgmentSource.REVIEWER.value,
)


@dataclass(frozen=True)
class PairFilter:
    """What a reviewer narrowed the pairs down to; None and the empty text mean all.

    Pairs of rejected queries are left out unless that status is asked for.
    """

    strategy: Strategy | None = None
    positive: bool | None = None
    """Whether the passage was written to answer the query."""
    decided: bool | None = None
    disagrees: bool = False
    """Only where the judge contradicts the writer: likely false negatives, doubtful positives."""
    text: str = ""
    """Words in the query."""
    query_id: str | None = None
    query_status: Status | None = None
    passage_status: Status | None = None
    check: str | None = None
    """Only passages about which this check found something, beside this query or any."""


@dataclass(frozen=True)
class PairRow:
    """One pair: the judgment that stands for it, and what the sources say."""

    id: str
    """Of its anchor: the writer's judgment; without one the judge's, else the reviewer's."""
    query_id: str
    passage_id: str
    strategy: str
    decided: bool
    generator: int | None
    judge: int | None
    reviewer: int | None
    reviewer_version: int
    """0 where no reviewer's grade counts."""
    passage_version: int


class Pairs:
    """Find and count pairs. `anchor` is the judgment that stands for its pair."""

    _database: Database

    def pairs(
        self,
        project_id: str,
        wanted: PairFilter,
        *,
        suspects_first: bool = True,
        anchors: Collection[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[PairRow]:
        """Pairs that the filter finds: those that the judge contradicts first, then by age."""
        view = _View(project_id)
        order: list[ColumnElement[Any]] = [case((view.suspect(), 0), else_=1)]
        chosen = view.select(*view.columns(), wanted=wanted)
        if anchors is not None:
            chosen = chosen.where(self._database.one_of(view.anchor.c.id, anchors))
        chosen = chosen.order_by(*(order if suspects_first else []), view.anchor.c.position)
        with self._database.read() as connection:
            rows = connection.execute(chosen.limit(limit).offset(offset)).all()
        return [_pair(row) for row in rows]

    def next_pairs(
        self, project_id: str, wanted: PairFilter, limit: int, order: Order = BY_VALUE
    ) -> tuple[list[PairRow], int, int]:
        """The first pairs that wait, how many wait, and how many the filter finds in all.

        One look at all pairs answers the three: each look takes long where there are many.
        """
        view = _View(project_id, valued=order.by is By.VALUE)
        waits = case((view.decided(), 0), else_=1)
        left, total = func.sum(waits).over().label("left"), func.count().over().label("total")
        chosen = view.select(*view.columns(), left, total, wanted=wanted)
        by: list[ColumnElement[Any]] = [waits.desc(), *terms(order, view.anchor.c.position)]
        if order.by is By.VALUE:  # also where nobody has run the checks yet
            by.append(case((view.suspect(), 0), else_=1))
        with self._database.read() as connection:
            rows = connection.execute(
                chosen.order_by(*by, view.anchor.c.position).limit(limit)
            ).all()
        if not rows:
            return [], 0, 0
        waiting = [_pair(row) for row in rows if not row.decided]
        return waiting, int(rows[0].left), int(rows[0].total)

    def count_pairs(self, project_id: str, wanted: PairFilter) -> int:
        """How many pairs the filter finds."""
        view = _View(project_id)
        with self._database.read() as connection:
            return int(connection.scalar(view.select(func.count(), wanted=wanted)) or 0)


def _pair(row: Row[Any]) -> PairRow:
    return PairRow(
        id=row.id,
        query_id=row.query_id,
        passage_id=row.passage_id,
        strategy=row.strategy,
        decided=bool(row.decided),
        generator=row.grade if row.source == _GENERATOR else None,
        judge=row.judge,
        reviewer=row.reviewer,
        reviewer_version=row.reviewer_version or 0,
        passage_version=row.passage_version,
    )


class _View:
    """Judgments that stand for a pair, joined with what is known of the pair."""

    def __init__(self, project_id: str, *, valued: bool = False) -> None:
        self.project_id = project_id
        self.valued = valued
        self.anchor = judgments.alias("anchor")
        self.judge = judgments.alias("judge")
        self.reviewer = judgments.alias("reviewer")

    def columns(self) -> list[ColumnElement[Any]]:
        a, j, r = self.anchor.c, self.judge.c, self.reviewer.c
        return [
            a.id, a.query_id, a.passage_id, a.strategy, a.source, a.grade,
            j.grade.label("judge"), r.grade.label("reviewer"),
            r.version.label("reviewer_version"), passages.c.version.label("passage_version"), self.decided().label("decided"),
        ]  # fmt: skip

    def select(self, *columns: ColumnElement[Any], wanted: PairFilter) -> Select[Any]:
        a, q, p = self.anchor.c, queries.c, passages.c
        source = (
            self.anchor.join(queries, and_(q.id == a.query_id, q.project_id == a.project_id))
            .join(passages, and_(p.id == a.passage_id, p.project_id == a.project_id))
            .outerjoin(self.judge, self._same(self.judge, _JUDGE) & self.judge.c.stale.is_(False))
            .outerjoin(
                self.reviewer, self._same(self.reviewer, _REVIEWER) & standing(self.reviewer)
            )
        )
        if self.valued:  # not otherwise: of many pairs, a third of the time goes into it
            source = source.outerjoin(worth, worth_of("judgment", self.anchor))
        filters = [
            a.project_id == self.project_id,
            self._stands_for_its_pair(),
            # What a later round of mining put others in the place of, unless somebody graded it.
            or_(
                a.stale.is_(False),
                a.strategy != Strategy.MINED.value,
                self.reviewer.c.id.is_not(None),
            ),
        ]
        return select(*columns).select_from(source).where(*filters, *self._narrowed(wanted))

    def decided(self) -> ColumnElement[bool]:
        """Graded by a reviewer since the last change, or the passage or the pair decided about."""
        a, p, r = self.anchor.c, passages.c, self.reviewer.c
        agreed = or_(p.status == Status.APPROVED.value, a.status != Status.PROPOSED.value)
        return or_(
            p.status.in_(sorted(LEFT_OUT)),
            and_(r.id.is_not(None), r.stale.is_(False)),
            and_(a.stale.is_(False), a.source != _REVIEWER, agreed),
        )

    def suspect(self) -> ColumnElement[bool]:
        """The judge says that a negative answers, or that a positive does not."""
        a, j = self.anchor.c, self.judge.c
        positive = a.grade >= POSITIVE_GRADE
        return and_(
            a.source == _GENERATOR, j.id.is_not(None), positive != (j.grade >= POSITIVE_GRADE)
        )

    def _same(self, other: FromClause, source: str) -> ColumnElement[bool]:
        a, b = self.anchor.c, other.c
        return and_(
            b.project_id == a.project_id,
            b.passage_id == a.passage_id,
            b.query_id == a.query_id,
            b.source == source,
        )

    def _stands_for_its_pair(self) -> ColumnElement[bool]:
        def lacks(*sources: str) -> ColumnElement[bool]:
            rival = judgments.alias("rival")
            found = (
                exists(select(1).select_from(rival).where(self._same(rival, source)))
                for source in sources
            )
            return and_(*(~one for one in found))

        a = self.anchor.c
        return or_(
            a.source == _GENERATOR,
            and_(a.source == _JUDGE, lacks(_GENERATOR)),
            and_(a.source == _REVIEWER, lacks(_GENERATOR, _JUDGE)),
        )

    def _narrowed(self, wanted: PairFilter) -> list[ColumnElement[bool]]:
        a, q, p = self.anchor.c, queries.c, passages.c
        filters = [
            q.status == wanted.query_status.value
            if wanted.query_status
            else q.status != Status.REJECTED.value
        ]
        if wanted.strategy:
            filters.append(a.strategy == wanted.strategy.value)
        if wanted.positive is not None:
            positive = a.grade >= POSITIVE_GRADE
            filters += [a.source == _GENERATOR, positive if wanted.positive else ~positive]
        if wanted.decided is not None:
            filters.append(self.decided() if wanted.decided else ~self.decided())
        if wanted.disagrees:
            filters.append(self.suspect())
        if wanted.text:
            filters.append(q.query.icontains(wanted.text, autoescape=True))
        if wanted.query_id:
            filters.append(a.query_id == wanted.query_id)
        if wanted.check:
            filters.append(
                fails(wanted.check, self.project_id, query_id=a.query_id, passage_id=a.passage_id)
            )
        if wanted.passage_status:
            filters.append(p.status == wanted.passage_status.value)
        return filters
