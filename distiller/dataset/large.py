"""Datasets that do not fit in memory: examples in a file that is mapped, made when asked for."""

from __future__ import annotations

import tempfile
from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from heapq import merge
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO, cast, overload

import numpy as np
import pyarrow as pa

from distiller.dataset.files import read_contents
from distiller.dataset.formats.parquet import (
    AT_ONCE,
    SCHEMA,
    add_row,
    batches,
    count_of,
    has_rows_of_ours,
    read_rows,
    rows_of,
)
from distiller.dataset.formats.records import Contents, ExampleBuilder
from distiller.dataset.holding_out import hold_out
from distiller.dataset.snapshots import content_hash, counts_of
from distiller.dataset.texts import key_of_text
from distiller.schema.base import new_id
from distiller.schema.dataset import DatasetSnapshot, Example, UnlabelledPassage
from distiller.schema.errors import InvalidFile, StageFailed

IN_MEMORY = 20_000
"""Queries of a Parquet file up to which it is read into memory, as files of all other layouts."""
_LINES_AT_ONCE = 5_000
"""Of the content's lines, in memory while they are sorted."""
_BATCHES_KEPT = 8


class StoredExamples(Sequence[Example]):
    """The examples of a file that is mapped; only what was asked for last is in memory."""

    def __init__(self, path: Path) -> None:
        """Map a file that `store` has written."""
        self.path = path
        self._file = pa.ipc.open_file(pa.memory_map(str(path)))
        counts = [self._file.get_batch(at).num_rows for at in range(self._file.num_record_batches)]
        self._length: int = sum(counts)
        self._kept: OrderedDict[int, Any] = OrderedDict()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> Example: ...
    @overload
    def __getitem__(self, at: slice) -> list[Example]: ...
    def __getitem__(self, at: int | slice) -> Example | list[Example]:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        index = at + len(self) if at < 0 else at
        if not 0 <= index < len(self):
            raise IndexError(at)
        batch = self._batch(index // AT_ONCE)
        [row] = batch.slice(index % AT_ONCE, 1).to_pylist()
        return _made(self.path, index + 1, row).examples[0]

    def __iter__(self) -> Iterator[Example]:
        line = 0
        for number in range(self._file.num_record_batches):
            for row in self._file.get_batch(number).to_pylist():
                line += 1
                yield _made(self.path, line, row).examples[0]

    def _batch(self, number: int) -> Any:
        batch = self._kept.pop(number, None)
        self._kept[number] = self._file.get_batch(number) if batch is None else batch
        if len(self._kept) > _BATCHES_KEPT:
            self._kept.popitem(last=False)
        return self._kept[number]


def store(examples: Iterable[Example], path: Path) -> StoredExamples:
    """Write examples, some at a time, and map them.

    Raises:
        StageFailed: The file cannot be written.
    """
    some = iter(examples)
    try:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, SCHEMA) as out:
            for batch in batches(rows_of(some)):
                out.write_batch(batch)
    except OSError as error:
        problem = f"cannot write the training data to {path}: {error}"
        raise StageFailed(f"{problem}; make room and run the same again") from error
    return StoredExamples(path)


def is_large(path: Path) -> bool:
    """Whether a file is of the layout `parquet`, and of more queries than are read into memory.

    Raises:
        InvalidFile: It is called Parquet and is not.
    """
    return path.is_file() and has_rows_of_ours(path) and count_of(path) > IN_MEMORY


def large_snapshot(
    train_file: Path,
    val_file: Path | None,
    folder: Path,
    *,
    seed: int,
    keep_split: bool = False,
) -> DatasetSnapshot:
    """A snapshot of Parquet files, of which only some rows are in memory at a time.

    It says what one in memory says of the same examples, its hash included.

    Args:
        train_file: Layout `parquet`, with a row for each query.
        val_file: Of any layout; all of it is the dev split.
        folder: Where the mapped file goes; it has to stay as long as the snapshot is used.
        seed: Decides what is held out, where neither the file nor another says it.
        keep_split: Whether the train file's own split holds, also where it marks nothing as val.

    Raises:
        InvalidFile: A file is not what it should be, or a query stands in two rows.
        StageFailed: `folder` cannot be written to.
    """
    background: dict[str, UnlabelledPassage] = {}
    marked: Counter[str] = Counter()
    read = store(_read(train_file, val_file, background, marked), folder / "read.arrow")
    examples = read
    if not (val_file or keep_split or marked["val"]):
        examples = store(hold_out(read, seed=seed), folder / "examples.arrow")
        read.path.unlink()
    names = [file.name for file in (train_file, val_file) if file]
    by_split, passages = _counted(examples)
    besides = list(background.values())
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        ordered = partial(sorted_on_disk, folder=Path(scratch))
        found = content_hash(examples, besides, ordered=ordered)
    return DatasetSnapshot.model_construct(  # validation would make a list of them
        id=new_id("snapshot"),
        project_id=None,
        content_hash=found,
        examples=cast("list[Example]", examples),
        background=besides,
        seed=seed,
        counts=counts_of(by_split, passages, len(besides)),
        lineage={"files": names},
    )


def _read(
    train_file: Path,
    val_file: Path | None,
    background: dict[str, UnlabelledPassage],
    marked: Counter[str],
) -> Iterator[Example]:
    seen: set[int] = set()
    for file in (train_file, val_file):
        for line, made in _records(file) if file else ():
            [example] = made.examples
            key = key_of_text(f"{file}\n{example.query_id}")
            if file and key in seen:
                problem = f"query {example.query[:60]!r} stands in two rows; write one for each"
                raise InvalidFile(file, problem, line=line)
            seen.add(key)
            for passage in made.background:
                background.setdefault(passage.passage_id, passage)
            if file == val_file:
                example.split = "val"
            marked[example.split] += 1
            yield example


def _records(file: Path) -> Iterator[tuple[int, Contents]]:
    if has_rows_of_ours(file):
        yield from ((line, _made(file, line, row)) for line, row in read_rows(file))
        return
    examples, background = read_contents(file)
    for line, example in enumerate(examples, 1):
        yield line, Contents([example], background if line == 1 else [])


def _made(path: Path, line: int, row: dict[str, Any]) -> Contents:
    builder = ExampleBuilder(path)
    add_row(builder, path, line, row)
    return builder.contents()


def _counted(examples: Iterable[Example]) -> tuple[Counter[str], int]:
    """Examples by split, and distinct passages."""
    by_split: Counter[str] = Counter()
    passages = array("Q")
    for example in examples:
        by_split[example.split] += 1
        for passage in chain(example.positives, example.negatives):
            passages.append(key_of_text(passage.passage_id))
    return by_split, len(np.unique(np.frombuffer(passages, dtype=np.uint64))) if passages else 0


def sorted_on_disk(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """Lines of ASCII text in their order, of which only some are in memory at a time."""
    rest = iter(lines)
    with ExitStack() as stack:
        files: list[TextIO] = []
        while some := sorted(islice(rest, _LINES_AT_ONCE)):
            file = stack.enter_context((folder / str(len(files))).open("w+", encoding="ascii"))
            file.writelines(f"{line}\n" for line in some)
            file.seek(0)
            files.append(file)
        for line in merge(*files):
            yield line.removesuffix("\n")
