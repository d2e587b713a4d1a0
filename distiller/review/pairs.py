"""One query with one passage after the other: which pair is next, and what is said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from distiller.review.decisions import Undone, decide
from distiller.schema.base import Status
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.examples import (
    POSITIVE_GRADE,
    Judgment,
    JudgmentSource,
    Passage,
    Query,
    Strategy,
)
from distiller.store import BY_VALUE, By, Given, Order, PairFilter, PairRow, Store

GRADES: Mapping[int, str] = MappingProxyType(
    {0: "does not answer", 1: "on topic only", 2: "answers partly", 3: "answers fully"}
)
"""What a reviewer can say of a passage, beside a query."""
FULLY = 3
MAX_POSITIVES = 3
_ALL = PairFilter()


@dataclass(frozen=True)
class PairCard:
    """The pair to decide about, with what helps to decide."""

    row: PairRow
    query: Query
    passage: Passage
    judgments: Mapping[JudgmentSource, Judgment]
    positives: Sequence[tuple[Passage, int]]
    """Other passages that answer the query, with their grades, best first."""
    left: int = 0
    """Pairs that wait, this one included, those that were skipped too."""
    total: int = 0
    """Pairs that the filter finds, whatever was decided about them."""
    reason: str = ""
    """Why it comes now, where the order is by value; it may tell what the judge said."""

    @property
    def written(self) -> Judgment | None:
        """What the passage was written, imported or mined as."""
        return self.judgments.get(JudgmentSource.GENERATOR)

    @property
    def judged(self) -> Judgment | None:
        """What the judge says; nothing where the texts were changed since."""
        given = self.judgments.get(JudgmentSource.JUDGE)
        return None if given is None or given.stale else given

    @property
    def graded(self) -> Judgment | None:
        """What a reviewer says."""
        return self.judgments.get(JudgmentSource.REVIEWER)


def pair_queue(
    store: Store,
    project_id: str,
    wanted: PairFilter,
    *,
    skip: Collection[str] = (),
    order: Order = BY_VALUE,
) -> PairCard | None:
    """The pair that waits next; None where all are decided.

    By value, pairs come first of which the checks say that a look is worth most, then those that
    the judge contradicts (likely false negatives), then the oldest. A
    filter for decided pairs goes through those instead. Skipped ones come last, in the order in
    which they were skipped, so that nothing is skipped for good.
    """
    deep = len(skip) + 1  # of one more than were skipped, at least one was not
    if wanted.decided:
        head = store.pairs(project_id, wanted, limit=deep)
        left = total = store.count_pairs(project_id, wanted) if head else 0
    else:
        head, left, total = store.next_pairs(project_id, replace(wanted, decided=None), deep, order)
    if not head:
        return None
    row = next((row for row in head if row.id not in skip), None)
    if row is None:
        known = {row.id: row for row in head}
        row = next(known[id_] for id_ in skip if id_ in known)
    worth = store.worth(project_id, "judgment", row.id) if order.by is By.VALUE else None
    reason = worth.reason if worth else ""
    return replace(_card(store, project_id, row), left=left, total=total, reason=reason)


def pair_card(store: Store, project_id: str, judgment_id: str) -> PairCard:
    """The pair that a judgment is about, whatever was decided about it.

    Raises:
        NotFound: The project has no such judgment.
    """
    judgment = store.get(Judgment, judgment_id, project_id=project_id)
    row = _row_of(store, project_id, judgment.query_id, judgment.passage_id)
    if row is None:
        raise NotFound(f"there is no pair for the judgment {judgment_id!r}")
    return _card(store, project_id, row)


def give_grade(
    store: Store,
    project_id: str,
    card: PairCard,
    grade: int,
    *,
    who: str,
    reason: str = "",
    seconds: float | None = None,
) -> str:
    """Grade a pair as it was read; returns the group of events, for `Store.undo`.

    Raises:
        InputError: A grade outside 0 to 3.
        Conflict: Somebody graded it, or changed a text, since it was read; nothing is written.
    """
    given = Given(
        query_id=card.query.id,
        passage_id=card.passage.id,
        grade=grade,
        strategy=Strategy(card.row.strategy),
        explanation=reason,
        read=card.row.reviewer_version,
    )
    unchanged = [card.query, card.passage]
    return store.grade(project_id, [given], who=who, seconds=seconds, unchanged=unchanged)


def reject_passage(
    store: Store,
    project_id: str,
    card: PairCard,
    *,
    who: str,
    reason: str = "",
    seconds: float | None = None,
) -> str:
    """Take a passage out of the data, for every query; returns the group of events.

    Raises:
        Conflict: Somebody changed the passage since it was read; nothing is written.
    """
    return decide(
        store, project_id, card.passage, "reject", who=who, reason=reason, seconds=seconds
    )


def decide_pairs(
    store: Store,
    project_id: str,
    rows: Iterable[PairRow],
    action: str,
    *,
    who: str,
    reason: str = "",
) -> str:
    """Decide about pairs as they were read, as one step; returns the group of events.

    `agree` gives each the grade that it was written as; `reject` takes the passages out.

    Raises:
        InputError: An action that does not exist, or a pair that nobody wrote as anything.
        Conflict: Somebody graded one of them since; nothing is written.
    """
    rows = list(rows)
    if action not in ("agree", "reject"):
        raise InputError(f"no decision is called {action!r}; there are agree, reject")
    found = {row.id: row for row in store.pairs(project_id, _ALL, anchors={r.id for r in rows})}
    if any(row.id not in found or found[row.id] != row for row in rows):
        raise Conflict(
            "somebody changed or decided about one of these passages since they were shown; "
            "nothing was written; look again and repeat"
        )
    if action == "reject":
        ids = {row.passage_id for row in rows}
        return store.set_status(project_id, Passage, ids, Status.REJECTED, who=who, reason=reason)
    return store.grade(project_id, [_agreeing(row, reason) for row in rows], who=who)


def decide_all_pairs(
    store: Store,
    project_id: str,
    wanted: PairFilter,
    action: str,
    *,
    who: str,
    expected: int,
    reason: str = "",
) -> str:
    """Decide about all pairs that a filter finds, as one step; see `decide_pairs`.

    Raises:
        InputError: An action that does not exist, or nothing that the filter finds.
        Conflict: The filter finds another number of pairs than the reviewer was told.
    """
    rows = store.pairs(project_id, wanted, suspects_first=False)
    if len(rows) != expected:
        raise Conflict(
            f"the filter finds {len(rows):,} passages now, not {expected:,}; look again and repeat"
        )
    if not rows:
        raise InputError("the filter finds no passage; change it and repeat")
    return decide_pairs(store, project_id, rows, action, who=who, reason=reason)


def pair_after(store: Store, project_id: str, undone: Undone) -> str | None:
    """The pair to show again after a step was taken back; None where it was about many or none."""
    events = store.events(project_id, group=undone.step.group)
    about = {(event.item_kind, event.item_id) for event in events if event.action != "stale"}
    if len(about) != 1:
        return None
    kind, id_ = about.pop()
    if kind == "judgment":
        return id_
    if kind == "passage":
        found = store.judgments(project_id, passage_ids=[id_])
        return found[0].id if found else None
    return None


def _agreeing(row: PairRow, reason: str) -> Given:
    if row.generator is None:
        raise InputError(
            "a pair of the selection was written as nothing that one could agree with; "
            "grade it by itself"
        )
    return Given(
        query_id=row.query_id,
        passage_id=row.passage_id,
        grade=row.generator,
        strategy=Strategy(row.strategy),
        explanation=reason,
        read=row.reviewer_version,
    )


def _row_of(store: Store, project_id: str, query_id: str, passage_id: str) -> PairRow | None:
    status = store.get(Query, query_id, project_id=project_id).status
    wanted = PairFilter(query_id=query_id, query_status=status)
    rows = store.pairs(project_id, wanted)
    return next((row for row in rows if row.passage_id == passage_id), None)


def _card(store: Store, project_id: str, row: PairRow) -> PairCard:
    judgments = store.judgments(project_id, query_ids=[row.query_id])
    own = {given.source: given for given in judgments if given.passage_id == row.passage_id}
    grades = _answering(judgments, row.passage_id)
    ids = {row.passage_id, *grades}
    passages = {item.id: item for item in store.items(project_id, Passage, ids=ids)}
    positives = [
        (passages[id_], grade)
        for id_, grade in sorted(grades.items(), key=lambda pair: -pair[1])
        if passages[id_].status is not Status.REJECTED
    ]
    return PairCard(
        row=row,
        query=store.get(Query, row.query_id, project_id=project_id),
        passage=passages[row.passage_id],
        judgments=own,
        positives=positives[:MAX_POSITIVES],
    )


def _answering(judgments: Iterable[Judgment], but: str) -> dict[str, int]:
    """Passages that answer, by the reviewer's word, else the writer's; never by the judge's.

    What a model says is not to be read off a card before the reviewer has decided.
    """
    grades: dict[str, int] = {}
    sources = (JudgmentSource.GENERATOR, JudgmentSource.REVIEWER)
    for source in sources:
        for given in judgments:
            if given.source is source and given.passage_id != but:
                grades[given.passage_id] = given.grade
    return {id_: grade for id_, grade in grades.items() if grade >= POSITIVE_GRADE}
