"""What is trained, how and from where: all that a process has to know to take part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distiller.schema.errors import DistillerError, StageFailed
from distiller.schema.retrieval import TrainedModel
from distiller.train import processes
from distiller.train.recipe import Plan, Recipe
from distiller.train.rows import TrainingRow

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

    from distiller.train.callbacks import Observer


@dataclass(frozen=True)
class Task:
    """One training, up to its last step. What comes before and after is the first process's."""

    source: str
    """Folder or hub name of the start model; once it has met the corpus, the folder of that."""
    rows: Sequence[TrainingRow]
    recipe: Recipe
    plan: Plan
    """The recipe, worked out for the rows."""
    folder: Path
    """Where checkpoints go, two at most: the best and the last."""
    keeps_best: bool
    """Whether there is a dev split that says which is the best; else the last two are kept."""
    device: str | None = None
    checkpoint: Path | None = None
    """One of them, to go on from."""

    def load(self, source: str | Path | None = None) -> SparseEncoder:
        """The start model, or a checkpoint whose adapters are worked into its weights.

        It reads as much of a passage as training does.
        """
        from distiller.splade.loading import load_model  # noqa: PLC0415 - torch takes seconds

        model, _ = load_model(source or self.source, device=self.device)
        limit = int(model.max_seq_length or self.recipe.passage_length)
        model.max_seq_length = min(limit, self.recipe.passage_length)
        return self.plain(model) if source else model

    def plain(self, model: SparseEncoder) -> SparseEncoder:
        """A model with its adapters, if any, worked into its weights."""
        from distiller.train.adapters import are_in, merged  # noqa: PLC0415 - torch takes seconds

        return merged(model, self.built(self.load())) if are_in(model) else model

    def trainee(self, start: SparseEncoder) -> SparseEncoder:
        """What learns: all of what the recipe builds of the start model, or adapters in it."""
        from distiller.train.adapters import add  # noqa: PLC0415 - torch takes seconds

        rank = self.adapter_rank(start)
        model = self.built(start)
        return add(model, rank, self.recipe.seed) if rank else model

    def adapter_rank(self, start: SparseEncoder) -> int:
        """Rank of the adapters that learn; 0 where the model itself does."""
        from distiller.train.adapters import wanted_rank  # noqa: PLC0415 - torch takes seconds

        return wanted_rank(start, self.recipe)

    def built(self, start: SparseEncoder) -> SparseEncoder:
        """The start model, or what the recipe builds of it."""
        if not self.recipe.query_table:
            return start
        from distiller.train.query_table import with_query_table  # noqa: PLC0415 - torch

        passages = {text for row in self.rows for text in (row.positive, *row.negatives)}
        return with_query_table(start, sorted(passages))

    def lead(self, model: SparseEncoder, observer: Observer) -> None:
        """Train a model in place, and have the other processes take part."""
        processes.share(self)
        self._fit(model, observer)

    def join(self) -> None:
        """Take part as another process than the first."""
        from distiller.train.callbacks import BYSTANDER  # noqa: PLC0415 - torch takes seconds

        self._fit(self.trainee(self.load()), BYSTANDER)

    def _fit(self, model: SparseEncoder, observer: Observer) -> None:
        from distiller.splade.loading import quiet  # noqa: PLC0415 - torch takes seconds
        from distiller.train.trainer import fit  # noqa: PLC0415

        with quiet():
            fit(model, self, observer)


def take_part(device: str | None = None) -> TrainedModel | None:
    """Help the first process to train, until it has written a model; this one writes none.

    Args:
        device: As the first process has it.

    Returns:
        What the first process says that it has written; None where it has nothing left to do.

    Raises:
        Stopped: The first process has stopped the training, and says why.
        StageFailed: This process cannot go on.
    """
    processes.meet(device)
    while isinstance(handed := processes.share(None), Task):
        try:
            handed.join()
        except processes.Stopped:
            raise
        except DistillerError as error:
            raise StageFailed(f"process {processes.rank()}: {error}") from error
    assert handed is None or isinstance(handed, TrainedModel)
    return handed


def follow(device: str | None = None) -> TrainedModel:
    """As `take_part`, where the first process has a training to do.

    Raises:
        Stopped: Also where it has ended without a model.
    """
    trained = take_part(device)
    if trained is None:
        raise processes.Stopped("the first process has ended without a model")
    return trained


def together(command: Callable[[], None]) -> None:
    """Run a command in the first process only; the others help where it trains, until it ends.

    Raises what `command` raises, and what `take_part` does.
    """
    processes.meet()
    if processes.leads():
        try:
            command()
        except SystemExit as end:
            if end.code:  # the launcher ends the others
                raise
        processes.share(None)
    else:
        with suppress(processes.Stopped):
            while take_part():
                pass
    processes.part()
