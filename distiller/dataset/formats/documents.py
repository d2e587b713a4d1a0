"""The layouts `json` and `jsonl`: one record for each query, with all its documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from distiller.dataset.formats.records import (
    ExampleBuilder,
    FileRecord,
    Text,
    labelled,
    own_meta,
    passage_meta,
    zip_meta,
)
from distiller.dataset.formats.text_files import validate
from distiller.schema.dataset import Example

_EXPLAINED = frozenset({"explanation"})


class Document(BaseModel):
    model_config = ConfigDict(strict=True)

    text: Text
    is_relevant: bool | Literal[0, 1]
    explanation: str = ""


class DocumentsRecord(FileRecord):
    query: Text
    documents: list[Document]


def documents_records(examples: Iterable[Example]) -> Iterator[dict[str, Any]]:
    """`{"query", "documents": [{"text", "is_relevant", "explanation"}], "_meta"}`."""
    for example in examples:
        passages = [(True, positive) for positive in example.positives]
        passages += [(False, negative) for negative in example.negatives]
        metas = [passage_meta(passage, drop=_EXPLAINED) for _, passage in passages]
        yield {
            "query": example.query,
            "documents": [
                {"text": p.text, "is_relevant": relevant, "explanation": p.explanation}
                for relevant, p in passages
            ],
            "_meta": own_meta(example, documents=metas),
        }


def add_documents(builder: ExampleBuilder, path: Path, line: int, value: Any) -> None:
    """Add a `json` or `jsonl` record to the examples.

    Raises:
        InvalidFile: what the record lacks, by line and field.
    """
    record = validate(DocumentsRecord, value, path, line)
    own = record.meta.distiller
    metas = zip_meta(len(record.documents), own.documents, path, line, "documents")
    passages = []
    for document, meta in zip(record.documents, metas, strict=True):
        relevant = bool(document.is_relevant)
        passage = labelled(document.text, relevant, meta, explanation=document.explanation)
        passages.append((relevant, passage))
    builder.add(line, record.query, passages, own, record.users_meta())
