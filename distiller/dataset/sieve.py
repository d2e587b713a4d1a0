"""What findings change in the data that is trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from distiller.quality import CHECKS, Check, Pair, Severity
from distiller.schema.base import Status
from distiller.schema.examples import JudgmentSource, Query
from distiller.schema.quality import Finding

Mode = Literal["off", "weight", "exclude"]
FACTORS = {Severity.SERIOUS: 0.25, Severity.DOUBTFUL: 0.5, Severity.HINT: 1.0}
"""What each failed check leaves of an example's weight."""
LEAST = 0.1


class Sieve:
    """Lets examples through, with less weight or not at all, by what checks found about them.

    A reviewer's decision counts more than a check: what is found about a query or passage that
    they approved, or a pair that they graded, changes nothing. A negative that fails seriously is
    left out in either mode, for other passages stand in for it in training; the loss of a query is
    final, and on small data weighs more than its faults.
    """

    def __init__(self, findings: Iterable[Finding], mode: Mode) -> None:
        self.mode = mode
        self._of_query: dict[str, list[Check]] = defaultdict(list)
        self._of_passage: dict[tuple[str, str], list[Check]] = defaultdict(list)
        for finding in findings:
            check = CHECKS[finding.check]
            if check.settled or check.severity is Severity.HINT:
                continue
            if finding.item_kind == "query":
                self._of_query[finding.item_id].append(check)
            elif finding.item_kind == "passage":
                self._of_passage[finding.item_id, finding.query_id].append(check)

    def query_reason(self, query: Query) -> str | None:
        """Why a query is left out, if it is."""
        failed = self._failed_by_query(query)
        return f"query_failed_{failed[0].name}" if failed and self.mode == "exclude" else None

    def pair_reason(self, pair: Pair) -> str | None:
        """Why a pair is left out, if it is."""
        if self.mode == "exclude" and _doubted(pair):
            return f"passage_{pair.disagreement}"
        for check in self._failed_by_pair(pair):
            serious = check.severity is Severity.SERIOUS and not pair.taught
            if self.mode == "exclude" or (self.mode == "weight" and serious):
                return f"passage_failed_{check.name}"
        return None

    def weight(self, query: Query, pairs: Sequence[Pair]) -> float:
        """What an example of the query with these pairs counts, 0.1 to 1."""
        if self.mode != "weight":
            return 1.0
        failed = {check.name: check for check in self._failed_by_query(query)}
        for pair in pairs:
            failed |= {check.name: check for check in self._failed_by_pair(pair)}
        weight = 1.0
        for check in failed.values():
            weight *= FACTORS[check.severity]
        if any(map(_doubted, pairs)):
            weight *= FACTORS[Severity.SERIOUS]
        return max(LEAST, weight)

    def _failed_by_query(self, query: Query) -> list[Check]:
        return [] if query.status is Status.APPROVED else self._of_query.get(query.id, [])

    def _failed_by_pair(self, pair: Pair) -> Iterator[Check]:
        approved = pair.passage.status is Status.APPROVED
        given = pair.judgments.get(JudgmentSource.REVIEWER)
        if approved or (given is not None and not given.stale):
            return
        for query_id in ("", pair.query.id):
            yield from self._of_passage.get((pair.passage.id, query_id), [])


def _doubted(pair: Pair) -> bool:
    """Whether the judge doubts the answer, and no reviewer has approved it."""
    return pair.doubted and pair.passage.status is not Status.APPROVED
