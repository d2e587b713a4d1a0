"""The model card: what the model is, where it came from, and what was honestly measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from distiller import __version__
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.retrieval import TrainedModel
from distiller.train.measure import CRITERION
from distiller.train.promotion import Promotion, unproven

_ENOUGH_QUERIES = 50
"""Dev queries under which a difference says next to nothing."""
_NO_SETTINGS = frozenset(
    ["plan", "dev", "identity", "evidence", "words", "promotion", "start_weights", "start_folder"]
)
"""What the card says in other places, and the start model's folder: it says whose computer it was."""


def write_card(
    folder: Path, trained: TrainedModel, snapshot: DatasetSnapshot, *, dev_queries: int
) -> Path:
    """Write `README.md` into a model folder.

    Args:
        folder: The model folder.
        trained: The model's record.
        snapshot: What it was trained on.
        dev_queries: Queries that chose the checkpoint; 0 where there was no dev split.
    """
    card = folder / "README.md"
    card.write_text(render(trained, snapshot, dev_queries=dev_queries), encoding="utf-8")
    return card


def render(trained: TrainedModel, snapshot: DatasetSnapshot, *, dev_queries: int) -> str:
    """The card's text: metadata block, then Markdown."""
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        loader=PackageLoader("distiller.train", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("card.md.j2").render(
        front=yaml.safe_dump(_front(trained), sort_keys=False, allow_unicode=True).strip(),
        name=Path(trained.path).name,
        trained=trained,
        counts=snapshot.counts,
        lineage=_lineage(snapshot),
        recipe={name: value for name, value in trained.recipe.items() if name not in _NO_SETTINGS},
        evidence=trained.recipe.get("evidence", ""),
        plan=trained.recipe["plan"],
        table=_table(trained),
        verdict=verdict(trained, dev_queries),
        dev_queries=dev_queries,
        enough=_ENOUGH_QUERIES,
        version=__version__,
    )


def verdict(trained: TrainedModel, dev_queries: int) -> str:
    """What the dev figures allow to be said, in one paragraph."""
    if not dev_queries:
        return (
            "There was no dev split, so nobody knows whether training helped. This is the model of"
            " the last step; measure it on a collection before you use it."
        )
    first, best = trained.metrics[0], _saved(trained)
    if trained.best_step == 0 and trained.promoted:
        return (
            f"No step of training ranked the {dev_queries} dev queries better than the start model"
            " with the corpus's words counted in, so this folder is that model:"
            f" {CRITERION} {first[CRITERION]:.3f} before, {best[CRITERION]:.3f} with it."
        )
    if trained.best_step == 0:
        return (
            f"Training did not help: nothing ranked the {dev_queries} dev queries better than"
            f" the start model ({CRITERION} {first[CRITERION]:.3f}), so this folder is the start"
            " model, unchanged."
        )
    said = (
        f"On {dev_queries} dev queries {CRITERION} went from {first[CRITERION]:.3f} to"
        f" {best[CRITERION]:.3f}. The checkpoint was chosen on these same queries, which flatters it;"
        " only a collection that played no part in training can confirm the gain."
    )
    if dev_queries < _ENOUGH_QUERIES:
        said += f" With fewer than {_ENOUGH_QUERIES} queries the difference is inconclusive."
    return said


def _front(trained: TrainedModel) -> dict[str, Any]:
    """The metadata that the Hugging Face hub reads; an unknown licence is left out."""
    front: dict[str, Any] = {
        "language": trained.recipe["language"],
        "library_name": "sentence-transformers",
        "pipeline_tag": "feature-extraction",
        "tags": ["sentence-transformers", "sparse-encoder", "sparse", "splade", "domain-distiller"],
    }
    if trained.base_license != "unknown":
        front["license"] = trained.base_license
    if "/" in trained.base:  # a hub name; a local folder's name means nothing there
        front["base_model"] = trained.base
    return front


def _lineage(snapshot: DatasetSnapshot) -> dict[str, str]:
    """Lineage as lines: lists joined, empty entries left out."""
    lines = {
        name.replace("_", " "): _line(value)
        for name, value in snapshot.lineage.items()
        if name[0] != "_"
    }
    return {name: line for name, line in lines.items() if line}


def _line(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key}: {part}" for key, part in value.items())
    elif isinstance(value, list | tuple | set):
        value = ", ".join(map(str, value))
    return "" if value is None else " ".join(str(value).split())


def _table(trained: TrainedModel) -> list[dict[str, str]]:
    """The measured steps that matter: the start, the one that was saved, the last."""
    labels = {0: "start model"}
    last = trained.metrics[-1]["step"]
    labels[last] = "last step" if last else labels[0]
    labels[trained.best_step] = (
        "saved" if trained.best_step not in labels else f"{labels[trained.best_step]}, saved"
    )
    columns = (CRITERION, "recall@100", "query_dims", "passage_dims")
    rows = []
    for step, label in sorted(labels.items()):
        entry = _saved(trained) if step == trained.best_step else _at(trained, step)
        digits = {CRITERION: 3, "recall@100": 3}
        values = {
            name: f"{entry[name]:.{digits.get(name, 1)}f}" if name in entry else "–"
            for name in columns
        }
        rows.append({"step": str(step), "label": label, **values})
    return rows


def _saved(trained: TrainedModel) -> dict[str, Any]:
    """What the saved model measured on the dev split."""
    known = trained.recipe.get("promotion")
    promotion = Promotion.model_validate(known) if known else unproven()
    part = [one.measured for one in promotion.tried if one.share == promotion.saved]
    return _at(trained, trained.best_step) | (part[0] if part else {})


def _at(trained: TrainedModel, step: int) -> dict[str, Any]:
    return next(entry for entry in trained.metrics if entry["step"] == step)
