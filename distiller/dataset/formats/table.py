"""The layouts `csv` and `tsv`: a row for each judged pair. Grades and reasons have no place here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from distiller.dataset.formats.records import ExampleBuilder, ExampleMeta, labelled
from distiller.dataset.formats.text_files import read_text
from distiller.schema.dataset import Example
from distiller.schema.errors import InvalidFile

COLUMNS = ("query", "document", "is_relevant")
MAX_CELL = 16 * 2**20
"""Characters of one cell; an unclosed quotation mark would otherwise swallow the file."""

_LABELS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
# What spreadsheets take for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NEUTRALISED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


def neutralise(cell: str) -> str:
    """Put `'` before a cell that a spreadsheet would run; cells that look so already get one more."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def restore(cell: str) -> str:
    """Undo `neutralise`."""
    return cell[1:] if _NEUTRALISED.match(cell) else cell


def table_text(examples: Iterable[Example], delimiter: str) -> str:
    """The examples as rows `query, document, is_relevant` under a header, after RFC 4180."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for example in examples:
        query = neutralise(example.query)
        for label, passages in (("1", example.positives), ("0", example.negatives)):
            writer.writerows((query, neutralise(p.text), label) for p in passages)
    return stream.getvalue()


def read_table(path: Path) -> list[Example]:
    """Read rows under a header that names the three columns, in any order, parted by `,` `;` or tab.

    Raises:
        InvalidFile: what is wrong, by line and column.
    """
    text = read_text(path)
    delimiter, columns = _header(path, text)
    builder = ExampleBuilder(path)
    csv.field_size_limit(MAX_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in rows:
            if line > 1 and row:
                _add_row(builder, path, line, row, columns)
            line = rows.line_num + 1
    except csv.Error as error:
        problem = f"not a table: {error}; look for an unclosed quotation mark"
        raise InvalidFile(path, problem, line=line) from None
    return builder.examples()


def _header(path: Path, text: str) -> tuple[str, list[str]]:
    first = text.split("\n", 1)[0].rstrip("\r")
    for delimiter in (",", "\t", ";"):
        columns = [name.strip().strip('"').casefold() for name in first.split(delimiter)]
        if set(COLUMNS) <= set(columns):
            if len(set(columns)) < len(columns):
                raise InvalidFile(path, "a column stands twice; rename one", line=1)
            return delimiter, columns
    problem = f"the first line must name the columns {', '.join(COLUMNS)}"
    raise InvalidFile(path, problem, line=1)


def _add_row(
    builder: ExampleBuilder, path: Path, line: int, row: list[str], columns: list[str]
) -> None:
    if len(row) != len(columns):
        problem = f"{len(row)} cells under {len(columns)} columns; quote cells with a delimiter"
        raise InvalidFile(path, problem, line=line)
    cells = {name: restore(cell) for name, cell in zip(columns, row, strict=True)}
    for name in ("query", "document"):
        if not cells[name].strip():
            raise InvalidFile(path, "the cell is empty", line=line, field=name)
    relevant = _LABELS.get(cells["is_relevant"].strip().casefold())
    if relevant is None:
        problem = f"{cells['is_relevant'][:20]!r} is not one of {', '.join(_LABELS)}"
        raise InvalidFile(path, problem, line=line, field="is_relevant")
    users = {name: cell for name, cell in cells.items() if name not in COLUMNS and cell}
    passage = labelled(cells["document"], relevant, None)
    builder.add(line, cells["query"], [(relevant, passage)], ExampleMeta(), users)
