"""What a collection shares with the data that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from distiller.evaluate.measures import RELEVANT
from distiller.quality.duplicates import PASSAGE_SHINGLE, QUERY_SHINGLE, asks_same, shared
from distiller.schema.dataset import Example
from distiller.schema.retrieval import Collection


@dataclass(frozen=True)
class Contamination:
    """Texts that a model saw in training and is measured with, also as near-duplicates."""

    queries: dict[str, str]
    """query_id of the training data → of the collection."""
    passages: dict[str, str]
    """passage_id of the training data → of the collection."""
    answers: int
    """Training passages, positives of their query, that the collection judges relevant."""
    trained: int
    """Training queries that were compared."""
    texts: int
    """Training passages that were compared."""

    @property
    def notes(self) -> list[str]:
        """For whoever reads the figures; one line also where nothing is shared."""
        if not self.queries and not self.passages:
            return ["no query or passage of the training data stands in this collection"]
        told = []
        if self.queries:
            told.append(
                f"{len(self.queries):,} of {self.trained:,} training queries are asked in this "
                "collection too, in nearly the same words: its figures flatter the model; leave "
                "them out and train again"
            )
        if self.passages:
            told.append(
                f"{len(self.passages):,} of {self.texts:,} training passages stand in this "
                f"collection too, {self.answers:,} of them answers there and in training; usual "
                "where its documents are the project's own, and no measure of other documents"
            )
        return told


def contamination(examples: Iterable[Example], collection: Collection) -> Contamination:
    """Compare the training and dev data with a collection; its own test split is left aside.

    Passages count as the same from a Jaccard similarity of their runs of three words of 0.8 on,
    queries where `asks_same` says so. Memory grows with the training data, not with the collection.
    """
    seen = [example for example in examples if example.split != "test"]
    queries = {example.query_id: example.query for example in seen}
    positives = {p.passage_id for example in seen for p in example.positives}
    texts = {p.passage_id: p.text for e in seen for p in [*e.positives, *e.negatives]}
    # A collection's corpus holds titles before texts: compared so where the training data has any.
    titled = {
        p.passage_id: f"{p.title} {p.text}".strip()
        for e in seen
        for p in [*e.positives, *e.negatives]
    }
    passages = shared(titled, collection.corpus, PASSAGE_SHINGLE)
    bare = {id_: text for id_, text in texts.items() if titled[id_] != text}
    passages = shared(bare, collection.corpus, PASSAGE_SHINGLE) | passages
    relevant = {
        id_
        for grades in collection.qrels.values()
        for id_, grade in grades.items()
        if grade >= RELEVANT
    }
    same = shared(queries, collection.queries, QUERY_SHINGLE)
    return Contamination(
        queries={
            id_: other
            for id_, other in same.items()
            if asks_same(queries[id_], collection.queries[other], collection.language)
        },
        passages=passages,
        answers=sum(id_ in positives and other in relevant for id_, other in passages.items()),
        trained=len(queries),
        texts=len(texts),
    )
