"""Where a workspace keeps the models of a project, and a model as one file."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from distiller.dataset.atomic import replacing
from distiller.schema.domain import Project


def models_folder(workspace: Path, project: Project) -> Path:
    """The folder of a project's models."""
    return workspace / "models" / project.name


def folder_name(snapshot_hash: str, base: str, recipe_name: str) -> str:
    """What a training's model is called there, unless the user says otherwise."""
    name = f"{snapshot_hash[:10]}-{Path(base).name}-{recipe_name}"
    return re.sub(r"[^\w.-]+", "-", name)[:120]


def pack(folder: Path) -> Path:
    """Write a model folder as a zip beside it, in place of an older one.

    Raises:
        InputError: There is no room for it.
    """
    packed = folder.with_name(f"{folder.name}.zip")
    with replacing(packed, keep=lambda _: None) as fresh, zipfile.ZipFile(fresh, "w") as archive:
        for file in sorted(folder.rglob("*")):  # weights do not get smaller, so nothing is squeezed
            if file.is_file():
                archive.write(file, f"{folder.name}/{file.relative_to(folder).as_posix()}")
    return packed
