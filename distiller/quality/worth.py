"""What a reviewer's look at a query or a pair is worth: where they would learn or change most."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from distiller.quality.evidence import Evidence
from distiller.quality.of_texts import quoted
from distiller.quality.pairs import Pair
from distiller.quality.registry import CHECKS, Severity, said
from distiller.quality.texts import fold
from distiller.schema.base import Status
from distiller.schema.examples import POSITIVE_GRADE, Judgment, JudgmentSource
from distiller.schema.quality import Finding, Worth

Reason = tuple[float, str]
_BY_SEVERITY = {Severity.SERIOUS: 0.8, Severity.DOUBTFUL: 0.5, Severity.HINT: 0.3}
_OVERLOOKED = 1.0
"""A negative of which judge or search says that it answers: a wrong label, if they are right."""
_CONTRADICTED = 0.9
_TORN = 0.6
"""The judge says one thing and search another."""
_UNCOVERED = 0.4
_UNSURE = 0.5
CLOSE = 0.8
"""Share of the answer's soft score from which the judge hardly tells a negative from it."""


def worths(evidence: Evidence, findings: Iterable[Finding]) -> list[Worth]:
    """The worth of every query and pair that is worth more than any other look."""
    about: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        query_id = "" if finding.item_kind == "query" else finding.query_id
        about[finding.item_kind, finding.item_id, query_id].append(finding)
    covered = _approved_by_concept(evidence)
    found: list[Worth] = []
    for query in evidence.queries:
        reasons = [*_found(about[("query", query.id, "")])]
        reasons += _uncovered(query.key_concepts, covered)
        found += _worth("query", query.id, reasons)
        for pair in evidence.offered.get(query.id, ()):
            told = about[("passage", pair.passage.id, "")]
            told = [*told, *about[("passage", pair.passage.id, query.id)]]
            lost = any(one.check == "found_again" for one in about[("query", query.id, "")])
            reasons = [*_found(told), *_of_pair(pair, evidence.offered[query.id], told, lost=lost)]
            found += _worth("judgment", _anchor(pair), reasons)
    return found


def _worth(kind: str, id_: str, reasons: Sequence[Reason]) -> list[Worth]:
    """The best reason decides; each further one adds a little, so that ties are broken by it."""
    if not reasons:
        return []
    best = max(reasons)
    value = best[0] + 0.05 * (len(reasons) - 1)
    return [Worth(item_kind=kind, item_id=id_, value=value, reason=best[1])]


def _found(findings: Iterable[Finding]) -> Iterator[Reason]:
    for finding in findings:
        check = CHECKS[finding.check]
        if check.name not in ("judged", "current"):
            yield _BY_SEVERITY[check.severity], said(finding)


def _of_pair(
    pair: Pair, beside: Sequence[Pair], told: Sequence[Finding], *, lost: bool
) -> Iterator[Reason]:
    judge, written = pair.judgments.get(JudgmentSource.JUDGE), pair.intended
    ranks_high = any(finding.check == "negatives_rank_below" for finding in told)
    if judge is None or judge.stale or written is None:
        return
    if pair.disagreement == "negative_answers":
        both = " and search ranks it high" if ranks_high else ""
        yield _OVERLOOKED, f"likely an answer that was overlooked: the judge says so{both}"
    elif pair.disagreement == "positive_not_confirmed":
        yield _CONTRADICTED, "the judge says that this is no answer"
    elif ranks_high:
        yield _TORN, "judge and search disagree: search ranks it above the answer"
    elif written.grade >= POSITIVE_GRADE and lost:
        yield _TORN, "judge and search disagree: search does not find this answer"
    if written.grade < POSITIVE_GRADE and judge.score is not None:
        best = max((_score(other) for other in beside if other.positive), default=0.0)
        if best and judge.score >= CLOSE * best:
            yield _UNSURE, "the judge hardly tells it from an answer"


def _score(pair: Pair) -> float:
    judge = pair.judgments.get(JudgmentSource.JUDGE)
    return judge.score if judge and judge.score is not None else 0.0


def _anchor(pair: Pair) -> str:
    """The judgment that stands for a pair, as the store chooses it."""
    order = (JudgmentSource.GENERATOR, JudgmentSource.JUDGE, JudgmentSource.REVIEWER)
    known: list[Judgment] = [pair.judgments[one] for one in order if one in pair.judgments]
    return known[0].id if known else ""


def _approved_by_concept(evidence: Evidence) -> Counter[str]:
    approved = Counter({fold(concept.term): 0 for concept in evidence.concepts})
    for query in evidence.queries:
        if query.status is Status.APPROVED:
            approved.update({fold(term) for term in query.key_concepts} & approved.keys())
    return approved


def _uncovered(terms: Sequence[str], covered: Mapping[str, int]) -> list[Reason]:
    open_ = [term for term in terms if covered.get(fold(term)) == 0]
    return [(_UNCOVERED, f"no query about “{quoted(open_[0])}” is approved yet")] if open_ else []
