"""How long a training will take here: measured on this computer, never guessed from a table."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from distiller.schema.base import Record
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import InputError, StageFailed
from distiller.schema.jobs import OnProgress, Progress
from distiller.schema.retrieval import TrainedModel
from distiller.splade.start import StartModel
from distiller.train.job import train
from distiller.train.recipe import SPANS, Recipe, corpus_steps, plan, recipe_of

ENCODING = 1 / 3
"""What encoding a text takes of what training on it takes, which goes back through the model, too."""
TRIAL_STEPS = 6
"""Optimizer steps of a trial; the first is left out, for it warms up."""


class Pace(Record):
    """How fast a computer trains a start model."""

    seconds_per_text: float = Field(gt=0)
    """Of an optimizer step, divided by the queries and passages in its batch."""
    seconds_to_measure: float = Field(default=0, ge=0)
    """To rank the dev split once, loading the model included."""
    passages: int = Field(default=0, ge=0)
    """Among which it was ranked then; 0 where nobody noted it."""

    def measuring(self, passages: int) -> float:
        """Seconds to rank the dev split once among so many passages, nearly all to encode them."""
        if self.passages and passages:
            return self.seconds_to_measure * passages / self.passages
        return max(self.seconds_to_measure, passages * self.seconds_per_text * ENCODING)


def expected_seconds(recipe: Recipe, rows: int, pace: Pace, passages: int = 0) -> float:
    """What a training on so many rows takes if nothing stops it early.

    Args:
        recipe: What training does.
        rows: Queries to train on.
        pace: How fast this computer is.
        passages: Among which dev queries are ranked; 0 for as many as when the pace was measured.
    """
    worked_out = plan(recipe, max(1, rows))
    texts = worked_out.steps * recipe.accumulation * texts_of(recipe, worked_out.batch_size)
    seconds = texts * pace.seconds_per_text + measurings(recipe) * pace.measuring(passages)
    return seconds + _learned_by_counting(recipe, passages or pace.passages) * pace.seconds_per_text


def of_training(model: TrainedModel, seconds: float, passages: int) -> Pace | None:
    """The pace that a training was made at, if it ran through at once; None where nothing is known.

    Args:
        model: What it made.
        seconds: That it took.
        passages: Among which dev queries were ranked.
    """
    if not model.metrics:
        return None
    recipe = recipe_of(model)
    texts = model.metrics[-1]["step"] * texts_of(recipe, int(model.recipe["plan"]["batch_size"]))
    tried = model.recipe.get("promotion", {}).get("tried", [])
    met = any(not one["share"] for one in tried)
    # the best checkpoint stands among what was tried and was measured while training
    measured = len(model.metrics) + max(0, len(tried) - 1) + (met and recipe.counts_rarity)
    encoded = ENCODING * measured * passages
    learned = _learned_by_counting(recipe, passages) if met else 0
    total = texts * recipe.accumulation + encoded + learned
    return Pace(seconds_per_text=seconds / total) if total else None


def measurings(recipe: Recipe) -> int:
    """How often the dev split is ranked: at the start, while training, and between the two.

    What has met the corpus is ranked, too, and to count the start model's terms costs as much.
    """
    met = 2 * recipe.counts_rarity + (not recipe.reads and recipe.corpus_steps > 0)
    return 1 + met + recipe.evaluations + len(recipe.interpolations)


def _learned_by_counting(recipe: Recipe, passages: int) -> float:
    """Texts of training that learning from counting takes: spans are about half as long."""
    return 0 if recipe.reads else corpus_steps(recipe, passages) * SPANS / 2


def texts_of(recipe: Recipe, batch_size: int) -> int:
    """Queries and passages in a batch."""
    return batch_size * (2 + recipe.negatives_per_query)


def calibrate(
    snapshot: DatasetSnapshot, base: StartModel, folder: Path, *, on_progress: OnProgress
) -> Pace:
    """Train for a few steps, and throw the result away.

    Raises what `train` raises, and StageFailed where too little was seen to tell.
    """
    recipe = Recipe(
        name="trial",
        epochs=0.01,
        min_steps=TRIAL_STEPS,
        evaluations=1,
        interpolations=(),
        patience=0,
        rarity_power=0,
    )
    seen: dict[int, float] = {}

    def told(progress: Progress) -> None:
        seen.setdefault(progress.done, time.monotonic())
        on_progress(Progress(stage="calibrate", done=progress.done, total=progress.total))

    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".trial-", dir=folder) as scratch:
        trained = train(snapshot, recipe, base, Path(scratch) / "model", on_progress=told)
    steps = sorted(step for step in seen if step > 0)
    if len(steps) < 3:
        raise StageFailed("the trial was too short to tell how fast this computer is; try again")
    first, last = steps[0], steps[-2]  # the last one is told after it was measured
    batch_size = int(trained.recipe["plan"]["batch_size"])
    per_step = (seen[last] - seen[first]) / (last - first)
    return Pace(
        seconds_per_text=per_step / texts_of(recipe, batch_size),
        seconds_to_measure=seen.get(0, begun) - begun,
        passages=int(trained.recipe["dev"]["passages"]),
    )


def changed(recipe: Recipe, settings: Mapping[str, float]) -> Recipe:
    """A recipe with some settings of one's own; its name tells it from the preset.

    Raises:
        InputError: a setting that a recipe does not have, or a value that it cannot have.
    """
    own = {name: value for name, value in settings.items() if getattr(recipe, name, None) != value}
    if not own:
        return recipe
    digest = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:6]
    fields = recipe.model_dump() | own | {"name": f"{recipe.name}-{digest}"}
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(f"{problem['loc'][0]}: {problem['msg'].lower()}") from None
