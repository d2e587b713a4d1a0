"""Training rows in a file that is mapped into memory, for datasets that do not fit in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, overload

import pyarrow as pa
from datasets import Dataset

from distiller.schema.errors import StageFailed
from distiller.train.rows import TrainingRow

_AT_ONCE = 1000
"""Rows that are in memory while the file is written or gone through."""
_SCHEMA = pa.schema(
    [
        ("query", pa.string()),
        ("positive", pa.string()),
        ("negatives", pa.list_(pa.string())),
        ("weight", pa.float64()),
        ("scores", pa.list_(pa.float64())),
    ]
)


class MappedRows(Sequence[TrainingRow]):
    """Rows of a file. Other processes are handed its path, and map it too."""

    def __init__(self, path: Path) -> None:
        """Map a file that `write` has written."""
        self.path = path
        self._rows = Dataset.from_file(str(path))

    @classmethod
    def write(cls, rows: Iterable[TrainingRow], path: Path) -> MappedRows:
        """Write rows, some at a time, and map them.

        Raises:
            StageFailed: The file cannot be written.
        """
        rest = iter(rows)
        try:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, _SCHEMA) as stream:
                while some := [vars(row) for row in islice(rest, _AT_ONCE)]:
                    stream.write_batch(pa.RecordBatch.from_pylist(some, schema=_SCHEMA))
        except OSError as error:
            problem = f"cannot write the training rows to {path}: {error}"
            raise StageFailed(f"{problem}; make room and run the same again") from error
        return cls(path)

    def __reduce__(self) -> tuple[type[MappedRows], tuple[Path]]:
        return MappedRows, (self.path,)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> TrainingRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[TrainingRow]: ...
    def __getitem__(self, at: int | slice) -> TrainingRow | list[TrainingRow]:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        return _row(self._rows[at])

    def __iter__(self) -> Iterator[TrainingRow]:
        for columns in self._rows.iter(batch_size=_AT_ONCE):
            for values in zip(*columns.values(), strict=True):
                yield _row(dict(zip(columns, values, strict=True)))


def _row(fields: dict[str, Any]) -> TrainingRow:
    lists = {name: tuple(fields[name]) for name in ("negatives", "scores")}
    return TrainingRow(**(fields | lists))
