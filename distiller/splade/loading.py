"""Load a sparse encoder. Imports sentence-transformers and torch: import it inside functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sentence_transformers import SparseEncoder
from transformers.utils import logging

from distiller.schema.errors import InputError, ModelUnavailable, NotFound
from distiller.splade.head import install
from distiller.splade.start import HUB_NAME


def load_model(model: str | Path, *, device: str | None = None) -> tuple[SparseEncoder, list[str]]:
    """Load a sparse encoder, and make one of a plain masked language model.

    Returns:
        The model in evaluation mode, with the fast head where it fits, and notes on what was added to it.

    Raises:
        InputError: The folder holds a model that gives no term weights.
        NotFound: The folder is not there.
        ModelUnavailable: The folder is damaged, or the hub cannot be reached.
    """
    if Path(model).is_dir():
        notes = _check_folder(Path(model))
    elif isinstance(model, Path) or not HUB_NAME.fullmatch(model):
        raise NotFound(f"{model}: no such model folder; check the path")
    else:
        notes = []
    try:
        with quiet():
            loaded = SparseEncoder(str(model), device=device)
    except Exception as error:  # safetensors, tokenizers, json and the hub each raise their own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelUnavailable(
            f"{model}: cannot be loaded as a sparse encoder ({reason});"
            " give a folder that was saved whole, or a hub name that can be reached"
        ) from error
    loaded.eval()
    install(loaded)
    return loaded, notes


def _check_folder(folder: Path) -> list[str]:
    """Refuse folders that sentence-transformers would quietly turn into something else."""
    modules, config = _json(folder / "modules.json"), _json(folder / "config.json")
    if modules:
        kinds = [str(module.get("type", "")) for module in modules]
        if any("sparse_encoder" in kind or kind.endswith(".Router") for kind in kinds):
            return []
        raise InputError(f"{folder}: is a dense model; give a SPLADE or masked language model")
    if not config:
        raise InputError(f"{folder}: holds no model; give a SPLADE or masked language model")
    architectures = config.get("architectures") or []
    if any(str(name).endswith("ForMaskedLM") for name in architectures):
        return [f"{folder.name}: a masked language model, given SPLADE max pooling"]
    raise InputError(
        f"{folder}: {', '.join(map(str, architectures)) or 'its architecture'} has no masked-language-model"
        " head, so it gives no term weights; give a SPLADE or masked language model"
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValueError as error:
        raise ModelUnavailable(
            f"{path}: not valid JSON, the folder is damaged; copy or download it again"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the progress bars that transformers draws while it loads and saves weights."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
