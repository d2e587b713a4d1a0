"""The layout `parquet`: what `jsonl` says, in columns; a row for each query."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from distiller.dataset.formats.documents import add_documents, documents_records
from distiller.dataset.formats.records import (
    OWN_KEY,
    Contents,
    ExampleBuilder,
    with_background,
)
from distiller.schema.dataset import Example, UnlabelledPassage
from distiller.schema.errors import InvalidFile

Row = dict[str, Any]

AT_ONCE = 500
"""Rows in memory while a file is read or written."""

_DOCUMENT = pa.struct(
    [
        ("text", pa.string()),
        ("is_relevant", pa.bool_()),
        ("explanation", pa.string()),
        ("passage_id", pa.string()),
        ("title", pa.string()),
        ("grade", pa.int8()),
        ("strategy", pa.string()),
        ("score", pa.float64()),
        ("decided_by", pa.string()),
    ]
)
_SAID = ("text", "is_relevant", "explanation")
"""Fields of a document that `jsonl` has, too; the others stand in its `_meta`."""
_BACKGROUND = pa.struct([(name, pa.string()) for name in ("passage_id", "title", "text")])
_OWN = pa.schema(
    [
        ("query_id", pa.string()),
        ("type", pa.string()),
        ("complexity", pa.string()),
        ("answer_type", pa.string()),
        ("key_concepts", pa.list_(pa.string())),
        ("cluster", pa.string()),
        ("split", pa.string()),
        ("weight", pa.float64()),
        ("background", pa.list_(_BACKGROUND)),
    ]
)
SCHEMA = pa.schema(
    [
        ("query", pa.string()),
        ("documents", pa.list_(_DOCUMENT)),
        *((field.name, field.type) for field in _OWN),
        ("meta", pa.string()),
    ]
)
_NEEDED = ("query", "documents")


def rows_of(
    examples: Iterable[Example], background: Sequence[UnlabelledPassage] = ()
) -> Iterator[Row]:
    """A row for each example, the first of them with the background.

    Raises:
        ValueError: A score is not a number that can be read again.
    """
    for record in with_background(documents_records(examples), background):
        own = record["_meta"].pop(OWN_KEY)
        metas = own.pop("documents")
        documents = [
            meta | document for meta, document in zip(metas, record["documents"], strict=True)
        ]
        if not all(math.isfinite(one["score"] or 0) for one in documents):
            raise ValueError(f"a score of {record['query'][:60]!r} is no number")
        users = record["_meta"]
        meta = json.dumps(users, ensure_ascii=False, allow_nan=False) if users else None
        yield {"query": record["query"], "documents": documents, **own, "meta": meta}


def add_row(builder: ExampleBuilder, path: Path, line: int, row: Row) -> None:
    """Add a row to the examples.

    Raises:
        InvalidFile: What the row lacks, by its number and field.
    """
    given = {name: value for name, value in row.items() if value is not None}
    found = given.get("documents", [])
    if not isinstance(found, list) or any(not isinstance(one, dict) for one in found):
        problem = "expected a list of documents, each with `text` and `is_relevant`"
        raise InvalidFile(path, problem, line=line, field="documents")
    documents = [{name: value for name, value in one.items() if value is not None} for one in found]
    own = {name: given[name] for name in _OWN.names if name in given}
    own["documents"] = [
        {name: value for name, value in document.items() if name not in _SAID}
        for document in documents
    ]
    record = {
        "query": given.get("query"),
        "documents": [
            {name: document[name] for name in _SAID if name in document} for document in documents
        ],
        "_meta": {**_users(path, line, given.get("meta")), OWN_KEY: own},
    }
    add_documents(builder, path, line, record)


def _users(path: Path, line: int, text: str | None) -> Row:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidFile(path, "is not a JSON object; mend it", line=line, field="meta")
    return found


def batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Rows as columns, some at a time."""
    rest = iter(rows)
    while some := list(islice(rest, AT_ONCE)):
        yield pa.RecordBatch.from_pylist(some, schema=SCHEMA)


def write_parquet(
    examples: Iterable[Example], background: Sequence[UnlabelledPassage], path: Path
) -> None:
    """Write examples; those that are to come are not in memory yet.

    Raises:
        OSError: The file cannot be written.
        ValueError: A number or a character cannot be read again.
    """
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for batch in batches(rows_of(examples, background)):
            writer.write_batch(batch)


def read_parquet(path: Path) -> Contents:
    """Read a whole file.

    Raises:
        InvalidFile: Not Parquet, without `query` and `documents`, or a row that lacks something.
    """
    builder = ExampleBuilder(path)
    for line, row in read_rows(path):
        add_row(builder, path, line, row)
    return builder.contents()


def columns_of(path: Path) -> list[str]:
    """Names of a Parquet file's columns.

    Raises:
        InvalidFile: It is none.
    """
    with _readable(path):
        return list(pq.read_schema(path).names)


def has_rows_of_ours(path: Path) -> bool:
    """Whether a file is in this layout by its name and columns, and not one of `triplets`.

    Raises:
        InvalidFile: It is called Parquet and is none.
    """
    return path.suffix.lower() == ".parquet" and "anchor" not in columns_of(path)


def count_of(path: Path) -> int:
    """Rows of a Parquet file.

    Raises:
        InvalidFile: It is none.
    """
    with _readable(path):
        return int(pq.read_metadata(path).num_rows)


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows with their numbers from 1, of which only some are in memory at a time.

    Raises:
        InvalidFile: Not Parquet, or without `query` and `documents`.
    """
    names = columns_of(path)
    for name in _NEEDED:
        if name not in names:
            raise InvalidFile(path, "the column is missing", field=name)
    line = 0
    with _readable(path), pq.ParquetFile(path) as file:
        known = [name for name in SCHEMA.names if name in names]
        for batch in file.iter_batches(batch_size=AT_ONCE, columns=known):
            for row in batch.to_pylist():
                line += 1
                yield line, row


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InvalidFile(
            path, f"not a Parquet file, or cut off ({reason}); write it again"
        ) from None
