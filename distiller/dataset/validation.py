"""One summary of all checks over a project's examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pydantic import Field, computed_field

from distiller.dataset.checking import Topics, check_project
from distiller.dataset.evidence import Ranker
from distiller.quality import CHECKS, Evidence
from distiller.schema.base import Record
from distiller.schema.domain import Project
from distiller.schema.quality import Finding
from distiller.store import Store


class Check(Record):
    """How many things were checked, and which examples fail."""

    title: str = ""
    """What is wrong where it fails, in plain words."""
    severity: str = ""
    """`serious`, `doubtful` or `hint`."""
    checked: int
    failed: int
    query_ids: list[str] = Field(default_factory=list)
    """Queries whose examples fail, each once."""


class ValidationSummary(Record):
    """What the checks say of a project's examples."""

    checks: dict[str, Check]
    examples: int
    """Queries that are neither rejected nor flagged."""
    passed: int
    """Those of them that fail no check but hints about the retrievers and the data as a whole."""
    measures: dict[str, float | None] = Field(default_factory=dict)
    """Variety and coverage in figures; see `quality.measures`."""
    uncovered: list[str] = Field(default_factory=list)
    """Terms of concepts that no query is about."""
    strict: bool = False

    @computed_field  # type: ignore[prop-decorator]
    @property
    def pass_rate(self) -> float | None:
        """Passed over examples; None without any."""
        return self.passed / self.examples if self.examples else None

    @property
    def acceptable(self) -> bool:
        """Whether nothing failed; not strict, whether any example can be used."""
        return self.passed == self.examples if self.strict else self.passed > 0


def validate(
    store: Store,
    project: Project,
    *,
    strict: bool = False,
    ranker: Ranker | None = None,
    topics: Topics | None = None,
) -> ValidationSummary:
    """Check all examples that are not rejected or flagged, and keep what is found.

    One passage that fails a check fails the example of its query. `strict` is kept in the summary
    for whoever decides on it.

    Raises:
        UnknownLanguage: the project's language is none that the packs know.
    """
    done = check_project(store, project, ranker=ranker, topics=topics)
    return summary_of(done.evidence, done.findings, done.measures, strict=strict)


def summary_of(
    evidence: Evidence,
    findings: Iterable[Finding],
    measured: Mapping[str, float | None],
    *,
    strict: bool = False,
) -> ValidationSummary:
    """The summary of findings that were made on this evidence."""
    by_check: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_check[finding.check].append(finding)
    beside = queries_beside(evidence)
    found = {
        name: Check(
            title=check.title,
            severity=check.severity.value,
            checked=check.size(evidence),
            failed=len(by_check[name]),
            query_ids=failing_queries(by_check[name], beside),
        )
        for name, check in CHECKS.items()
    }
    failing = {
        id_ for name, check in found.items() if CHECKS[name].passes for id_ in check.query_ids
    }
    bare = {finding.item_id for finding in by_check["covered_concepts"]}
    uncovered = [concept.term for concept in evidence.concepts if concept.id in bare]
    return ValidationSummary(
        checks=found,
        examples=len(evidence.queries),
        passed=len(evidence.queries) - len(failing),
        measures=dict(measured),
        uncovered=uncovered,
        strict=strict,
    )


def queries_beside(evidence: Evidence) -> dict[str, list[str]]:
    """passage_id → the queries that it stands beside with a judgment that counts."""
    beside: dict[str, list[str]] = defaultdict(list)
    for pair in evidence.all_pairs():
        beside[pair.passage.id].append(pair.query.id)
    return beside


def failing_queries(findings: Iterable[Finding], beside: Mapping[str, list[str]]) -> list[str]:
    """The queries whose examples fail, each once."""
    ids: list[str] = []
    for finding in findings:
        if finding.query_id:
            ids.append(finding.query_id)
        elif finding.item_kind == "passage":
            ids += beside.get(finding.item_id, [])
    return list(dict.fromkeys(ids))
