"""Models that were trained on another computer: checked whole, then kept like those of this one."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import ValidationError

from distiller.dataset.unpacking import BROKEN, copy_at_most, inner_path
from distiller.schema.base import new_id
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, ModelUnavailable, NotFound
from distiller.schema.retrieval import TrainedModel
from distiller.splade.encoder import SpladeEncoder
from distiller.store import Store
from distiller.train.card import write_card
from distiller.train.folders import folder_name, models_folder
from distiller.train.identity import RECORD, place
from distiller.train.promotion import Promotion
from distiller.train.recipe import Plan, recipe_of
from distiller.train.rows import dev_set

MOST_BYTES = 8 * 1024**3
"""Unpacked, all files together."""
MOST_MEMBERS = 1_000
MOST_RECORD = 32 * 1024**2
NEEDED = (".json", ".safetensors", ".txt", ".model")
"""Endings of what a model is made of. Pickles (.bin, .pt) and code run what their maker likes."""
_DEEPEST = 3
_IDENTITY = re.compile(r"[0-9a-f]{64}")
_HOW = "give the folder that `distiller train` wrote, or a zip of it"


@dataclass(frozen=True)
class Imported:
    """A model that the project has now."""

    model: TrainedModel
    new: bool
    """False where it was there before, and nothing was changed."""


def import_model(
    store: Store, project: Project, workspace: Path, source: Path | IO[bytes]
) -> Imported:
    """Keep a model that was trained elsewhere on a dataset of this project.

    Only what a model needs is taken of the folder or zip, and its card is written anew. A model
    of the same training that is there already stays, and nothing is added.

    Args:
        store: Where it becomes known.
        project: Whose frozen data it was trained on.
        workspace: Its folder goes among the models there.
        source: The folder that training wrote, a zip of it, or an open zip.

    Raises:
        InputError: No model folder, one without or with a damaged record, one that was trained on
            data that the project never froze, weights that cannot be used, or no room to keep
            them. Nothing is changed.
    """
    above = models_folder(workspace, project).absolute()
    try:
        above.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=above, prefix=".incoming-") as scratch:
            fresh = Path(scratch) / "model"
            _take(source, fresh)
            record = _record(fresh)
            snapshot = _snapshot(store, project, record)
            present = _present(store, project, record)
            if present:
                return Imported(present, new=False)
            _check_weights(fresh, snapshot)
            return _keep(store, project, snapshot, record, fresh, above)
    except OSError as error:
        problem = error.strerror or str(error)
        raise InputError(
            f"the model cannot be read or kept ({problem}); see that it can be read, and free space"
        ) from error


def _keep(
    store: Store,
    project: Project,
    snapshot: DatasetSnapshot,
    record: TrainedModel,
    fresh: Path,
    above: Path,
) -> Imported:
    """Put the folder in its place by a rename, then make it known."""
    identity = record.recipe["identity"]
    recipe = recipe_of(record)
    wished = above / folder_name(snapshot.content_hash, record.base, recipe.name)
    with place(wished, identity, beside=True) as (target, found):
        # A model that was there and whose folder is gone is the same one again.
        known = {model.path: model.id for model in _same(store, project, record)}
        here = {
            "id": known.get(str(target)) or new_id("m"),
            "project_id": project.id,
            "path": str(target),
            # A folder of the other computer; here it may be missing, or another one.
            "recipe": record.recipe | {"start_folder": ""},
        }
        model = found
        if model is None:
            model = _adopted(fresh, record.model_copy(update=here), snapshot)
            os.replace(fresh, target)
        elif model.project_id != project.id:  # somebody copied it there by hand
            model = _adopted(target, model.model_copy(update=here), snapshot)
        return Imported(store.save_model(model), new=True)


def _adopted(folder: Path, model: TrainedModel, snapshot: DatasetSnapshot) -> TrainedModel:
    """The folder's card and record, written as if the model had been trained here."""
    try:
        write_card(folder, model, snapshot, dev_queries=len(dev_set(snapshot).qrels))
    except (LookupError, TypeError, ValueError, StopIteration, RuntimeError) as error:
        raise _damaged(f"{type(error).__name__}: {error}") from error
    scratch = folder / f"{RECORD}.new"
    scratch.write_text(model.model_dump_json(indent=2), encoding="utf-8")
    os.replace(scratch, folder / RECORD)
    return model


def _take(source: Path | IO[bytes], fresh: Path) -> None:
    """Copy what a model needs, from wherever it is."""
    if isinstance(source, Path) and source.is_dir():
        _copy(source, fresh)
        return
    if isinstance(source, Path) and not source.is_file():
        raise NotFound(f"{source}: no such folder or file; {_HOW}")
    try:
        with zipfile.ZipFile(source) as packed:
            _unpack(packed, fresh)
    except BROKEN as error:
        raise InputError(f"this is no zip that can be read ({error}); {_HOW}") from error


def _copy(source: Path, fresh: Path) -> None:
    left = MOST_BYTES
    for file in _files(source):
        inside = PurePosixPath(file.relative_to(source).as_posix())
        if _is_needed(inside):
            with file.open("rb") as stream:
                left = copy_at_most(stream, fresh / inside, left)
            _check_size(left)


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder that are no links; as many as a model may have."""
    count = 0
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        for name in names:
            count += 1
            if count > MOST_MEMBERS:
                raise InputError(f"{folder} holds more than {MOST_MEMBERS:,} files; {_HOW}")
            file = Path(above) / name
            if not file.is_symlink():
                yield file


def _unpack(packed: zipfile.ZipFile, fresh: Path) -> None:
    members = packed.infolist()
    if len(members) > MOST_MEMBERS:
        raise InputError(f"the zip holds {len(members):,} files; {_HOW}")
    places = {info: path for info in members if (path := inner_path(info))}
    tops = {path.parent for path in places.values() if path.name == RECORD}
    if len(tops) != 1:
        what = f"more than one {RECORD}" if tops else f"no {RECORD}"
        raise InputError(f"the zip holds {what}, so not one model; {_HOW}")
    (top,) = tops
    left = MOST_BYTES
    seen = set()
    for info, path in places.items():
        inside = path.relative_to(top) if path.is_relative_to(top) else None
        if inside is None or not _is_needed(inside):
            continue
        if inside in seen:
            raise InputError(f"the zip holds {inside} twice; {_HOW}")
        seen.add(inside)
        with packed.open(info) as stream:
            left = copy_at_most(stream, fresh / inside, left)
        _check_size(left)


def _is_needed(inside: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") for part in inside.parts)
    return not hidden and len(inside.parts) <= _DEEPEST and inside.suffix in NEEDED


def _check_size(left: int) -> None:
    if left < 0:
        raise InputError(f"the model is larger than {MOST_BYTES // 1024**3} GB; {_HOW}")


def _damaged(problem: str) -> InputError:
    return InputError(f"{RECORD} is not a record of a training ({problem}); {_HOW}")


def _record(fresh: Path) -> TrainedModel:
    """What the folder says of itself, checked in every part that is used later."""
    file = fresh / RECORD
    if not file.is_file():
        raise InputError(f"there is no {RECORD} beside the model; {_HOW}")
    if file.stat().st_size > MOST_RECORD:
        raise _damaged("it is too large")
    try:
        record = TrainedModel.model_validate_json(file.read_bytes())
        recipe_of(record)
        Plan.model_validate(record.recipe.get("plan"))
        Promotion.model_validate(record.recipe.get("promotion"))
    except ValidationError as error:
        first = error.errors()[0]
        raise _damaged(f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from error
    if not _IDENTITY.fullmatch(str(record.recipe.get("identity"))):
        raise _damaged("it does not say of which training")
    return record


def _snapshot(store: Store, project: Project, record: TrainedModel) -> DatasetSnapshot:
    """The frozen data that the model was trained on."""
    for known in store.snapshots(project.id, examples=False):
        if known.content_hash == record.snapshot_hash:
            return store.snapshot(known.id)
    raise InputError(
        f"the model was trained on data that the project {project.name!r} never froze "
        f"({record.snapshot_hash[:10]}); train it on the data as downloaded here, or name the "
        "right project"
    )


def _present(store: Store, project: Project, record: TrainedModel) -> TrainedModel | None:
    """The model of the same training that the project has already, folder and all."""
    same = _same(store, project, record)
    return next((model for model in same if (Path(model.path) / RECORD).is_file()), None)


def _same(store: Store, project: Project, record: TrainedModel) -> list[TrainedModel]:
    """What the project knows of that training."""
    identity = record.recipe["identity"]
    return [one for one in store.models(project.id) if one.recipe.get("identity") == identity]


def _check_weights(fresh: Path, snapshot: DatasetSnapshot) -> None:
    """Load the model as searching does, and have it read something that it was trained on."""
    try:
        weights = SpladeEncoder(fresh).encode_queries([snapshot.examples[0].query])
    except (InputError, ModelUnavailable) as error:
        words = str(error).replace(str(fresh), "it")
        raise InputError(f"the model cannot be used ({words}); {_HOW}") from error
    if not weights.nnz:
        raise InputError(f"the model gives no term any weight; {_HOW}")
