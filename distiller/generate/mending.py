"""What could be mended of what the checks found, and how: decided before anything is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from distiller.quality import CHECKS, Mend, Severity
from distiller.schema.base import LEFT_OUT, Item, Status
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import (
    POSITIVE_GRADE,
    Judgment,
    JudgmentSource,
    Passage,
    Query,
)
from distiller.schema.quality import Finding
from distiller.store import Store

PURE = (Mend.RELABEL, Mend.MERGE)
"""These need no language model."""
REASON = "repair: "
"""What the reasons of all repairs begin with, so that attempts can be counted."""


@dataclass(frozen=True)
class Fix:
    """One repair: of which finding, by which means, on which item."""

    finding: Finding
    mend: Mend
    item: Query | Passage
    """What is changed, or replaced."""
    query: Query | None = None
    """The query beside which it stands, where that matters."""
    label: Judgment | None = None
    """The writer's grade for the pair."""
    other: Query | Passage | None = None
    """What it is merged into; for a query, the passage that answers it."""
    grade: int | None = None
    """The judge's."""

    @property
    def pure(self) -> bool:
        """Whether it needs no language model."""
        return self.mend in PURE

    @property
    def reason(self) -> str:
        """What the events of the repair give as their reason."""
        return f"{REASON}{CHECKS[self.finding.check].title.lower()}"

    @property
    def old(self) -> str:
        """The text as it is."""
        return self.item.query if isinstance(self.item, Query) else self.item.text

    @property
    def words(self) -> str:
        """What would be done, for people."""
        match self.mend:
            case Mend.RELABEL:
                return f"The passage counts as an answer, with the judge's grade {self.grade}."
            case Mend.MERGE:
                assert self.other is not None
                kept = self.other.query if isinstance(self.other, Query) else self.other.text
                return f"It is rejected, and what was judged of it goes to “{kept[:120]}”."
            case Mend.REPLACE_NEGATIVE:
                return "It stands beside this query no more, and another negative is written."
            case Mend.REWRITE_QUERY:
                return "A model writes the query anew; all its passages are judged again."
            case Mend.REWRITE_PASSAGE:
                return "A model writes the passage anew; it is judged again."


@dataclass
class Planned:
    """What can be mended, and why other findings are left alone."""

    fixes: list[Fix]
    skipped: dict[str, int]
    """Reason → findings."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "repairs": [
                {
                    **fix.finding.model_dump(mode="json", exclude={"created"}),
                    "mend": fix.mend.value,
                    "needs_model": not fix.pure,
                    "old": fix.old,
                    "words": fix.words,
                }
                for fix in self.fixes
            ],
            "skipped": self.skipped,
        }


def planned(
    store: Store,
    project: Project,
    *,
    checks: Collection[str] | None = None,
    targets: Collection[str] = (),
    attempts: int = 2,
) -> Planned:
    """The repairs for what the last run of the checks found; nothing is changed.

    Args:
        store: Where the findings stand.
        project: Whose data to mend.
        checks: Names of checks; None means all but those that are mere hints.
        targets: Queries and passages, by id, that it is about; none means all.
        attempts: How often one item is mended at most, over all runs.

    Raises:
        InputError: There is no such check, or nothing mends what it finds.
    """
    names = _named(checks)
    findings = store.findings(project.id, checks=names)
    if targets:
        wanted = set(targets)
        findings = [f for f in findings if f.item_id in wanted or f.query_id in wanted]
    planner = _Planner(store, project, findings, attempts)
    return planner.plan(findings)


def _named(checks: Collection[str] | None) -> list[str]:
    if checks is None:
        return [
            name
            for name, check in CHECKS.items()
            if check.mend is not None and check.severity is not Severity.HINT
        ]
    mendable = [name for name, check in CHECKS.items() if check.mend is not None]
    for name in checks:
        if name not in mendable:
            raise InputError(f"nothing mends {name!r}; what can be mended: {', '.join(mendable)}")
    return list(checks)


def is_document(passage: Passage) -> bool:
    """Whether a passage stands in a team's own document, which nobody rewrites."""
    return passage.provenance.source == "corpus"


def tried(attempts: int) -> str:
    """Why a finding is left alone that repairs did not help."""
    return f"tried {attempts} {'time' if attempts == 1 else 'times'}, and still wrong"


def key_of(item: Query | Passage, check: str) -> str:
    """What a repair that failed is kept under."""
    return f"{item.id}/{check}"


class _Left(Exception):
    """Why a finding is left alone."""


_GONE = "gone since"
_DOCUMENT = "a team's own document"


class _Planner:
    """Looks up what findings are about, all at once."""

    def __init__(
        self, store: Store, project: Project, findings: Iterable[Finding], attempts: int
    ) -> None:
        self.store, self.project, self.attempts = store, project, attempts
        findings = list(findings)
        self.failures = {f.key: f.attempts for f in store.failures(project.id, "repair")}
        query_ids = {f.query_id for f in findings if f.query_id}
        query_ids |= {f.other for f in findings if f.item_kind == "query" and f.other}
        passage_ids = {f.item_id for f in findings if f.item_kind == "passage"}
        passage_ids |= {f.other for f in findings if f.item_kind == "passage" and f.other}
        self.labels: dict[str, list[Judgment]] = defaultdict(list)
        judgments = store.judgments(project.id, query_ids=query_ids)
        judgments += store.judgments(project.id, passage_ids=passage_ids)
        for judgment in {judgment.id: judgment for judgment in judgments}.values():
            self.labels[judgment.passage_id].append(judgment)
            query_ids.add(judgment.query_id)
            passage_ids.add(judgment.passage_id)
        self.queries = {q.id: q for q in store.items(project.id, Query, ids=query_ids)}
        self.passages = {p.id: p for p in store.items(project.id, Passage, ids=passage_ids)}

    def plan(self, findings: Iterable[Finding]) -> Planned:
        """One fix for each item at most: what mends it changes what else was found about it."""
        done: set[tuple[str, str, str]] = set()
        plan = Planned([], defaultdict(int))
        for finding in findings:
            try:
                fix = self._fix(finding)
            except _Left as left:
                plan.skipped[str(left)] += 1
                continue
            beside = finding.query_id if fix.mend in (Mend.RELABEL, Mend.REPLACE_NEGATIVE) else ""
            key = type(fix.item).__name__, fix.item.id, beside
            if key not in done and (*key[:2], "") not in done:
                done.add(key)
                plan.fixes.append(fix)
        return plan

    def _fix(self, finding: Finding) -> Fix:
        item = self._item(finding.item_kind, finding.item_id)
        mend = CHECKS[finding.check].mend
        assert mend is not None, "only checks that something mends are asked for"
        if self._graded(finding, item):
            raise _Left("a reviewer has decided")
        self._may_change(item, finding.check)
        if mend is Mend.MERGE:
            return self._merge(finding, item)
        if isinstance(item, Query):
            return Fix(finding, mend, item, query=item, other=self._answer(item))
        query = self.queries.get(finding.query_id) or self._query_of(finding)
        label = self._label(query.id, item.id) if query else None
        if mend is Mend.REWRITE_PASSAGE:
            return self._anew(finding, item, query, label)
        if query is None or label is None:
            raise _Left(_GONE)
        given = self._label(query.id, item.id, JudgmentSource.JUDGE)
        if mend is Mend.RELABEL and given is None:
            raise _Left(_GONE)
        return Fix(finding, mend, item, query, label, grade=given.grade if given else None)

    def _item(self, kind: str, id_: str) -> Query | Passage:
        item: Query | Passage | None = (
            self.queries.get(id_) if kind == "query" else self.passages.get(id_)
        )
        if item is None or item.status in LEFT_OUT:
            raise _Left(_GONE)
        return item

    def _may_change(self, item: Query | Passage, check: str) -> None:
        if item.status is Status.APPROVED:
            raise _Left("a reviewer has decided")
        failed = self.failures.get(key_of(item, check), 0)
        if self._mended(item) + failed >= self.attempts:
            raise _Left(tried(self.attempts))

    def _anew(
        self, finding: Finding, item: Passage, query: Query | None, label: Judgment | None
    ) -> Fix:
        if not is_document(item):
            return Fix(finding, Mend.REWRITE_PASSAGE, item, query, label)
        # A document says what it says; what asks for it can be written anew.
        if finding.check != "positives_confirmed" or query is None:
            raise _Left(_DOCUMENT)
        self._may_change(query, finding.check)
        return Fix(finding, Mend.REWRITE_QUERY, query, query, label, other=item)

    def _merge(self, finding: Finding, item: Query | Passage) -> Fix:
        other = self._item(finding.item_kind, finding.other)
        if isinstance(item, Passage):
            if is_document(item):
                raise _Left(_DOCUMENT)
            if self._contrary(item.id, other.id):
                raise _Left("an answer here and no answer there")
        return Fix(finding, Mend.MERGE, item, other=other)

    def _contrary(self, one: str, two: str) -> bool:
        """Whether a query has one of two passages as its answer and the other as none."""
        sides: dict[str, set[bool]] = defaultdict(set)
        for id_ in (one, two):
            for judgment in self.labels[id_]:
                if judgment.source is JudgmentSource.GENERATOR:
                    sides[judgment.query_id].add(judgment.grade >= POSITIVE_GRADE)
        return any(len(found) > 1 for found in sides.values())

    def _label(
        self, query_id: str, passage_id: str, source: JudgmentSource = JudgmentSource.GENERATOR
    ) -> Judgment | None:
        return next(
            (j for j in self.labels[passage_id] if j.query_id == query_id and j.source is source),
            None,
        )

    def _query_of(self, finding: Finding) -> Query | None:
        """The query that a passage was written for: the first that it answers, else the first."""
        if finding.item_kind == "query":
            return None
        ordered = sorted(self.labels[finding.item_id], key=lambda j: -j.grade)
        return next((self.queries[j.query_id] for j in ordered if j.query_id in self.queries), None)

    def _answer(self, query: Query) -> Passage | None:
        """The passage that answers a query, so that it is asked for what there is."""
        best: tuple[int, Passage] | None = None
        for id_, judgments in self.labels.items():
            for judgment in judgments:
                answers = judgment.query_id == query.id and judgment.grade >= POSITIVE_GRADE
                if answers and (best is None or judgment.grade > best[0]):
                    best = judgment.grade, self.passages[id_]
        return best[1] if best else None

    def _graded(self, finding: Finding, item: Item) -> bool:
        return isinstance(item, Passage) and any(
            judgment.source is JudgmentSource.REVIEWER
            for judgment in self.labels[item.id]
            if not finding.query_id or judgment.query_id == finding.query_id
        )

    def _mended(self, item: Item) -> int:
        """How often an item was mended before; what a reviewer took back counts too."""
        if item.version == 1:
            return 0
        history = self.store.events(self.project.id, item.id)
        return sum(e.action == "edit" and e.reason.startswith(REASON) for e in history)
