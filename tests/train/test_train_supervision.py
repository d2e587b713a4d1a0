"""What is known of the rows, and which of them make a batch."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distiller.train.batches import LengthBuckets
from distiller.train.rows import TrainingRow
from distiller.train.supervision import supervision

ROWS = [
    TrainingRow("q1", "a", ("x", "c")),
    TrainingRow("q1", "b", ("x", "y")),
    TrainingRow("q2", "c", ("a", "z"), weight=4.0, scores=(3.0, 1.0, None)),
]


def test_a_passage_that_answers_is_never_a_negative_of_its_query() -> None:
    known = supervision(ROWS)
    rows = torch.tensor([0, 1, 2])
    names = [known.passage_texts[number] for number in known.candidates(rows)]
    assert names == ["a", "b", "c", "x", "x", "a", "c", "y", "z"]
    never = known.never(rows)
    masked = [[names[column] for column in row.nonzero().flatten()] for row in never]
    assert masked == [
        ["b", "a"],  # q1's other answer, and its own where it stands as q2's negative
        ["a", "a"],
        ["c"],  # q2's own answer where it stands as q1's negative
    ]
    assert not never[torch.arange(3), torch.arange(3)].any()


def test_weights_are_one_on_average() -> None:
    assert supervision(ROWS).weights.tolist() == [0.5, 0.5, 2.0]  # 1, 1, 4 over their mean 2


def test_scores_are_kept_by_row_and_unknown_stays_unknown() -> None:
    known = supervision(ROWS)
    assert known.has_teacher
    assert known.teacher[:2].isnan().all()
    assert known.teacher[2, :2].tolist() == pytest.approx([1.0, -1.0])
    assert math.isnan(known.teacher[2, 2])
    assert not supervision(ROWS[:2]).has_teacher


def buckets(rows: list[TrainingRow], batch_size: int, *, bucket: bool = True) -> LengthBuckets:
    lengths = [len(row.positive) for row in rows]
    return LengthBuckets(supervision(rows), lengths, batch_size=batch_size, seed=1, bucket=bucket)


@given(
    answers=st.lists(st.integers(0, 12), min_size=1, max_size=80),
    batch_size=st.integers(1, 9),
    bucket=st.booleans(),
)
def test_every_row_comes_once_an_epoch_in_as_many_batches_as_promised(
    answers: list[int], batch_size: int, bucket: bool
) -> None:
    rows = [TrainingRow(f"q{n}", f"p{a}" * (a + 1), ()) for n, a in enumerate(answers)]
    sampler = buckets(rows, batch_size, bucket=bucket)
    batches = list(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    assert len(batches) == len(sampler)
    assert max(map(len, batches)) <= batch_size


def test_no_query_and_no_answer_stands_twice_where_that_can_be_had() -> None:
    rows = [TrainingRow(f"q{n % 20}", f"p{n % 25}", (f"p{(n + 7) % 25}",)) for n in range(100)]
    sampler = buckets(rows, 4)
    clean = 0
    for batch in sampler:
        queries = [rows[row].query for row in batch]
        answers = [rows[row].positive for row in batch]
        others = [text for row in batch for text in rows[row].negatives]
        clean += len({*queries}) == len(batch) == len({*answers}) and not {*answers} & {*others}
    assert clean >= 23  # of 25: what is left at the end goes where there is room


def test_an_epoch_is_drawn_by_seed_and_number() -> None:
    rows = [TrainingRow(f"q{n}", "p" * n, ()) for n in range(1, 100)]
    sampler = buckets(rows, 4)
    first = list(sampler)
    assert list(sampler) == first == list(buckets(rows, 4))
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_texts_of_like_length_meet() -> None:
    rows = [TrainingRow(f"q{n}", "p" * (1 + n * 37 % 512), ()) for n in range(512)]

    def padding(bucket: bool) -> int:
        widths = [[len(rows[row].positive) for row in b] for b in buckets(rows, 8, bucket=bucket)]
        return sum(max(batch) * len(batch) - sum(batch) for batch in widths)

    assert padding(bucket=True) < padding(bucket=False) / 5
