"""Uploaded documents: kept in the workspace, read by a job."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from distiller.corpus.reading import kind_of
from distiller.jobs.control import submit
from distiller.pipeline import Plan
from distiller.schema.errors import InputError
from distiller.schema.jobs import Job
from distiller.settings import Settings
from distiller.store import Store

_LONGEST_NAME = 120
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|\ud800-\udfff]+")


def documents_folder(settings: Settings, project_id: str) -> Path:
    """Where a project's uploaded documents are kept."""
    return settings.workspace / "documents" / Path(project_id).name


def submit_documents(
    store: Store,
    settings: Settings,
    project_id: str,
    files: Mapping[str, bytes],
    plan: Plan | None = None,
) -> Job:
    """Keep uploaded files (name → bytes) in the workspace, and queue a job that reads them.

    A file of a name that was uploaded before is a new version of it. All documents of the project
    are looked at again, which costs next to nothing where they are as before.

    Raises:
        InputError: no file, or one of a kind that cannot be read; nothing is kept.
        Conflict: documents of the project are being read already; the files are kept, and are read
            with the next ones.
        NotFound: there is no such project.
    """
    project = store.project(project_id)
    named = {_safe(name): content for name, content in files.items()}
    if not named or len(named) < len(files):
        raise InputError("no file, or two of one name; choose files of different names")
    unknown = [name for name in named if kind_of(Path(name)) is None]
    if unknown:
        raise InputError(
            f"{unknown[0]} cannot be read; give txt, md, html, pdf, docx, csv, tsv, json or jsonl"
        )
    folder = documents_folder(settings, project.id)
    for name, content in named.items():
        _keep(folder / name, content)
    plan = (plan or Plan()).model_copy(update={"corpus": [folder.absolute()]})
    return submit(store, settings, project.id, ["ingest"], plan)


def _safe(name: str) -> str:
    """The last part of a name, without what could lead out of the folder or be hidden in it."""
    last = re.split(r"[/\\]", name)[-1]
    stem, dot, ending = _UNSAFE.sub("_", last).strip(" .").rpartition(".")
    return f"{stem[:_LONGEST_NAME]}{dot}{ending[:20]}"


def _keep(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as scratch:
            scratch.write(content)
        os.replace(scratch.name, file)
    except OSError as error:
        raise InputError(
            f"{file.name} cannot be kept ({error.strerror or error}); free space and try again"
        ) from error
