"""Training rows as a file that is mapped: the same rows, and not in memory."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from distiller.schema.errors import StageFailed
from distiller.train.columns import on_disk
from distiller.train.rows import TrainingRow

ROWS = [
    TrainingRow(f"query {n}", f"positive {n}", (f"first {n}", f"second {n}")) for n in range(2500)
]


def test_the_columns_are_the_rows_in_their_order(tmp_path: Path) -> None:
    found = on_disk(ROWS, [], tmp_path / "rows.arrow")
    assert found.column_names == ["query", "positive", "negative_1", "negative_2", "label"]
    assert found["label"][:] == list(range(2500))
    for number in (0, 999, 1000, 2499):
        row = ROWS[number]
        assert list(found[number].values())[:-1] == [row.query, row.positive, *row.negatives]
    assert found[[2001, 7]]["negative_2"] == ["second 2001", "second 7"]


def test_general_texts_stand_beside_the_rows_over_and_over(tmp_path: Path) -> None:
    found = on_disk(ROWS[:5], ["one", "two"], tmp_path / "rows.arrow")
    assert found["general"][:] == ["one", "two", "one", "two", "one"]
    without = [TrainingRow("query", "positive", ())]
    assert on_disk(without, [], tmp_path / "other.arrow")[0] == {
        "query": "query",
        "positive": "positive",
        "label": 0,
    }


def test_the_texts_are_mapped_and_not_read_into_memory(tmp_path: Path) -> None:
    long = [TrainingRow(f"{n}", "x" * 10_000, ()) for n in range(3000)]
    before = pa.total_allocated_bytes()
    found = on_disk(long, [], tmp_path / "rows.arrow")
    assert [file["filename"] for file in found.cache_files] == [str(tmp_path / "rows.arrow")]
    assert (tmp_path / "rows.arrow").stat().st_size > 30_000_000
    assert pa.total_allocated_bytes() - before < 1_000_000
    assert found[2999]["positive"] == "x" * 10_000


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match=r"cannot write the training rows to .*make room"):
        on_disk(ROWS, [], tmp_path / "nowhere" / "rows.arrow")
