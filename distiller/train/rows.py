"""A snapshot as training rows, and as a dev set that ranks the whole corpus."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from distiller.dataset.texts import key_of_text, passage_text
from distiller.schema.dataset import (
    DatasetSnapshot,
    Example,
    LabelledPassage,
    UnlabelledPassage,
)
from distiller.schema.errors import InputError
from distiller.schema.examples import POSITIVE_GRADE, JudgmentSource
from distiller.schema.retrieval import Qrels
from distiller.train.numbering import Passages

MOST_PASSAGES = 100_000
"""Labelled passages that dev queries are ranked among; of more, a share."""
MOST_QUERIES = 2_000
"""Dev queries; of more, a share."""
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
    return list(each_row(examples, negatives, seed, weights))


def each_row(
    examples: Sequence[Example], negatives: int, seed: int, weights: Weights | None = None
) -> Iterator[TrainingRow]:
    """As `training_rows`, of which only one is in memory at a time; the examples need not be.

    Raises:
        InputError: At the first row.
    """
    chosen = _in_order(examples)
    passages = Passages(examples, chosen)
    width = min(_available(examples[at], negatives, len(passages)) for at in chosen)
    draw = random.Random(seed)  # noqa: S311 - not a secret
    for at in chosen:
        example = examples[at]
        texts = _negatives(example, passages, negatives, draw)[:width]
        for positive in example.positives:
            yield _row(example, positive, texts, weights or Weights())


def _in_order(examples: Sequence[Example]) -> list[int]:
    """Numbers of the train examples with a positive, by query and positives.

    Raises:
        InputError: Fewer than two queries.
    """
    queries = {
        at: example.query
        for at, example in enumerate(examples)
        if example.split == "train" and example.positives
    }
    order: list[int] = []
    groups = 0
    for _, group in groupby(sorted(queries, key=queries.__getitem__), key=queries.__getitem__):
        same = list(group)
        groups += 1
        if len(same) > 1:
            same.sort(key=lambda at: [passage_text(one) for one in examples[at].positives])
        order += same
    if groups < 2:
        raise InputError(
            f"training needs at least 2 train queries with a positive passage, and {len(order)}"
            " are there; generate, approve or import more"
        )
    return order


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


def _sides(example: Example) -> tuple[set[str], list[str]]:
    """Texts of the positives, and those of the negatives that are none of them, in their order."""
    positives = {passage_text(passage) for passage in example.positives}
    own = dict.fromkeys(passage_text(passage) for passage in example.negatives)
    return positives, [text for text in own if text not in positives]


def _available(example: Example, count: int, passages: int) -> int:
    """Negatives that `_negatives` finds."""
    positives, own = _sides(example)
    return min(count, len(own) + passages - len(positives) - len(own))


def _negatives(example: Example, passages: Passages, count: int, draw: random.Random) -> list[str]:
    positives, own = _sides(example)
    texts = own[:count]
    if len(texts) < count:
        known = sorted(passages.number(text) for text in {*positives, *own})
        others = range(len(passages) - len(known))
        for number in draw.sample(others, min(count - len(texts), len(others))):
            texts.append(passages.text(_among_others(number, known)))
    return texts


def _among_others(number: int, known: Sequence[int]) -> int:
    """The number of a passage, of which `number` stand before it that are not in `known`."""
    for one in known:
        number += one <= number
    return number


def dev_set(snapshot: DatasetSnapshot) -> DevSet:
    """The val queries with their grades, over every passage of every split and the background.

    Passages of equal text are one passage. Of very many passages, those of the val queries and a
    share of the others are taken, and of very many val queries a share, the same ones each time.
    Where no val query has a positive, the set is a sample of the train texts without qrels.
    """
    keeps = _Sampling(snapshot)
    corpus: dict[str, str] = {}
    ids: dict[str, str] = {}
    val: list[Example] = []
    for example in snapshot.examples:
        ranked = example.split == "val" and bool(example.positives) and keeps.query(example)
        if ranked:
            val.append(example)
        for passage in (*example.positives, *example.negatives):
            if ranked or keeps.passage(passage):
                _add(passage, corpus, ids)
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


class _Sampling:
    """Which texts of a snapshot are measured on, so that memory and time have a bound."""

    def __init__(self, snapshot: DatasetSnapshot) -> None:
        self._seed = snapshot.content_hash
        counts = snapshot.counts
        self._passages = MOST_PASSAGES / max(1, counts.get("passages", 0))
        self._queries = MOST_QUERIES / max(1, counts.get("val", 0))

    def passage(self, passage: LabelledPassage) -> bool:
        return self._drawn(self._passages, passage_text(passage))

    def query(self, example: Example) -> bool:
        return self._drawn(self._queries, example.query)

    def _drawn(self, share: float, text: str) -> bool:
        return share >= 1 or key_of_text(f"{self._seed} {text}") < share * 2**64


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
    examples = snapshot.examples
    train = [at for at, example in enumerate(examples) if example.split == "train"]
    draw = random.Random(snapshot.content_hash)  # noqa: S311 - not a secret
    chosen = draw.sample(sorted(corpus), min(_DIMS_SAMPLE, len(corpus)))
    asked = [examples[at] for at in draw.sample(train, min(_DIMS_SAMPLE, len(train)))]
    return DevSet(
        corpus={passage_id: corpus[passage_id] for passage_id in chosen},
        queries={example.query_id: example.query for example in asked},
    )
