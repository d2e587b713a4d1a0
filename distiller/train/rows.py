"""A snapshot as training rows, and as a dev set that ranks the whole corpus."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from distiller.schema.dataset import (
    DatasetSnapshot,
    Example,
    LabelledPassage,
    UnlabelledPassage,
)
from distiller.schema.errors import InputError
from distiller.schema.examples import POSITIVE_GRADE, JudgmentSource
from distiller.schema.retrieval import Qrels

_DIMS_SAMPLE = 128
"""Texts on which active dimensions are counted where there is no dev split to rank."""


@dataclass(frozen=True)
class TrainingRow:
    """A query, one positive, and as many negatives as every other row has."""

    query: str
    positive: str
    negatives: tuple[str, ...]
    weight: float = 1.0
    """How much it counts beside the other rows."""
    scores: tuple[float | None, ...] = ()
    """The teacher's score of the positive and of each negative; empty where it was not asked."""


@dataclass(frozen=True)
class Weights:
    """What a row counts by its positive's grade, and by who gave it."""

    expert: float = 1.0
    """Factor where a reviewer decided."""
    partial: float = 1.0
    """Factor of a positive that answers only partly (grade 2)."""

    def of(self, positive: LabelledPassage) -> float:
        """The row's weight."""
        expert = self.expert if positive.decided_by == JudgmentSource.REVIEWER else 1.0
        return expert * (self.partial if positive.grade <= POSITIVE_GRADE else 1.0)


@dataclass(frozen=True)
class DevSet:
    """Texts to measure on; without qrels only active dimensions can be measured."""

    corpus: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Qrels = field(default_factory=dict)


def passage_text(passage: LabelledPassage | UnlabelledPassage) -> str:
    """Title and text joined by a space, as in BEIR: what retrieval and training read."""
    text = f"{passage.title} {passage.text}" if passage.title else passage.text
    return text.strip()  # mostly the text itself, not a copy


def training_rows(
    examples: Sequence[Example], negatives: int, seed: int, weights: Weights | None = None
) -> list[TrainingRow]:
    """One row per query and positive, each with the same number of negatives.

    The order of the examples does not count, as it does not in a snapshot's content hash. The
    first of an example's own negatives are taken in their order; an example that has fewer
    gets train passages that nobody judged for its query, drawn by `seed`.

    Raises:
        InputError: Fewer than two train queries have a positive, so there is nothing to contrast.
    """
    chosen = sorted(
        (example for example in examples if example.split == "train" and example.positives),
        key=lambda example: (example.query, *map(passage_text, example.positives)),
    )
    if len({example.query for example in chosen}) < 2:
        raise InputError(
            f"training needs at least 2 train queries with a positive passage, and {len(chosen)}"
            " are there; generate, approve or import more"
        )
    corpus = list(
        dict.fromkeys(
            passage_text(passage)
            for example in chosen
            for passage in [*example.positives, *example.negatives]
        )
    )
    draw = random.Random(seed)  # noqa: S311 - not a secret
    wanted = [_negatives(example, corpus, negatives, draw) for example in chosen]
    width = min(map(len, wanted))
    return [
        _row(example, positive, texts[:width], weights or Weights())
        for example, texts in zip(chosen, wanted, strict=True)
        for positive in example.positives
    ]


def _row(
    example: Example, positive: LabelledPassage, negatives: list[str], weights: Weights
) -> TrainingRow:
    known = {passage_text(passage): passage.score for passage in example.negatives}
    scores = (positive.score, *(known.get(text) for text in negatives))
    return TrainingRow(
        query=example.query,
        positive=passage_text(positive),
        negatives=tuple(negatives),
        weight=example.weight * weights.of(positive),
        scores=scores if any(score is not None for score in scores) else (),
    )


def _negatives(example: Example, corpus: list[str], count: int, draw: random.Random) -> list[str]:
    positives = {passage_text(passage) for passage in example.positives}
    own = dict.fromkeys(passage_text(passage) for passage in example.negatives)
    texts = [text for text in own if text not in positives][:count]
    if len(texts) < count:
        known = positives | own.keys()
        others = [text for text in corpus if text not in known]
        texts += draw.sample(others, min(count - len(texts), len(others)))
    return texts


def dev_set(snapshot: DatasetSnapshot) -> DevSet:
    """The val queries with their grades, over every passage of every split and the background.

    Passages of equal text are one passage. Where no val query has a positive, the set is a sample
    of the train texts without qrels.
    """
    corpus: dict[str, str] = {}
    ids: dict[str, str] = {}
    for passage in _labelled(snapshot):
        _add(passage, corpus, ids)
    val = [example for example in snapshot.examples if example.split == "val" and example.positives]
    if not val:
        return _sample(snapshot, corpus)
    qrels: Qrels = {example.query_id: {} for example in val}
    for example in val:
        grades = qrels[example.query_id]
        for passage in [*example.positives, *example.negatives]:
            passage_id = ids[passage_text(passage)]
            grades[passage_id] = max(passage.grade, grades.get(passage_id, 0))
    for unlabelled in snapshot.background:
        _add(unlabelled, corpus, ids)
    return DevSet(corpus, {example.query_id: example.query for example in val}, qrels)


def _labelled(snapshot: DatasetSnapshot) -> Iterator[LabelledPassage]:
    for example in snapshot.examples:
        yield from example.positives
        yield from example.negatives


def _add(
    passage: LabelledPassage | UnlabelledPassage, corpus: dict[str, str], ids: dict[str, str]
) -> None:
    """Put a passage into a corpus whose texts have an identifier each."""
    text, passage_id = passage_text(passage), passage.passage_id
    if text not in ids:
        if passage_id in corpus:  # of another file, whose ids are the same numbers
            passage_id = f"{passage_id}#{len(corpus)}"
        ids[text] = passage_id
        corpus[passage_id] = text


def _sample(snapshot: DatasetSnapshot, corpus: Mapping[str, str]) -> DevSet:
    train = [example for example in snapshot.examples if example.split == "train"]
    draw = random.Random(snapshot.content_hash)  # noqa: S311 - not a secret
    chosen = draw.sample(sorted(corpus), min(_DIMS_SAMPLE, len(corpus)))
    return DevSet(
        corpus={passage_id: corpus[passage_id] for passage_id in chosen},
        queries={
            example.query_id: example.query
            for example in draw.sample(train, min(_DIMS_SAMPLE, len(train)))
        },
    )
