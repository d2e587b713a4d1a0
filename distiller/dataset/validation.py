"""One summary of all checks over a project's examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field, computed_field

from distiller.dataset import checks
from distiller.dataset.assembly import Pair, gather
from distiller.packs.languages import language
from distiller.schema.base import Item, Record, Status
from distiller.schema.domain import Project
from distiller.schema.examples import POSITIVE_GRADE, Query
from distiller.store import Store


class Check(Record):
    """How many things were checked, and which examples fail."""

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
    """Those of them that no check fails."""
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


def validate(store: Store, project: Project, *, strict: bool = False) -> ValidationSummary:
    """Check all examples that are not rejected or flagged; nothing is changed.

    One passage that fails a check fails the example of its query. `strict` is kept in the summary
    for whoever decides on it.

    Raises:
        UnknownLanguage: the project's language is none that the packs know.
    """
    material = gather(store, project)
    queries = [query for query in material.queries if _counts(query)]
    offered = {
        query.id: [pair for pair in material.pairs.get(query.id, []) if _counts(pair.passage)]
        for query in queries
    }
    current = {
        query_id: [pair for pair in pairs if pair.effective and _counts(pair.effective)]
        for query_id, pairs in offered.items()
    }
    pairs = [pair for group in current.values() for pair in group]
    found = {
        "current": _current(queries, [pair for group in offered.values() for pair in group]),
        **_judgment_checks(queries, pairs, current),
        **_text_checks(queries, pairs, project),
    }
    failing = {query_id for check in found.values() for query_id in check.query_ids}
    return ValidationSummary(
        checks=found,
        examples=len(queries),
        passed=len(queries) - len(failing),
        strict=strict,
    )


def _counts(item: Item) -> bool:
    return item.status not in (Status.REJECTED, Status.FLAGGED)


def _current(queries: list[Query], pairs: list[Pair]) -> Check:
    """Nothing upstream was changed after the query, passage or judgments were written."""
    stale = [query.id for query in queries if query.stale]
    stale += [p.query.id for p in pairs if p.passage.stale or p.effective is None]
    return _check(len(queries) + len(pairs), len(stale), stale)


def _judgment_checks(
    queries: list[Query], pairs: list[Pair], grouped: Mapping[str, list[Pair]]
) -> dict[str, Check]:
    judged = [pair for pair in pairs if pair.judged and pair.intended]
    meant = {
        positive: [p for p in judged if p.intended and _positive(p.intended.grade) == positive]
        for positive in (True, False)
    }
    return {
        "judged": _of_pairs(len(pairs), checks.unjudged(pairs)),
        "positives_confirmed": _of_pairs(
            len(meant[True]), checks.contradicted(pairs, "positive_not_confirmed")
        ),
        "negatives_do_not_answer": _of_pairs(
            len(meant[False]), checks.contradicted(pairs, "negative_answers")
        ),
        "has_positive": _of_queries(len(queries), checks.without_positive(queries, grouped)),
        "enough_negatives": _of_queries(len(queries), checks.too_few_negatives(queries, grouped)),
    }


def _positive(grade: int) -> bool:
    return grade >= POSITIVE_GRADE


def _text_checks(queries: list[Query], pairs: list[Pair], project: Project) -> dict[str, Check]:
    asked = {query.id: query.query for query in queries}
    texts = {key: passage.text for key, passage in checks.passages_of(pairs).items()}
    tag = project.domain.language
    tongue = language(tag)
    tell = checks.can_tell_language(tag)
    return {
        "distinct_queries": _of_ids(asked, checks.duplicates(asked)),
        "distinct_passages": _of_passages(texts, checks.duplicates(texts), pairs),
        "own_words": _of_pairs(len(pairs), checks.copied(pairs)),
        "query_language": _of_ids(asked if tell else {}, checks.wrong_language(asked, tag)),
        "passage_language": _of_passages(
            texts if tell else {}, checks.wrong_language(texts, tag), pairs
        ),
        "query_length": _of_ids(asked, checks.wrong_length(asked, checks.QUERY_WORDS, tongue)),
        "passage_length": _of_passages(
            texts, checks.wrong_length(texts, checks.PASSAGE_WORDS, tongue), pairs
        ),
    }


def _check(checked: int, failed: int, query_ids: Iterable[str]) -> Check:
    return Check(checked=checked, failed=failed, query_ids=list(dict.fromkeys(query_ids)))


def _of_pairs(checked: int, failed: list[Pair]) -> Check:
    return _check(checked, len(failed), (pair.query.id for pair in failed))


def _of_queries(checked: int, failed: list[Query]) -> Check:
    return _check(checked, len(failed), (query.id for query in failed))


def _of_ids(checked: dict[str, str], failed: list[str]) -> Check:
    return _check(len(checked), len(failed), failed)


def _of_passages(checked: dict[str, str], failed: list[str], pairs: list[Pair]) -> Check:
    chosen = set(failed)
    return _check(len(checked), len(failed), (p.query.id for p in pairs if p.passage.id in chosen))
