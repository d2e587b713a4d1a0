"""Training straight from dataset files, without a project."""

from __future__ import annotations

from pathlib import Path

from distiller.dataset import read_contents, snapshot_of, split
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.jobs import OnProgress
from distiller.schema.retrieval import Collection, TrainedModel
from distiller.splade.start import StartModel
from distiller.train.job import train
from distiller.train.recipe import Recipe

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
            is not trained on.
        val_file: All of it is the dev split. None takes what the train file marks as val, or else
            holds out about a tenth, by cluster.
        recipe: What training does.
        base: The start model.
        output: Folder to make.
        language: BCP 47 tag for the model card.
        device: `cpu`, `cuda`, …; None takes the accelerator where there is one.
        canary: A collection of another field, to see what the model forgets.
        keep_split: Whether the train file's own split holds, also where it marks nothing as val.
        on_progress: Told of every step.

    Raises:
        InvalidFile: A file is not what it should be.
        NotFound: A file is not there.
    """
    snapshot = snapshot_of_files(train_file, val_file, seed=recipe.seed, keep_split=keep_split)
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
