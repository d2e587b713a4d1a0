"""The layout `triplets`: Parquet with the columns that sentence-transformers trains on.

https://sbert.net/docs/sparse_encoder/loss_overview.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import pyarrow
import pyarrow.parquet

from distiller.dataset.formats.records import ExampleBuilder, ExampleMeta, labelled
from distiller.dataset.formats.text_files import MAX_BYTES
from distiller.schema.dataset import Example
from distiller.schema.errors import InvalidFile


def triplets_table(examples: Sequence[Example]) -> pyarrow.Table:
    """A row for each positive: `anchor`, `positive`, `negative_1`, `negative_2`, …

    The trainer needs every column in every row. A query with fewer negatives than another repeats
    its own; one without any borrows positives of other queries, as in-batch negatives do.
    """
    width = max((len(example.negatives) for example in examples), default=0)
    names = ["anchor", "positive", *(f"negative_{n}" for n in range(1, width + 1))]
    rows = [
        [example.query, positive.text, *_filled(examples, at, width)]
        for at, example in enumerate(examples)
        for positive in example.positives
    ]
    columns = [[row[at] for row in rows] for at in range(len(names))]
    arrays = [pyarrow.array(column, type=pyarrow.string()) for column in columns]
    return pyarrow.Table.from_arrays(arrays, names=names)


def _filled(examples: Sequence[Example], at: int, width: int) -> list[str]:
    texts = [negative.text for negative in examples[at].negatives]
    if not texts and width:
        own = {positive.text for positive in examples[at].positives}
        others = (p.text for e in [*examples[at + 1 :], *examples[:at]] for p in e.positives)
        # `width` > 0 says that some other query has a negative to fall back on.
        texts = list(islice((text for text in others if text not in own), width))
        texts = texts or [n.text for e in examples for n in e.negatives if n.text not in own]
    return list(islice(cycle(texts), width))


def read_triplets(path: Path) -> list[Example]:
    """Examples of a Parquet file; the columns `negative` and `negative_1`, … are hard negatives.

    Raises:
        InvalidFile: not Parquet, without `anchor` and `positive`, or a cell that is not text.
    """
    if path.stat().st_size > MAX_BYTES:
        raise InvalidFile(path, f"larger than {MAX_BYTES // 2**20} MB; split the file")
    try:
        file = pyarrow.parquet.ParquetFile(path)
        names = file.schema_arrow.names
    except (pyarrow.ArrowException, OSError, ValueError):
        problem = "not a Parquet file, or cut off; write it again"
        raise InvalidFile(path, problem) from None
    wanted = [name for name in names if name == "negative" or name.startswith("negative_")]
    for name in ("anchor", "positive"):
        if name not in names:
            raise InvalidFile(path, "the column is missing", field=name)
    return _examples(path, file, ["anchor", "positive", *wanted])


def _examples(path: Path, file: pyarrow.parquet.ParquetFile, columns: list[str]) -> list[Example]:
    builder = ExampleBuilder(path)
    line = 0
    try:
        for batch in file.iter_batches(columns=columns):
            for row in batch.to_pylist():
                line += 1
                for name in columns:
                    if not isinstance(row[name], str) or not row[name].strip():
                        raise InvalidFile(path, "the cell holds no text", line=line, field=name)
                passages = [(True, labelled(row["positive"], True, None))]
                texts = dict.fromkeys(row[name] for name in columns[2:])
                passages += [(False, labelled(text, False, None)) for text in texts]
                builder.add(line, row["anchor"], passages, ExampleMeta(), {})
    except (pyarrow.ArrowException, OSError) as error:
        problem = f"cut off or damaged: {str(error).splitlines()[0]}"
        raise InvalidFile(path, problem, line=line) from None
    return builder.examples()
