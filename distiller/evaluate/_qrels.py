"""Read qrels, and keep of them what the collection knows."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from distiller.evaluate._records import lines
from distiller.schema.errors import InvalidFile
from distiller.schema.retrieval import Qrels

_HEADERS = {"query-id", "query_id", "qid", "query", "queryid", "topic"}


def read_qrels(path: Path) -> Qrels:
    """Judgments of a file of lines `query-id <tab> corpus-id <tab> score`.

    Raises:
        InvalidFile: Too few columns, a grade that is not a whole number, or two grades for the
            same pair.
    """
    qrels: Qrels = {}
    for number, text in lines(path):
        fields = [field.strip() for field in (text.split("\t") if "\t" in text else text.split())]
        if not qrels and fields[0].lower() in _HEADERS and not fields[-1].isdigit():
            continue
        query_id, passage_id, grade = _judgment(path, number, fields)
        grades = qrels.setdefault(query_id, {})
        if grades.setdefault(passage_id, grade) != grade:
            raise InvalidFile(
                path,
                f"query {query_id!r} and passage {passage_id!r} have another grade further up",
                line=number,
                field="score",
            )
    if not qrels:
        raise InvalidFile(path, "holds no judgment")
    return qrels


def _judgment(path: Path, line: int, fields: list[str]) -> tuple[str, str, int]:
    if len(fields) == 4:  # TREC: query, iteration, passage, grade
        del fields[1]
    if len(fields) != 3 or not all(fields):
        raise InvalidFile(
            path, "needs three columns parted by tabs: query-id, corpus-id, score", line=line
        )
    try:
        return fields[0], fields[1], int(fields[2])
    except ValueError as error:
        raise InvalidFile(
            path, f"{fields[2]!r} is not a whole number", line=line, field="score"
        ) from error


def known(
    path: Path, qrels: Qrels, queries: Container[str], corpus: Container[str]
) -> tuple[Qrels, list[str]]:
    """The judgments whose query and passage are there, and notes on the others.

    Raises:
        InvalidFile: No judgment is left.
    """
    kept: Qrels = {}
    unknown_queries = unknown_passages = 0
    for query_id, grades in qrels.items():
        if query_id not in queries:
            unknown_queries += 1
            continue
        found = {passage_id: grade for passage_id, grade in grades.items() if passage_id in corpus}
        unknown_passages += len(grades) - len(found)
        if found:
            kept[query_id] = found
    if not kept:
        what = "queries" if unknown_queries == len(qrels) else "passages of the judged queries"
        raise InvalidFile(path, f"none of its {what} is in the collection; are the ids the same?")
    notes = []
    if unknown_queries:
        notes.append(f"{path.name}: {unknown_queries} judged queries are not in the queries file")
    if unknown_passages:
        notes.append(
            f"{path.name}: {unknown_passages} judged passages are not in the corpus; "
            "their judgments are left out"
        )
    return kept, notes
