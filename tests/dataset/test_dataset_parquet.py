"""Parquet that somebody else wrote, and Parquet that is not what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distiller.dataset import read
from distiller.schema.errors import InvalidFile


def saved(path: Path, *rows: dict[str, Any]) -> Path:
    names = dict.fromkeys(name for row in rows for name in row)
    pq.write_table(pa.Table.from_pylist([{n: row.get(n) for n in names} for row in rows]), path)
    return path


def test_query_and_documents_are_enough(tmp_path: Path) -> None:
    documents = [{"text": "a", "is_relevant": True}, {"text": "b", "is_relevant": False}]
    file = saved(tmp_path / "data.parquet", {"query": "q", "documents": documents, "other": 3})
    [one] = read(file)
    assert (one.query, one.split, one.weight) == ("q", "train", 1.0)
    assert [(p.text, p.grade) for p in one.positives + one.negatives] == [("a", 3), ("b", 0)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"query": "q"}, r"documents.*the column is missing"),
        ({"query": None, "documents": [{"text": "a", "is_relevant": True}]}, r"line 2.*query"),
        ({"query": "q", "documents": [{"text": " ", "is_relevant": True}]}, r"line 2.*empty"),
        ({"query": "q", "documents": [{"text": "a"}]}, r"line 2.*is_relevant"),
        ({"query": "q", "documents": "a, b"}, r"line 1.*expected a list of documents"),
        (
            {"query": "q", "documents": [{"text": "a", "is_relevant": True}], "split": "dev"},
            r"line 2.*split",
        ),
        (
            {"query": "q", "documents": [{"text": "a", "is_relevant": True}], "meta": "[1]"},
            r"line 2.*meta.*not a JSON object",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_with_its_row(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    good = {"query": "good", "documents": [{"text": "z", "is_relevant": True}]}
    rows = [row, row] if "documents" not in row or row["documents"] == "a, b" else [good, row]
    with pytest.raises(InvalidFile, match=said):
        read(saved(tmp_path / "data.parquet", *rows))


def test_what_is_cut_off_is_no_parquet_file(tmp_path: Path) -> None:
    documents = [{"text": "a", "is_relevant": True}]
    file = saved(tmp_path / "data.parquet", {"query": "q", "documents": documents})
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InvalidFile, match=r"not a Parquet file, or cut off"):
        read(file)
