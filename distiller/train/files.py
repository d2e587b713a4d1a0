"""Training straight from dataset files, without a project."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from distiller.dataset import read, split
from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage, SplitName
from distiller.schema.jobs import OnProgress
from distiller.schema.retrieval import TrainedModel
from distiller.splade.start import StartModel
from distiller.train.job import train
from distiller.train.recipe import Recipe

_FRACTIONS = (0.9, 0.1, 0.0)
"""Train, val, test, where a file brings no split of its own."""


def train_files(
    train_file: Path,
    val_file: Path | None,
    recipe: Recipe,
    base: StartModel,
    output: Path,
    *,
    language: str = "en",
    on_progress: OnProgress | None = None,
) -> TrainedModel:
    """Train on a dataset file; see `train` for what happens and which errors it raises.

    Args:
        train_file: Any format that `distiller.dataset.read` reads.
        val_file: The dev split; None takes the one that the train file marks, or else holds out a
            tenth of its clusters.
        recipe: What training does.
        base: The start model.
        output: Folder to make.
        language: BCP 47 tag for the model card.
        on_progress: Told of every step.

    Raises:
        InvalidFile: A file is not what it should be.
    """
    snapshot = snapshot_of_files(train_file, val_file, seed=recipe.seed)
    return train(snapshot, recipe, base, output, language=language, on_progress=on_progress)


def snapshot_of_files(
    train_file: Path, val_file: Path | None = None, *, seed: int
) -> DatasetSnapshot:
    """A snapshot in memory, that no store knows, of one or two dataset files.

    Raises:
        InvalidFile: A file is not what it should be.
    """
    examples = read(train_file)
    if val_file is not None:
        examples = _all(examples, "train") + _all(_renamed(read(val_file)), "val")
    elif not any(example.split == "val" for example in examples):
        examples = split(examples, seed=seed, fractions=_FRACTIONS)
    content = [example.model_dump(mode="json") for example in examples]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    files = [str(path.name) for path in (train_file, val_file) if path is not None]
    return DatasetSnapshot(
        id=f"s-{digest[:12]}",
        project_id=None,
        content_hash=digest,
        examples=examples,
        seed=seed,
        counts=_counts(examples),
        lineage={"files": files},
    )


def _all(examples: Sequence[Example], part: SplitName) -> list[Example]:
    return [example.model_copy(update={"split": part}) for example in examples]


def _renamed(examples: Sequence[Example]) -> list[Example]:
    """Ids that cannot meet those of another file, whose rows may be counted from the same number."""
    return [
        example.model_copy(
            update={
                "query_id": f"val-{example.query_id}",
                "positives": _apart(example.positives),
                "negatives": _apart(example.negatives),
            }
        )
        for example in examples
    ]


def _apart(passages: Sequence[LabelledPassage]) -> list[LabelledPassage]:
    return [
        passage.model_copy(update={"passage_id": f"val-{passage.passage_id}"})
        for passage in passages
    ]


def _counts(examples: Sequence[Example]) -> dict[str, int]:
    parts = Counter(example.split for example in examples)
    texts = {
        (passage.title, passage.text)
        for example in examples
        for passage in [*example.positives, *example.negatives]
    }
    return {part: parts[part] for part in ("train", "val", "test")} | {"passages": len(texts)}
