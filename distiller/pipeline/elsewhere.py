"""A training taken to another computer: its data as one file, and the command that runs it."""

from __future__ import annotations

import gzip
import shlex
import tempfile
from pathlib import Path

from distiller.dataset import write
from distiller.pipeline.models import recipe_of
from distiller.pipeline.plan import Plan
from distiller.schema.base import Record
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.domain import Project
from distiller.settings import Settings
from distiller.train.folders import folder_name

ENDING = ".jsonl.gz"
LARGE_ENDING = ".parquet"
"""Of data that the other computer need not read into memory."""
ENDINGS = (ENDING, LARGE_ENDING)


class Errand(Record):
    """What has to be done on the other computer."""

    file: str
    """Name of the data's file."""
    command: str
    """For a shell that stands where the file is; it leaves `result` there."""
    result: str
    """Name of the zip that holds the trained model."""
    brings: list[str]
    """Folders of this computer that the other one needs beside the file, too."""
    warning: str = ""
    """What the command does not do of what the plan says."""


def errand(
    project: Project,
    settings: Settings,
    plan: Plan,
    snapshot: DatasetSnapshot,
    *,
    file: str | None = None,
) -> Errand:
    """The training that a job of this plan would do, as an errand.

    The other computer reaches the same identity, for it reads the same examples and settings.

    Args:
        project: Whose training it is.
        settings: Give the seed and the canary collection.
        plan: Gives the recipe and the start model.
        snapshot: What is trained on; its examples are not needed.
        file: Name of the data's file, if it is not to be called after the project.

    Raises:
        InputError: No such preset or setting, or a value that a setting cannot have.
    """
    recipe = recipe_of(plan)
    file = file or f"{project.name}-{snapshot.content_hash[:10]}{ENDING}"
    output = folder_name(snapshot.content_hash, plan.base, recipe.name)
    brings = [plan.base] if Path(plan.base).expanduser().is_dir() else []
    base = Path(plan.base).expanduser().resolve().name if brings else plan.base
    parts = ["distiller", "train", "--train-file", file, "--base", f"./{base}" if brings else base]
    parts += ["--preset", plan.preset]
    for name, value in sorted(plan.recipe.items()):
        parts += ["--set", f"{name}={str(value).removesuffix('.0')}"]
    parts += ["--seed", str(settings.seed), "--language", project.domain.language]
    if not snapshot.counts.get("val"):
        parts.append("--keep-split")
    if settings.canary:
        brings.append(str(settings.canary))
        parts += ["--canary", f"./{settings.canary.resolve().name}"]
    parts += ["--output", output, "--zip"]
    return Errand(
        file=file,
        command=shlex.join(parts),
        result=f"{output}.zip",
        brings=brings,
        warning=_first_only(plan.rounds),
    )


def _first_only(rounds: int) -> str:
    """Further rounds need what stays here: the documents to mine in, and the labels of before."""
    if rounds == 1:
        return ""
    return (
        f"The command does round 1 of {rounds} only: a further round mines in the project's "
        f"documents, which stay here. Bring its model back, then train here in {rounds} rounds: "
        "the first is found done, and the next begins."
    )


def packed_data(snapshot: DatasetSnapshot, file: str = ENDING) -> bytes:
    """Everything that training reads of a snapshot: gzipped in the layout `jsonl`, or `parquet`.

    Its background too, so that the same checkpoint is chosen there.

    Args:
        snapshot: With its examples.
        file: Name of the file that it is for; its ending says which.
    """
    layout = "parquet" if file.endswith(LARGE_ENDING) else "jsonl"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data.{layout}"
        [written] = write(snapshot.examples, layout, path, background=snapshot.background)
        data = written.read_bytes()
    return data if layout == "parquet" else gzip.compress(data, 6, mtime=0)
