"""Training straight from dataset files, without a project."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from distiller.dataset import read_contents, snapshot_of, split
from distiller.dataset.large import is_large, large_snapshot
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.jobs import OnProgress
from distiller.schema.retrieval import Collection, TrainedModel
from distiller.splade.start import StartModel
from distiller.train import processes
from distiller.train.job import train
from distiller.train.recipe import Recipe
from distiller.train.task import follow

_FRACTIONS = (0.9, 0.1, 0.0)
"""Train, val, test, where no file says what is held out."""


def train_files(  # noqa: PLR0913 - what `train` takes, and two files
    train_file: Path,
    val_file: Path | None,
    recipe: Recipe,
    base: StartModel,
    output: Path,
    *,
    language: str = "en",
    device: str | None = None,
    canary: Collection | None = None,
    keep_split: bool = False,
    on_progress: OnProgress | None = None,
) -> TrainedModel:
    """Train on dataset files; see `train` for what happens and which errors it raises.

    Args:
        train_file: Any format that `distiller.dataset.read` reads; what it marks as val or test
            is not trained on. A large Parquet file is mapped, and not read into memory.
        val_file: All of it is the dev split. None takes what the train file marks as val, or else
            holds out about a tenth, by cluster.
        recipe: What training does.
        base: The start model.
        output: Folder to make.
        language: BCP 47 tag, for the model card and for what is known of the start model.
        device: `cpu`, `cuda`, …; None takes the accelerator where there is one.
        canary: A collection of another field, to see what the model forgets.
        keep_split: Whether the train file's own split holds, also where it marks nothing as val.
        on_progress: Told of every step.

    Raises:
        InvalidFile: A file is not what it should be.
        NotFound: A file is not there.
    """
    if not processes.leads():
        return follow(device)
    with _snapshot(train_file, val_file, output, recipe.seed, keep_split=keep_split) as snapshot:
        return train(
            snapshot,
            recipe,
            base,
            output,
            language=language,
            device=device,
            canary=canary,
            on_progress=on_progress,
        )


@contextmanager
def _snapshot(
    train_file: Path, val_file: Path | None, output: Path, seed: int, *, keep_split: bool
) -> Iterator[DatasetSnapshot]:
    """Of the files; where it is large its data stand beside the output as long as they are used."""
    if not is_large(train_file):
        yield snapshot_of_files(train_file, val_file, seed=seed, keep_split=keep_split)
        return
    output = Path(output).absolute()
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = output.parent / f".{output.name}.data"
    with FileLock(output.parent / f".{output.name}.data.lock"):
        shutil.rmtree(folder, ignore_errors=True)  # of a training that was killed
        folder.mkdir()
        try:
            yield large_snapshot(train_file, val_file, folder, seed=seed, keep_split=keep_split)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def snapshot_of_files(
    train_file: Path, val_file: Path | None = None, *, seed: int, keep_split: bool = False
) -> DatasetSnapshot:
    """A snapshot of one or two dataset files that no store knows.

    Raises:
        InvalidFile: A file is not what it should be.
        NotFound: A file is not there.
    """
    examples, background = read_contents(train_file)
    if val_file is not None:
        held_out, more = read_contents(val_file)
        examples += [example.model_copy(update={"split": "val"}) for example in held_out]
        known = {passage.passage_id for passage in background}
        background += [passage for passage in more if passage.passage_id not in known]
    elif not (keep_split or any(example.split == "val" for example in examples)):
        marked = [example for example in examples if example.split != "train"]
        unmarked = [example for example in examples if example.split == "train"]
        examples = split(unmarked, seed=seed, fractions=_FRACTIONS) + marked
    names = [Path(file).name for file in (train_file, val_file) if file is not None]
    return snapshot_of(examples, background=background, seed=seed, lineage={"files": names})
