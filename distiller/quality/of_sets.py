"""Checks and measures of the data as a whole: coverage, variety, length, contamination."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import log
from statistics import mean, median
from types import MappingProxyType

from distiller.quality.duplicates import PASSAGE_SHINGLE, QUERY_SHINGLE, asks_same, shared
from distiller.quality.evidence import Evidence
from distiller.quality.of_texts import of_passage, of_query, quoted
from distiller.quality.texts import fold, length, similarity, stems, words
from distiller.schema.quality import Finding

ENOUGH_EXAMPLES = 3
"""Queries of the expert's own from which on their length says something."""
DRIFT = 1.5
"""Times that the median length may differ from that of the expert's queries."""
SAMPLE = 300
"""Queries that are compared with each other for self-similarity."""


def covered_concepts(evidence: Evidence) -> Iterator[Finding]:
    """Concepts that no query names."""
    asked = {fold(term) for query in evidence.queries for term in query.key_concepts}
    for concept in evidence.concepts if evidence.queries else ():
        if fold(concept.term) not in asked:
            yield Finding(
                check="covered_concepts",
                item_kind="concept",
                item_id=concept.id,
                reason=f"no query is about “{quoted(concept.term)}”",
            )


def usual_length(evidence: Evidence) -> Iterator[Finding]:
    """Queries that are, on the whole, much longer or shorter than the expert's own."""
    drift = length_drift(
        evidence.texts.values(), evidence.domain.example_queries, evidence.domain.language
    )
    if drift is not None and not 1 / DRIFT <= drift <= DRIFT:
        how = "longer" if drift > 1 else "shorter"
        factor = drift if drift > 1 else 1 / drift
        yield Finding(
            check="usual_length",
            item_kind="project",
            item_id="queries",
            score=drift,
            reason=f"the queries are {factor:.1f} times {how} than the expert's examples",
        )


def length_drift(texts: Iterable[str], examples: Sequence[str], tag: str) -> float | None:
    """Median length of queries over that of the expert's; None where either is too few."""
    found = [length(text, tag) for text in texts]
    own = [length(text, tag) for text in examples]
    if not found or len(own) < ENOUGH_EXAMPLES or not median(own):
        return None
    return median(found) / median(own)


def unseen(evidence: Evidence) -> Iterator[Finding]:
    """Queries and passages that stand in a collection that models are measured on."""
    texts = {id_: passage.text for id_, passage in evidence.passages.items()}
    asked = {query.id: query for query in evidence.queries}
    for name, collection in evidence.tests.items():
        for id_, other in shared(evidence.texts, collection.queries, QUERY_SHINGLE).items():
            words_ = asked[id_].query, collection.queries[other]
            if not asks_same(*words_, evidence.domain.language):
                continue
            reason = f"the collection {name!r} is measured with the same query"
            yield of_query("unseen", asked[id_], reason, other=other)
        for id_, other in shared(texts, collection.corpus, PASSAGE_SHINGLE).items():
            reason = f"the collection {name!r} has the same passage"
            yield of_passage("unseen", evidence.passages[id_], reason, other=other)


MEASURES = MappingProxyType(
    {
        "distinct_1": "Different words, of all words in the queries",
        "distinct_2": "Different pairs of words, of all pairs in the queries",
        "self_similarity": "How much two queries share on average, 0 nothing to 1 everything",
        "concepts_covered": "Share of concepts that a query is about",
        "evenness": "How evenly queries spread over concepts and types, 0 to 1 evenly",
        "topics_covered": "Share of the documents' topics that a query asks about",
        "topic_evenness": "How evenly queries spread over the documents' topics, 0 to 1 evenly",
        "distinct_cells": "Different concepts × types × topics, of all that queries fall in",
        "length_drift": "Length of the queries, in times of the expert's examples",
        "query_words": "Words in a query",
    }
)
"""Name of a measure → what it tells, in plain words."""


def measures(evidence: Evidence) -> dict[str, float | None]:
    """Variety and coverage in figures; None where too little is there to tell.

    `distinct_1`, `distinct_2`: distinct words (pairs of words) over all of the queries (Li et al.
    2016, https://arxiv.org/abs/1510.03055). `self_similarity`: mean Jaccard similarity of stems
    between two queries. `concepts_covered`: share of concepts that a query names. `evenness`:
    entropy of queries over concepts × types, over its maximum. `topics_covered`, `topic_evenness`:
    the same of the clusters of the documents' passages, by the passages that answer.
    `distinct_cells`: distinct cells of concept × type × cluster over all that queries fall in, as
    `distinct_1` of words. `length_drift`: median query length over that of the expert's examples.
    """
    texts = list(evidence.texts.values())
    tag = evidence.domain.language
    return {
        "distinct_1": distinct(texts, 1),
        "distinct_2": distinct(texts, 2),
        "self_similarity": self_similarity(texts, tag),
        "concepts_covered": _covered(evidence),
        "evenness": evenness(_cells(evidence)),
        **_of_topics(evidence),
        "length_drift": length_drift(texts, evidence.domain.example_queries, tag),
        "query_words": mean(length(text, tag) for text in texts) if texts else None,
    }


def distinct(texts: Sequence[str], size: int) -> float | None:
    """Distinct runs of words over all runs; None without any."""
    runs: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        found = words(text)
        runs.update(zip(*(found[at:] for at in range(size)), strict=False))
    return len(runs) / runs.total() if runs else None


def self_similarity(texts: Sequence[str], tag: str, seed: int = 13) -> float | None:
    """Mean similarity of two queries, over neighbours in seeded random orders of a sample."""
    if len(texts) < 2:
        return None
    draw = random.Random(seed)  # noqa: S311 - not a secret
    sets = [stems(text, tag) for text in draw.sample(list(texts), min(SAMPLE, len(texts)))]
    found = []
    for _ in range(10):
        draw.shuffle(sets)
        found += [similarity(one, two) for one, two in pairwise(sets)]
    return mean(found)


def evenness(cells: Mapping[object, int]) -> float | None:
    """Entropy of counts over its maximum, 0 (all in one) to 1 (spread evenly).

    Pielou 1966, https://doi.org/10.1016/0022-5193(66)90013-0. None with fewer than two cells.
    """
    filled = [count for count in cells.values() if count]
    if len(cells) < 2 or not filled:
        return None
    total = sum(filled)
    entropy = -sum(count / total * log(count / total) for count in filled)
    return entropy / log(len(cells))


def _covered(evidence: Evidence) -> float | None:
    if not evidence.concepts:
        return None
    return 1 - len(list(covered_concepts(evidence))) / len(evidence.concepts)


def _cells(evidence: Evidence) -> dict[object, int]:
    """Concept × type → queries, for every concept and every type that occurs."""
    types = sorted({query.type for query in evidence.queries})
    known = {fold(concept.term) for concept in evidence.concepts}
    cells: dict[object, int] = {(term, type_): 0 for term in known for type_ in types}
    for query in evidence.queries:
        for term in {fold(term) for term in query.key_concepts} & known:
            cells[term, query.type] += 1
    return cells


def _of_topics(evidence: Evidence) -> dict[str, float | None]:
    """Coverage of what the documents are about; None without documents."""
    if not evidence.topics:
        return dict.fromkeys(("topics_covered", "topic_evenness", "distinct_cells"))
    asked: Counter[object] = Counter(dict.fromkeys(evidence.topics.values(), 0))
    known = {fold(concept.term) for concept in evidence.concepts}
    cells: Counter[tuple[str, str, int]] = Counter()
    for query in evidence.queries:
        about = {
            evidence.topics[pair.passage.id]
            for pair in evidence.pairs.get(query.id, ())
            if pair.positive and pair.passage.id in evidence.topics
        }
        asked.update(about)
        terms = {fold(term) for term in query.key_concepts} & known
        cells.update((term, query.type, topic) for term in terms for topic in about)
    return {
        "topics_covered": sum(map(bool, asked.values())) / len(asked),
        "topic_evenness": evenness(asked),
        "distinct_cells": len(cells) / cells.total() if cells else None,
    }
