"""The texts of training rows as columns of a file, mapped into memory instead of read into it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
from datasets import Dataset

from distiller.schema.errors import StageFailed
from distiller.train.rows import TrainingRow

_AT_ONCE = 1000
"""Rows that are in memory as columns while the file is written."""


def on_disk(rows: Sequence[TrainingRow], general: Sequence[str], path: Path) -> Dataset:
    """Write the columns that a trainer reads, and map them.

    Args:
        rows: At least one; all with the same number of negatives.
        general: Texts of a last column, over and over; none without any.
        path: File to write, in Arrow's stream format.

    Returns:
        The columns `query`, `positive`, `negative_1` …, `general` and `label`, a row's number.

    Raises:
        StageFailed: The file cannot be written.
    """
    names = ["query", *passage_columns(len(rows[0].negatives)), *["general"] * bool(general)]
    schema = pa.schema([*((name, pa.string()) for name in names), ("label", pa.int64())])
    try:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
            rest = enumerate(rows)
            while some := list(islice(rest, _AT_ONCE)):
                texts = [_texts(row, number, general) for number, row in some]
                columns = [*map(list, zip(*texts, strict=True)), [number for number, _ in some]]
                stream.write_batch(pa.record_batch(columns, schema=schema))
    except OSError as error:
        raise StageFailed(
            f"cannot write the training rows to {path}: {error}; make room and run the same again"
        ) from error
    return Dataset.from_file(str(path))


def passage_columns(negatives: int) -> list[str]:
    """Names of the columns that hold passages, the positive's first."""
    return ["positive", *(f"negative_{number + 1}" for number in range(negatives))]


def _texts(row: TrainingRow, number: int, general: Sequence[str]) -> list[str]:
    last = [general[number % len(general)]] if general else []
    return [row.query, row.positive, *row.negatives, *last]
