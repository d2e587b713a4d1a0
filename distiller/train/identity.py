"""What decides which model comes out of a training, and whether it is there already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import InputError
from distiller.schema.retrieval import Collection, TrainedModel
from distiller.splade.start import StartModel
from distiller.train.recipe import Recipe

RECORD = "distiller.json"
"""The TrainedModel inside its own folder."""
_NOT_IDENTITY = {"name", "words", "evidence"}
"""Words about a recipe; they change nothing in the model."""


def identity(
    snapshot: DatasetSnapshot,
    recipe: Recipe,
    base: StartModel,
    weights: str,
    language: str,
    canary: Collection | None,
) -> str:
    """SHA-256 of everything that decides which model comes out; `weights` are the start model's."""
    parts = {
        "snapshot": snapshot.content_hash,
        "recipe": recipe.model_dump(exclude=_NOT_IDENTITY),
        "base": base.name,
        "weights": weights,
        "language": language,
        "canary": _collection_digest(canary) if canary else "",
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _collection_digest(collection: Collection) -> str:
    """SHA-256 of everything that a model is measured on."""
    parts = [dict(collection.corpus), dict(collection.queries), collection.qrels]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def weights_digest(folder: Path) -> str:
    """SHA-256 over the weight files of a folder; empty for a hub name."""
    digest = hashlib.sha256()
    files = (
        sorted([*folder.rglob("*.safetensors"), *folder.glob("*.bin")]) if folder.is_dir() else []
    )
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest() if files else ""


def finished(output: Path, identity: str) -> TrainedModel | None:
    """The result of the same call, if `output` holds it; refuses to overwrite anything else."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return None
    found = record(output)
    if found is None or found.recipe.get("identity") != identity:
        what = "another model" if found else "something else"
        raise InputError(f"{output}: holds {what}; give another output folder, or remove it first")
    return found.model_copy(update={"path": str(output)})


@contextmanager
def place(
    output: Path, identity: str, *, beside: bool = False
) -> Iterator[tuple[Path, TrainedModel | None]]:
    """Hold a model's folder against other processes, and say what is in it.

    Args:
        output: The folder's name, above which everything exists.
        identity: Of the training whose result it holds, or will hold.
        beside: Whether a name of its own beside `output` will do where that is taken.

    Yields:
        The folder, and the model where it is there already.

    Raises:
        InputError: The folder holds something else.
    """
    places = [output, output.with_name(f"{output.name}-{identity[:8]}")] if beside else [output]
    for folder in places:
        with FileLock(folder.parent / f".{folder.name}.lock"):
            try:
                there = finished(folder, identity)
            except InputError:
                if folder == places[-1]:
                    raise
                continue
            yield folder, there
            return


def record(folder: Path) -> TrainedModel | None:
    """What a folder says of the training that made the model in it; None where it says nothing."""
    try:
        return TrainedModel.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
