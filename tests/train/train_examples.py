"""A dataset in made-up jargon that a small model learns in a few steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage, SplitName

_JARGON = json.loads((Path(__file__).parents[1] / "data" / "jargon.json").read_text())
SLANG: dict[str, str] = _JARGON["meant"]
"""A made-up jargon: what people type, and what the passages that answer them say."""
THINGS: list[str] = _JARGON["things"]

EVERYTHING = {
    "accumulation": 2,
    "dims_ratio": 3.0,
    "ramp": 0.2,
    "learning_rate": 1e-4,
    "self_distillation": 0.2,
    "general_weight": 0.05,
    "general_texts": 16,
}
"""Steering far from its start, a teacher, both guards, and two batches to a step."""


def example(number: int, part: SplitName) -> Example:
    """A query in jargon; the negative repeats the jargon, the positive translates it."""
    slang = sorted(SLANG)[number % len(SLANG)]
    thing = THINGS[number]
    positive = LabelledPassage(
        passage_id=f"p{number}",
        grade=3,
        text=f"The rules about {SLANG[slang]} and every {thing} are written down here.",
    )
    negative = LabelledPassage(
        passage_id=f"n{number}",
        grade=0,
        text=f"One more {slang} was eaten at the zoo on day {number}.",
    )
    return Example(
        query_id=f"q{number}",
        query=f"{slang} {thing}",
        positives=[positive],
        negatives=[negative],
        split=part,
    )


def snapshot(examples: Sequence[Example], **fields: Any) -> DatasetSnapshot:
    content = "".join(example.model_dump_json() for example in examples)
    parts: list[SplitName] = ["train", "val", "test"]
    counts: dict[str, int] = {p: sum(example.split == p for example in examples) for p in parts}
    counts["passages"] = len(
        {p.passage_id for example in examples for p in [*example.positives, *example.negatives]}
    )
    return DatasetSnapshot.model_validate(
        {
            "id": "s-1",
            "project_id": "p-1",
            "content_hash": hashlib.sha256(content.encode()).hexdigest(),
            "examples": list(examples),
            "seed": 13,
            "counts": counts,
            **fields,
        }
    )


def taught(rows: int) -> DatasetSnapshot:
    """That many train and 8 val queries, with a teacher's scores."""
    examples = [example(n, "val" if n >= rows else "train") for n in range(rows + 8)]
    for one in examples:
        for passage in (*one.positives, *one.negatives):
            passage.score = float(passage.grade)
    return snapshot(examples)
