"""The layouts `splade` and `dataset`: one record for each positive, with all hard negatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

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
from distiller.schema.errors import InputError, InvalidFile

_EXPLAINED = frozenset({"explanation"})
_DESCRIBED = frozenset({"explanation", "strategy"})


class SpladeRecord(FileRecord):
    query: Text
    positive_document: Text
    negative_documents: list[Text] = Field(default_factory=list)
    explanations: list[str] = Field(default_factory=list)
    """Of the negatives in their order; one more than negatives means the positive's comes first."""


class NegativeDocument(BaseModel):
    model_config = ConfigDict(strict=True)

    document: Text
    explanation: str = ""
    strategy: str = ""


class DatasetRecord(FileRecord):
    query: Text
    positive_document: Text
    positive_explanation: str = ""
    negative_documents: list[NegativeDocument] = Field(default_factory=list)


def splade_records(examples: Iterable[Example]) -> Iterator[dict[str, Any]]:
    """`{"query", "positive_document", "negative_documents", "explanations", "_meta"}`."""
    for example in examples:
        negatives = [passage_meta(negative, drop=_EXPLAINED) for negative in example.negatives]
        for positive in _positives(example):
            yield {
                "query": example.query,
                "positive_document": positive.text,
                "negative_documents": [negative.text for negative in example.negatives],
                "explanations": [negative.explanation for negative in example.negatives],
                "_meta": own_meta(example, positive=passage_meta(positive), negatives=negatives),
            }


def dataset_records(examples: Iterable[Example]) -> Iterator[dict[str, Any]]:
    """`{"query", "positive_document", "positive_explanation", "negative_documents", "_meta"}`."""
    for example in examples:
        negatives = [passage_meta(negative, drop=_DESCRIBED) for negative in example.negatives]
        for positive in _positives(example):
            about = passage_meta(positive, drop=_EXPLAINED)
            yield {
                "query": example.query,
                "positive_document": positive.text,
                "positive_explanation": positive.explanation,
                "negative_documents": [
                    {
                        "document": negative.text,
                        "explanation": negative.explanation,
                        "strategy": negative.strategy,
                    }
                    for negative in example.negatives
                ],
                "_meta": own_meta(example, positive=about, negatives=negatives),
            }


def _positives(example: Example) -> list[Any]:
    if not example.positives:
        problem = f"query {example.query[:60]!r} has no positive, which this format cannot say"
        raise InputError(f"{problem}; use json, jsonl or beir")
    return example.positives


def add_splade(builder: ExampleBuilder, path: Path, line: int, value: Any) -> None:
    """Add a `splade` record to the examples.

    Raises:
        InvalidFile: what the record lacks, by line and field.
    """
    record = validate(SpladeRecord, value, path, line)
    own, texts, reasons = record.meta.distiller, record.negative_documents, record.explanations
    if len(reasons) not in {0, len(texts), len(texts) + 1}:
        problem = f"{len(reasons)} explanations for {len(texts)} negatives; give one for each"
        raise InvalidFile(path, problem, line=line, field="explanations")
    about = own.positive
    leading = {"explanation": reasons[0]} if len(reasons) == len(texts) + 1 else {}
    reasons = reasons[1:] if leading else reasons or [""] * len(texts)
    metas = zip_meta(len(texts), own.negatives, path, line, "negatives")
    passages = [(True, labelled(record.positive_document, True, about, **leading))]
    passages += [
        (False, labelled(text, False, meta, explanation=reason))
        for text, reason, meta in zip(texts, reasons, metas, strict=True)
    ]
    builder.add(line, record.query, passages, own, record.users_meta())


def add_dataset(builder: ExampleBuilder, path: Path, line: int, value: Any) -> None:
    """Add a record of a dataset file to the examples.

    Raises:
        InvalidFile: what the record lacks, by line and field.
    """
    record = validate(DatasetRecord, value, path, line)
    own, negatives = record.meta.distiller, record.negative_documents
    metas = zip_meta(len(negatives), own.negatives, path, line, "negatives")
    explanation = record.positive_explanation
    passages = [
        (True, labelled(record.positive_document, True, own.positive, explanation=explanation))
    ]
    passages += [
        (
            False,
            labelled(
                negative.document,
                False,
                meta,
                explanation=negative.explanation,
                strategy=negative.strategy,
            ),
        )
        for negative, meta in zip(negatives, metas, strict=True)
    ]
    builder.add(line, record.query, passages, own, record.users_meta())
