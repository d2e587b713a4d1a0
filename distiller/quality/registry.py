"""All checks, declared as data: what each means, how bad it is, what mends it, what finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from distiller.quality import of_labels, of_sets, of_texts
from distiller.quality.evidence import Evidence
from distiller.quality.languages import can_tell
from distiller.schema.quality import Finding


class Severity(StrEnum):
    """How much harm is done by training on what a check finds."""

    SERIOUS = "serious"
    """It teaches something wrong."""
    DOUBTFUL = "doubtful"
    """It teaches little, or may be wrong."""
    HINT = "hint"
    """It is good to know; what is trained on stays as it is."""


class Mend(StrEnum):
    """What mends a finding."""

    REWRITE_QUERY = "rewrite the query"
    REWRITE_PASSAGE = "rewrite the passage"
    REPLACE_NEGATIVE = "write another negative in its place"
    RELABEL = "take the judge's grade"
    MERGE = "merge the two"


@dataclass(frozen=True)
class Check:
    """One check. `find` is pure: the same evidence, the same findings."""

    name: str
    title: str
    """What is wrong where it fails, in a few words."""
    why: str
    """Why that matters."""
    severity: Severity
    find: Callable[[Evidence], Iterable[Finding]]
    size: Callable[[Evidence], int]
    """How many things it looks at."""
    mend: Mend | None = None
    alone: bool = False
    """Whether it looks at one text at a time, so that only new and changed ones need a look."""
    passes: bool = True
    """Whether an example has to be without it to pass."""
    settled: bool = False
    """Whether what it finds is left out of the data anyway, so that no weight is needed."""


def _queries(evidence: Evidence) -> int:
    return len(evidence.queries)


def _passages(evidence: Evidence) -> int:
    return len(evidence.passages)


def _texts(evidence: Evidence) -> int:
    return len(evidence.queries) + len(evidence.passages)


def _pairs(evidence: Evidence) -> int:
    return sum(1 for _ in evidence.all_pairs())


def _offered(evidence: Evidence) -> int:
    return len(evidence.queries) + sum(map(len, evidence.offered.values()))


def _negatives(evidence: Evidence) -> int:
    return sum(not pair.positive for pair in evidence.all_pairs())


def _meant_positive(evidence: Evidence) -> int:
    return of_labels.meant(evidence, positive=True)


def _meant_negative(evidence: Evidence) -> int:
    return of_labels.meant(evidence, positive=False)


def _ranked(evidence: Evidence) -> int:
    """Also where the rankings themselves were not made anew."""
    return len(evidence.queries) if evidence.corpus_size else 0


def _negatives_ranked(evidence: Evidence) -> int:
    return _negatives(evidence) if evidence.corpus_size else 0


def _tell_queries(evidence: Evidence) -> int:
    return len(evidence.queries) if can_tell(evidence.domain.language) else 0


def _tell_passages(evidence: Evidence) -> int:
    return len(evidence.passages) if can_tell(evidence.domain.language) else 0


def _concepts(evidence: Evidence) -> int:
    return len(evidence.concepts) if evidence.queries else 0


def _project(evidence: Evidence) -> int:
    enough = len(evidence.domain.example_queries) >= of_sets.ENOUGH_EXAMPLES
    return int(bool(enough and evidence.queries))


def _tested(evidence: Evidence) -> int:
    return _texts(evidence) if evidence.tests else 0


_ALL = (
    Check(
        "current",
        "Changed underneath",
        "A concept, query or passage was changed after this was written or judged, so that it may "
        "not hold any more.",
        Severity.SERIOUS,
        of_labels.current,
        _offered,
        settled=True,
    ),
    Check(
        "judged",
        "Nobody has judged it",
        "Only the model that wrote the passage says whether it answers, and writers are mistaken "
        "about their own work.",
        Severity.DOUBTFUL,
        of_labels.judged,
        _pairs,
        settled=True,
    ),
    Check(
        "positives_confirmed",
        "The answer does not answer",
        "The passage was written as the answer, and the judge says that it is none: the model "
        "would learn to find the wrong passage.",
        Severity.SERIOUS,
        of_labels.positives_confirmed,
        _meant_positive,
        Mend.REWRITE_PASSAGE,
        settled=True,
    ),
    Check(
        "negatives_do_not_answer",
        "A negative answers after all",
        "The passage was meant to look like an answer and be none, and the judge says that it "
        "answers: the model would learn to push a right answer away.",
        Severity.SERIOUS,
        of_labels.negatives_do_not_answer,
        _meant_negative,
        Mend.RELABEL,
        settled=True,
    ),
    Check(
        "has_positive",
        "No passage answers it",
        "Without an answer there is nothing to learn from a query.",
        Severity.SERIOUS,
        of_labels.has_positive,
        _queries,
        settled=True,
    ),
    Check(
        "enough_negatives",
        "No hard negative",
        "A passage that looks like an answer and is none is what a model learns most from.",
        Severity.HINT,
        of_labels.enough_negatives,
        _queries,
    ),
    Check(
        "distinct_queries",
        "Asks the same as another query",
        "A duplicate teaches nothing new, and can stand in training and test data at once.",
        Severity.DOUBTFUL,
        of_texts.distinct_queries,
        _queries,
        Mend.MERGE,
    ),
    Check(
        "distinct_passages",
        "Says the same as another passage",
        "The same text twice can be an answer here and no answer there.",
        Severity.DOUBTFUL,
        of_texts.distinct_passages,
        _passages,
        Mend.MERGE,
    ),
    Check(
        "own_words",
        "Repeats the query",
        "A passage that repeats its query teaches to match words, and real documents do not do it.",
        Severity.DOUBTFUL,
        of_texts.own_words,
        _pairs,
        Mend.REWRITE_PASSAGE,
    ),
    Check(
        "query_language",
        "Query in another language",
        "Searchers of the field do not type it, and the words of one language teach nothing about "
        "another.",
        Severity.SERIOUS,
        of_texts.query_language,
        _tell_queries,
        Mend.REWRITE_QUERY,
        alone=True,
    ),
    Check(
        "passage_language",
        "Passage wholly or partly in another language",
        "Models drift into another language in the middle of a text; a document of the field would "
        "not.",
        Severity.SERIOUS,
        of_texts.passage_language,
        _tell_passages,
        Mend.REWRITE_PASSAGE,
        alone=True,
    ),
    Check(
        "query_length",
        "Query too short or too long",
        "One word says too little of what is asked, and nobody types whole paragraphs.",
        Severity.DOUBTFUL,
        of_texts.query_length,
        _queries,
        Mend.REWRITE_QUERY,
        alone=True,
    ),
    Check(
        "passage_length",
        "Passage too short or too long",
        "A passage of a few words answers nothing, and of a very long one the model sees only the "
        "beginning.",
        Severity.DOUBTFUL,
        of_texts.passage_length,
        _passages,
        Mend.REWRITE_PASSAGE,
        alone=True,
    ),
    Check(
        "query_form",
        "Remains of a prompt in the query",
        "Labels, list marks and remarks of the writing model are no words of a searcher.",
        Severity.SERIOUS,
        of_texts.query_form,
        _queries,
        Mend.REWRITE_QUERY,
        alone=True,
    ),
    Check(
        "passage_form",
        "Remains of a prompt in the passage, or broken off",
        "Labels, placeholders, marks and half sentences give written passages away, and the model "
        "learns those instead of the answer.",
        Severity.DOUBTFUL,
        of_texts.passage_form,
        _passages,
        Mend.REWRITE_PASSAGE,
        alone=True,
    ),
    Check(
        "no_twins_answer",
        "A negative is an answer elsewhere",
        "The passage answers this query, or another that asks nearly the same: the model would be "
        "told both that it answers and that it does not.",
        Severity.SERIOUS,
        of_labels.no_twins_answer,
        _negatives,
        Mend.REPLACE_NEGATIVE,
    ),
    Check(
        "negatives_rank_below",
        "A negative matches better than the answer",
        "Search finds it before every answer, and nobody has clearly said that it is none: it may "
        "be an answer that was overlooked.",
        Severity.HINT,
        of_labels.negatives_rank_below,
        _negatives_ranked,
        Mend.REPLACE_NEGATIVE,
        passes=False,
    ),
    Check(
        "found_again",
        "Search does not find the answer",
        "Among all passages of the project the answer is far down: the query may be too vague, or "
        "the passage beside the point. Or their words differ, which is what training is good for.",
        Severity.HINT,
        of_labels.found_again,
        _ranked,
        Mend.REWRITE_QUERY,
        passes=False,
    ),
    Check(
        "covered_concepts",
        "A concept without a query",
        "What nobody asks about, the model learns nothing about.",
        Severity.HINT,
        of_sets.covered_concepts,
        _concepts,
        passes=False,
    ),
    Check(
        "usual_length",
        "Queries of unusual length",
        "Queries that are longer or shorter than those of your searchers train for other searchers.",
        Severity.HINT,
        of_sets.usual_length,
        _project,
        passes=False,
    ),
    Check(
        "unseen",
        "Stands in a test collection",
        "Who trains on what is measured later measures memory. The same passage alone is usual "
        "where the collection's documents are the project's own.",
        Severity.HINT,
        of_sets.unseen,
        _tested,
        passes=False,
    ),
)
CHECKS = MappingProxyType({check.name: check for check in _ALL})
"""Name → check, in the order in which people read them."""
EDITION = "3"
"""Counts changes of the checks; findings of an older edition are looked for anew."""


def said(finding: Finding) -> str:
    """A finding in words, with the title of its check."""
    return f"{CHECKS[finding.check].title}: {finding.reason}"


def run(evidence: Evidence, names: Iterable[str] | None = None) -> list[Finding]:
    """What the checks find, by check in the order of the registry."""
    chosen = CHECKS if names is None else {name: CHECKS[name] for name in names}
    return [finding for check in chosen.values() for finding in check.find(evidence)]
