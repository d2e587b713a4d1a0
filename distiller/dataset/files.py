"""Training data out and in: every layout of the house, chosen by name, ending or content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow.parquet

from distiller.dataset.atomic import replacing
from distiller.dataset.formats.beir import QRELS_HEADER, beir_files, read_beir
from distiller.dataset.formats.documents import add_documents, documents_records
from distiller.dataset.formats.parquet import has_rows_of_ours, read_parquet, write_parquet
from distiller.dataset.formats.records import Contents, ExampleBuilder, with_background
from distiller.dataset.formats.splade import (
    add_dataset,
    add_splade,
    dataset_records,
    splade_records,
)
from distiller.dataset.formats.table import read_table, table_text
from distiller.dataset.formats.text_files import read_values
from distiller.dataset.formats.triplets import read_triplets, triplets_table
from distiller.schema.dataset import Example, SplitName, UnlabelledPassage
from distiller.schema.errors import DistillerError, InputError, InvalidFile, NotFound

Format = Literal["splade", "dataset", "json", "jsonl", "csv", "tsv", "beir", "triplets", "parquet"]
FORMATS: tuple[str, ...] = get_args(Format)

_RECORDS = {
    "splade": splade_records,
    "dataset": dataset_records,
    "json": documents_records,
    "jsonl": documents_records,
}
_ADD = {
    "splade": add_splade,
    "dataset": add_dataset,
    "json": add_documents,
    "jsonl": add_documents,
}
_DELIMITERS = {"csv": ",", "tsv": "\t"}


def write(
    examples: Iterable[Example],
    format: str,
    path: Path | str,
    *,
    split: bool = False,
    background: Sequence[UnlabelledPassage] = (),
) -> list[Path]:
    """Write examples in a layout; with `split` one file for each split, for `beir` one folder.

    A snapshot's background goes along in layouts that have a place for it, not into a file of
    training queries alone; `csv`, `tsv` and `triplets` have none.

    Every file is there whole or not at all. A file in its place that holds more examples is kept
    as `.bak`, and a warning says so.

    Returns:
        The files written (for `beir` the folder): `data.json`, or `data_train.json`,
        `data_val.json` and `data_test.json`.

    Raises:
        InputError: unknown format, a path that cannot be written, a file there that is not
            training data, or examples that the layout cannot say.
    """
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    path, examples = Path(path), list(examples)
    if format == "beir":
        _write_beir(examples, path, split=split, background=background)
        return [path]
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    if not split:
        _write_file(examples, format, path, background)
        return [path]
    parts: tuple[SplitName, ...] = get_args(SplitName)
    files = [path.with_name(f"{path.stem}_{part}{path.suffix}") for part in parts]
    for part, file in zip(parts, files, strict=True):
        some = [example for example in examples if example.split == part]
        _write_file(some, format, file, background if part != "train" else ())
    return files


def _write_file(
    examples: Sequence[Example],
    format: str,
    path: Path,
    background: Sequence[UnlabelledPassage],
) -> None:
    with replacing(path, keep=lambda old: _reason_to_keep(old, len(examples))) as temporary:
        if format == "triplets":
            pyarrow.parquet.write_table(triplets_table(examples), temporary)
            return
        if format == "parquet":
            try:
                write_parquet(examples, background, temporary)
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}: cannot be written: {error}; mend it") from None
            return
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(_chunks(examples, format, path, background))


def _chunks(
    examples: Sequence[Example],
    format: str,
    path: Path,
    background: Sequence[UnlabelledPassage],
) -> Iterator[str]:
    if format in _DELIMITERS:
        yield table_text(examples, _DELIMITERS[format])
        return
    records = with_background(_RECORDS[format](examples), background)
    if format == "jsonl":
        yield from (f"{dump(record, path)}\n" for record in records)
    else:
        yield from dump_list(records, path)


def dump_list(records: Iterable[Any], path: Path) -> Iterator[str]:
    """The text of a JSON list with a record on each line."""
    yield "["
    for count, record in enumerate(records):
        yield ("," if count else "") + "\n" + dump(record, path)
    yield "\n]\n"


def dump(record: Any, path: Path) -> str:
    """A record as JSON on one line.

    Raises:
        InputError: it holds a number that JSON lacks, or half of a character.
    """
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: a record cannot be written as JSON: {error}; mend it") from None
    return text


def _write_beir(
    examples: Sequence[Example],
    path: Path,
    *,
    split: bool,
    background: Sequence[UnlabelledPassage],
) -> None:
    files = beir_files(examples, split=split, background=background)
    if path.is_file():
        raise InputError(f"{path}: is a file; beir needs a folder")
    if path.is_dir():
        foreign = {p.name for p in path.iterdir()} - {"corpus.jsonl", "queries.jsonl", "qrels"}
        if foreign:
            problem = f"is a folder with other files ({sorted(foreign)[0]})"
            raise InputError(f"{path}: {problem}; choose a new folder")
    with replacing(path, keep=lambda old: _reason_to_keep(old, len(examples))) as folder:
        (folder / "qrels").mkdir(parents=True)
        for name, records in (("corpus", files.corpus.values()), ("queries", files.queries)):
            with (folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(f"{dump(record, path)}\n" for record in records)
        for name, rows in files.qrels.items():
            with (folder / "qrels" / f"{name}.tsv").open("w", encoding="utf-8", newline="") as out:
                out.write("\t".join(QRELS_HEADER) + "\n")
                out.writelines(f"{query}\t{passage}\t{grade}\n" for query, passage, grade in rows)


def _reason_to_keep(old: Path, examples: int) -> str | None:
    if old.is_dir() and not any(old.iterdir()):
        return None
    try:
        present = len(read(old))
    except DistillerError:
        return "held something else than training data"
    return f"held {present} examples, now {examples}" if present > examples else None


def read(path: Path | str, format: str | None = None) -> list[Example]:
    """The examples of a file of training data; see `read_contents`."""
    return read_contents(path, format).examples


def read_contents(path: Path | str, format: str | None = None) -> Contents:
    """Read training data; without `format` its ending and content say what it is.

    Texts, grades, identifiers and everything else that `write` put into `splade`, `dataset`,
    `json`, `jsonl`, `beir` and `parquet` come back as they were, background included; `csv`, `tsv` and
    `triplets` hold texts and labels only.

    Raises:
        NotFound: there is no such file.
        InvalidFile: what is wrong, by line and field.
        InputError: unknown format.
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise InputError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    if not path.exists():
        raise NotFound(f"{path}: no such file; check the path")
    if path.is_dir():
        return read_beir(path)
    kind = format or {".csv": "csv", ".tsv": "tsv"}.get(path.suffix.lower())
    if kind is None and path.suffix.lower() == ".parquet":
        kind = "parquet" if has_rows_of_ours(path) else "triplets"
    if kind == "triplets":
        return Contents(read_triplets(path), [])
    if kind == "parquet":
        return read_parquet(path)
    if kind in _DELIMITERS:
        return Contents(read_table(path), [])
    builder = ExampleBuilder(path)
    for line, value in read_values(path):
        record_kind = kind or format_of(value, path, line)
        if record_kind not in _ADD:
            problem = f"this is a {record_kind} file, not training data; import it into a project"
            raise InvalidFile(path, problem, line=line)
        _ADD[record_kind](builder, path, line, value)
    return builder.contents()


def format_of(value: Any, path: Path, line: int) -> str:
    """The layout that a JSON record is of: one of the formats, `queries` or `bootstrap`.

    Raises:
        InvalidFile: of none of them.
    """
    if not isinstance(value, dict):
        problem = f"expected an object, found {type(value).__name__}"
        raise InvalidFile(path, problem, line=line)
    if "documents" in value:
        return "json"
    if "positive_document" in value:
        negatives = value.get("negative_documents")
        described = isinstance(negatives, list) and any(isinstance(n, dict) for n in negatives)
        return "dataset" if described or "positive_explanation" in value else "splade"
    if "concepts" in value or "domain" in value:
        return "bootstrap"
    if "query" in value:
        return "queries"
    problem = f"not a known record, it has {', '.join(map(repr, list(value)[:5])) or 'no fields'}"
    raise InvalidFile(
        path, f"{problem}; expected query and documents or positive_document", line=line
    )
