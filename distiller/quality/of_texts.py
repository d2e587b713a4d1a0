"""Checks of texts, whatever was judged of them: functions from evidence to findings."""

from __future__ import annotations

from collections.abc import Iterator

from distiller.packs.languages import language
from distiller.quality.copying import COPIED_SHARE, copied_share
from distiller.quality.duplicates import (
    PASSAGE_SHINGLE,
    THRESHOLD,
    shingles,
)
from distiller.quality.evidence import Evidence
from distiller.quality.form import PASSAGE_WORDS, QUERY_WORDS, passage_fault, query_fault
from distiller.quality.languages import can_tell, foreign_parts, in_language
from distiller.quality.texts import length, similarity
from distiller.schema.examples import Passage, Query
from distiller.schema.quality import Finding

_SHOWN = 60
"""Characters of a text that a reason quotes."""


def of_query(check: str, query: Query, reason: str, **more: object) -> Finding:
    """A finding about a query."""
    return Finding(
        check=check,
        item_kind="query",
        item_id=query.id,
        query_id=query.id,
        reason=reason,
        **more,
    )


def of_passage(
    check: str, passage: Passage, reason: str, *, query_id: str = "", **more: object
) -> Finding:
    """A finding about a passage, beside one query or beside all."""
    return Finding(
        check=check,
        item_kind="passage",
        item_id=passage.id,
        query_id=query_id,
        reason=reason,
        **more,
    )


def distinct_queries(evidence: Evidence) -> Iterator[Finding]:
    """Queries that say the same as an older one; of many alike, each is named once."""
    asked = {query.id: query for query in evidence.queries}
    named: set[str] = set()
    for first, later, alike in evidence.near_queries:
        if alike >= THRESHOLD and later not in named:
            named.add(later)
            older, query = asked[first], asked[later]
            reason = f"says the same as “{quoted(older.query)}” ({alike:.0%} of the content words)"
            yield of_query("distinct_queries", query, reason, other=older.id, score=alike)


def distinct_passages(evidence: Evidence) -> Iterator[Finding]:
    """Passages that say the same as an older one in nearly the same words."""
    named: set[str] = set()
    for first, later in evidence.near_passages:
        if later not in named:
            named.add(later)
            older, passage = evidence.passages[first], evidence.passages[later]
            sets = [shingles(one.text, PASSAGE_SHINGLE) for one in (older, passage)]
            alike = similarity(*sets)
            reason = f"says the same as the passage “{quoted(older.text)}” ({alike:.0%} of it)"
            yield of_passage("distinct_passages", passage, reason, other=older.id, score=alike)


def own_words(evidence: Evidence) -> Iterator[Finding]:
    """Passages that repeat the query beside them."""
    for pair in evidence.all_pairs():
        share = copied_share(pair.query.query, pair.passage.text)
        if share >= COPIED_SHARE:
            yield of_passage(
                "own_words",
                pair.passage,
                f"repeats the query word by word ({share:.0%} of its runs of four words)",
                query_id=pair.query.id,
                score=share,
            )


def query_language(evidence: Evidence) -> Iterator[Finding]:
    """Queries that are not in the project's language."""
    tag = evidence.domain.language
    if not can_tell(tag):
        return
    for query in evidence.queries:
        if not in_language(query.query, tag):
            yield of_query("query_language", query, f"is not in {language(tag).name}")


def passage_language(evidence: Evidence) -> Iterator[Finding]:
    """Passages of which all or a part is not in the project's language."""
    tag = evidence.domain.language
    if not can_tell(tag):
        return
    name = language(tag).name
    for passage in evidence.passages.values():
        foreign = foreign_parts(passage.text, tag)
        share = min(1.0, sum(map(len, foreign)) / len(passage.text))
        if foreign and share > 0.9:
            yield of_passage("passage_language", passage, f"is not in {name}", score=1.0)
        elif foreign:
            reason = f"a part of it is not in {name}: “{quoted(foreign[0])}”"
            yield of_passage("passage_language", passage, reason, score=share)


def query_length(evidence: Evidence) -> Iterator[Finding]:
    """Queries of fewer or more words than people type."""
    low, high = QUERY_WORDS
    for query in evidence.queries:
        found = length(query.query, evidence.domain.language)
        if not low <= found <= high:
            reason = f"has {found} words; {low} to {high} are usual"
            yield of_query("query_length", query, reason, score=float(found))


def passage_length(evidence: Evidence) -> Iterator[Finding]:
    """Passages too short to answer, or longer than a model sees."""
    low, high = PASSAGE_WORDS
    for passage in evidence.passages.values():
        found = length(passage.text, evidence.domain.language)
        if not low <= found <= high:
            reason = f"has {found} words; {low} to {high} are usual"
            yield of_passage("passage_length", passage, reason, score=float(found))


def query_form(evidence: Evidence) -> Iterator[Finding]:
    """Queries with remains of a prompt or of a list."""
    for query in evidence.queries:
        if fault := query_fault(query.query):
            yield of_query("query_form", query, fault)


def passage_form(evidence: Evidence) -> Iterator[Finding]:
    """Passages by a model with remains of a prompt, marks, or a broken end; documents have those."""
    for passage in evidence.passages.values():
        if passage.provenance.source == "model" and (fault := passage_fault(passage.text)):
            yield of_passage("passage_form", passage, fault)


def quoted(text: str) -> str:
    """The beginning of a text, for a reason."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1].rstrip()}…"
