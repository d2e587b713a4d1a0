"""What the checks look at: the data of a project that still counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from distiller.quality.duplicates import PASSAGE_SHINGLE, near_duplicates, near_queries
from distiller.quality.pairs import Pair
from distiller.schema.base import LEFT_OUT, Item
from distiller.schema.domain import Domain
from distiller.schema.examples import Passage, Query
from distiller.schema.knowledge import Concept
from distiller.schema.retrieval import Collection

TWINS = 0.7
"""Jaccard similarity of stems from which an answer to one query is likely one to the other."""


Ranking = Mapping[str, Mapping[str, float]]
"""query_id → passage_id → score."""


def counts(item: Item) -> bool:
    """Whether an item is neither rejected nor flagged."""
    return item.status not in LEFT_OUT


@dataclass(frozen=True)
class Evidence:
    """Queries, passages and pairs that are neither rejected nor flagged, oldest first."""

    domain: Domain
    queries: Sequence[Query] = ()
    passages: Mapping[str, Passage] = field(default_factory=dict)
    """Every passage that a pair names; passages of the corpus beside no query are not checked."""
    offered: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    """query_id → its pairs, those whose judgments are all stale included."""
    concepts: Sequence[Concept] = ()
    rankings: Mapping[str, Ranking] = field(default_factory=dict)
    """Name of a retriever → its first passages, of all that the project has, for each query."""
    topics: Mapping[str, int] = field(default_factory=dict)
    """passage_id → what it is about, of all passages of the documents; see `generate.topics`."""
    corpus_size: int = 0
    """Passages that were ranked."""
    tests: Mapping[str, Collection] = field(default_factory=dict)
    """Name → a collection that models are measured on."""

    @cached_property
    def pairs(self) -> Mapping[str, Sequence[Pair]]:
        """query_id → the pairs whose judgment counts."""
        return {
            query_id: [pair for pair in pairs if pair.effective and counts(pair.effective)]
            for query_id, pairs in self.offered.items()
        }

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """query_id → text."""
        return {query.id: query.query for query in self.queries}

    @cached_property
    def near_passages(self) -> list[tuple[str, str]]:
        """Pairs of passages that say the same, the older one first, by the age of the older one."""
        texts = {id_: passage.text for id_, passage in self.passages.items()}
        return near_duplicates(texts, PASSAGE_SHINGLE)

    @cached_property
    def near_queries(self) -> list[tuple[str, str, float]]:
        """Pairs of queries that ask nearly the same, the older one first, with their similarity;
        the likest pair comes first.
        """
        return near_queries(self.texts, self.domain.language, TWINS)

    def all_pairs(self) -> Iterator[Pair]:
        """The pairs of all queries whose judgment counts."""
        return (pair for group in self.pairs.values() for pair in group)

    def narrowed(self, queries: set[str], passages: set[str]) -> Evidence:
        """Only these queries and passages, for checks that look at one text at a time."""
        return Evidence(
            domain=self.domain,
            queries=[query for query in self.queries if query.id in queries],
            passages={id_: self.passages[id_] for id_ in self.passages if id_ in passages},
        )
