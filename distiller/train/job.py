"""One training, from a frozen dataset to a finished model folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distiller.dataset.large import StoredExamples
from distiller.schema.base import new_id
from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import ModelUnavailable, StageFailed
from distiller.schema.jobs import OnProgress, Progress
from distiller.schema.retrieval import Collection, TrainedModel
from distiller.splade.encoder import SpladeEncoder
from distiller.splade.start import StartModel
from distiller.train import checkpoints, processes
from distiller.train.card import write_card
from distiller.train.identity import RECORD, identity, place, record, weights_digest
from distiller.train.measure import CRITERION, check_dims, measure, worth
from distiller.train.promotion import Promotion, Trial, decide, unproven
from distiller.train.recipe import Plan, Recipe, plan
from distiller.train.rows import DevSet, TrainingRow, Weights, dev_set, each_row
from distiller.train.start_language import for_language
from distiller.train.task import Task, follow

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder


def train(  # noqa: PLR0913 - what decides the model, and where it goes
    snapshot: DatasetSnapshot,
    recipe: Recipe,
    base: StartModel,
    output: Path,
    *,
    language: str = "en",
    device: str | None = None,
    canary: Collection | None = None,
    beside: bool = False,
    on_progress: OnProgress | None = None,
) -> TrainedModel:
    """Tune a start model on a snapshot, and keep what ranks the dev split best without forgetting.

    What is kept is the best checkpoint, or a model part of the way to it from the start model. The
    record says whether it is promoted: better than the start model, and not forgetful.

    Training can be stopped at any moment: the same call goes on at the last checkpoint, and
    returns at once when `output` already holds its result. `output` appears whole, by a rename.

    Where `torchrun` or `accelerate launch` has started several processes, each calls this, and gets
    the same result; the first one does all but the optimizer's steps, which they share.

    Args:
        snapshot: Train and val splits are used; of test only the passages, as part of the corpus
            that dev queries are ranked against, as is the background.
        recipe: What training does; see `PRESETS`.
        base: The start model. Where nothing ranks better than it, it is what is saved.
        output: Folder to make; it must be absent, empty, or the result of the same call.
        language: BCP 47 tag, for the model card and for what is known of the start model.
        device: `cpu`, `cuda`, …; None takes the accelerator where there is one.
        canary: A collection of another field, on which the model must not lose more than the
            recipe allows.
        beside: Whether the model may go to a folder beside `output`, named by its identity, where
            `output` holds something else.
        on_progress: Told of every step; measured steps carry `metrics`.

    Returns:
        The record that is also in the folder as `distiller.json`, with step 0 measured.

    Raises:
        InputError: Too few examples to learn from, more processes than rows in a batch, or
            the folder holds something else.
        ModelUnavailable: The start model cannot be loaded.
        StageFailed: Training diverged, collapsed, or was stopped by a full disk or memory.
    """
    if not processes.leads():
        return follow(device)
    processes.meet(device)
    job = _Job(
        snapshot, recipe, base, Path(output).absolute(), language, device, canary, on_progress
    )
    job.output.parent.mkdir(parents=True, exist_ok=True)
    with place(job.output, job.identity, beside=beside) as (job.output, there):
        trained = there or job.run()
    processes.share(trained)
    return trained


@dataclass
class _Job:
    """The parts of one training that share its inputs.

    Raises:
        InputError: Too few examples to learn from, or more processes than rows in a batch.
    """

    snapshot: DatasetSnapshot
    recipe: Recipe
    base: StartModel
    output: Path
    language: str
    device: str | None
    canary: Collection | None
    on_progress: OnProgress | None
    metrics: list[dict[str, Any]] = field(default_factory=list)
    adapter_rank: int = 0
    acquainted: bool = False

    def __post_init__(self) -> None:
        self.recipe = for_language(self.recipe, self.base.name, self.language)
        rows = self._rows()
        self.weights = weights_digest(Path(self.base.source))
        self.identity = identity(
            self.snapshot, self.recipe, self.base, self.weights, self.language, self.canary
        )
        self.folder = self.output.parent / f".{self.output.name}.training-{self.identity[:12]}"
        self.dev: DevSet = dev_set(self.snapshot)
        self.plan: Plan = plan(self.recipe, len(rows))
        processes.check(self.plan.batch_size)
        self.task = Task(
            source=_absolute(self.base.source),
            rows=rows,
            recipe=self.recipe,
            plan=self.plan,
            folder=self.folder,
            keeps_best=bool(self.dev.qrels),
            device=self.device,
        )

    def _rows(self) -> Sequence[TrainingRow]:
        """In memory, or beside examples that are not."""
        examples, recipe = self.snapshot.examples, self.recipe
        weights = Weights(recipe.expert_weight, recipe.partial_weight)
        rows = each_row(examples, recipe.negatives_per_query, recipe.seed, weights)
        if not isinstance(examples, StoredExamples):
            return list(rows)
        from distiller.train.mapped import MappedRows  # noqa: PLC0415 - datasets take a second

        return MappedRows.write(rows, examples.path.with_name("rows.arrow"))

    def run(self) -> TrainedModel:
        """Measure the start model, train, choose, write."""
        self.folder.mkdir(exist_ok=True)
        checkpoint = checkpoints.latest(self.folder)
        model = self._start()
        self.adapter_rank = self.task.adapter_rank(model)
        self._tell(0, "start model measured", self._measure(model))
        model = self._acquainted(model)
        if checkpoint:
            self._remember(checkpoint)
        if not (checkpoint and self._is_over(checkpoint)):
            model = self.task.trainee(model)
            self._fit(model, checkpoint)
        elif not self.dev.qrels:
            model = self.task.load(checkpoint)
        return self._write(*self._choose(model))

    def _start(self) -> SparseEncoder:
        """The start model as it was given, which everything is compared with."""
        return replace(self.task, source=_absolute(self.base.source)).load()

    def _acquainted(self, start: SparseEncoder) -> SparseEncoder:
        """What training begins with: the start model, which has met the corpus."""
        from distiller.train.acquaint import acquaint  # noqa: PLC0415 - torch takes seconds

        known = self.folder / "acquainted"
        if not known.exists():
            if self._acquainted_before():
                return start
            passages = sorted(self.dev.corpus.values())
            if not acquaint(start, passages, self.recipe, self._tell_corpus):
                return self._start()
            with self._written(known) as fresh:
                _save(start, fresh)
        self.acquainted = True
        self.task = replace(self.task, source=str(known))
        return self.task.load()

    def _acquainted_before(self) -> bool:
        """Whether the start model is one that was acquainted with this project's corpus already."""
        earlier = record(Path(self.base.source))
        return earlier is not None and bool(
            earlier.project_id == self.snapshot.project_id and earlier.recipe.get("acquainted")
        )

    def _tell_corpus(self, step: int, total: int) -> None:
        if self.on_progress:
            self.on_progress(Progress(stage="corpus", done=step, total=total))

    def _choose(self, last: SparseEncoder) -> tuple[SparseEncoder, Promotion]:
        """What is saved, and whether it is promoted. Without a dev split that is the last model."""
        if not self.dev.qrels:
            return self.task.plain(last), unproven()
        from distiller.train.interpolation import Between  # noqa: PLC0415 - torch takes seconds

        best = self._best_later()
        between = Between(
            self.task.built(self.task.load()),
            self.task.load(self.folder / f"checkpoint-{best['step']}"),
        )

        def at(share: float | None) -> SparseEncoder:
            return self._start() if share is None else between.at(share)

        canary = self.canary
        trial = Trial(
            dev=lambda share: self._measure(between.at(share)),
            canary=(lambda share: measure(self._encoder(at(share)), canary)[CRITERION])
            if canary
            else None,
            queries=len(self.dev.qrels),
            canary_name=canary.name if canary else "",
            met=self.acquainted,
        )
        promotion = decide(self.recipe, self.metrics[0], best, trial)
        return at(promotion.saved), promotion

    def _fit(self, model: SparseEncoder, checkpoint: Path | None) -> None:
        from distiller.train.callbacks import Observer  # noqa: PLC0415 - torch takes seconds

        observer = Observer(
            evaluator=self._measure,
            worth=self._worth if self.dev.qrels else None,
            on_step=self._tell,
            should_stop=self._should_stop,
        )
        try:
            replace(self.task, checkpoint=checkpoint).lead(model, observer)
        except ModelUnavailable as error:  # the dev measurement met weights that are not finite
            raise StageFailed(f"training diverged ({error}); lower learning_rate") from error

    def _measure(self, model: SparseEncoder) -> dict[str, float]:
        return measure(self._encoder(model), self.dev)

    def _worth(self, measured: dict[str, Any]) -> float:
        return worth(measured, self.recipe.fewest_query_dims)

    def _encoder(self, model: SparseEncoder) -> SpladeEncoder:
        return SpladeEncoder(model, passage_length=self.recipe.passage_length)

    def _tell(self, step: int, message: str, measured: dict[str, float]) -> None:
        entry: dict[str, Any] = {"step": step, **measured} if measured else {}
        if "query_dims" in measured:  # the dev split was measured; else it is the loss of a step
            self.metrics.append(entry)
            if CRITERION in measured:
                message = f"{CRITERION} {measured[CRITERION]:.3f}"
        if self.on_progress:
            done = Progress(
                stage="train", done=step, total=self.plan.steps, message=message, metrics=entry
            )
            self.on_progress(done)

    def _should_stop(self, step: int, measured: dict[str, float]) -> bool:
        if step >= self.plan.ramp_steps:
            try:
                check_dims(measured, step, self.recipe.fewest_query_dims)
            except StageFailed:  # the same call would only go on from here into the same failure
                shutil.rmtree(self.folder, ignore_errors=True)
                raise
        return self._out_of_patience()

    def _out_of_patience(self) -> bool:
        if not (self.recipe.patience and self.dev.qrels):
            return False
        best = self._best_step()
        since = [entry for entry in self.metrics if entry["step"] > best]
        return len(since) >= self.recipe.patience

    def _remember(self, checkpoint: Path) -> None:
        """Take over what the interrupted call had measured up to its checkpoint."""
        from distiller.train.callbacks import evaluated  # noqa: PLC0415 - torch takes seconds

        losses: dict[int, float] = {}
        for entry in checkpoints.state(checkpoint)["log_history"]:
            if "loss" in entry:
                losses[entry["step"]] = entry["loss"]
            if measured := evaluated(entry):
                loss = {"loss": losses[entry["step"]]} if entry["step"] in losses else {}
                self.metrics.append({"step": entry["step"], **measured, **loss})

    def _is_over(self, checkpoint: Path) -> bool:
        """Whether the interrupted call had only to write its result."""
        last = int(checkpoints.state(checkpoint)["global_step"])
        return last >= self.plan.steps or self._out_of_patience()

    def _best_step(self) -> int:
        """The first step of the highest dev nDCG@10, 0 included; the last step without a dev."""
        if not self.dev.qrels:
            return self.plan.steps
        best = self._best_later()
        return int(best["step"]) if self._worth(best) > self.metrics[0][CRITERION] else 0

    def _best_later(self) -> dict[str, Any]:
        """The first of the best measured steps after the start; the start where there is none."""
        start, *later = self.metrics
        return max(later, key=lambda entry: (self._worth(entry), -entry["step"]), default=start)

    def _write(self, model: SparseEncoder, promotion: Promotion) -> TrainedModel:
        best_step = self._best_later()["step"] if self.dev.qrels else self.plan.steps
        trained = TrainedModel(
            id=new_id("m"),
            project_id=self.snapshot.project_id,
            path=str(self.output),
            base=self.base.name,
            base_license=self.base.license,
            snapshot_hash=self.snapshot.content_hash,
            recipe=self.recipe.model_dump(mode="json")
            | {
                "identity": self.identity,
                "start_folder": self.base.folder,
                "start_weights": self.weights,
                "language": self.language,
                "plan": self.plan.model_dump(),
                "dev": {"queries": len(self.dev.qrels), "passages": len(self.dev.corpus)},
                "adapter_rank": self.adapter_rank,
                "acquainted": self.acquainted and promotion.saved is not None,
                "promotion": promotion.model_dump(),
            },
            metrics=self.metrics,
            best_step=best_step if promotion.interpolation else 0,
        )
        with self._written(self.output) as fresh:
            _save(model, fresh)
            write_card(fresh, trained, self.snapshot, dev_queries=len(self.dev.qrels))
            (fresh / RECORD).write_text(trained.model_dump_json(indent=2), encoding="utf-8")
        shutil.rmtree(self.folder, ignore_errors=True)
        return trained

    @contextmanager
    def _written(self, folder: Path) -> Iterator[Path]:
        """A fresh folder to write a model to, which then gets its name, whole.

        Raises:
            StageFailed: The disk is full, or the like.
        """
        fresh = self.folder / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            yield fresh
            os.replace(fresh, folder)
        except (OSError, RuntimeError) as error:
            raise StageFailed(
                f"cannot write the model to {folder}: {error}; make room and run the same again"
            ) from error


def _absolute(source: str) -> str:
    """A start model's folder, for checkpoints of adapters to name; a hub name as it is."""
    return str(Path(source).absolute()) if Path(source).is_dir() else source


def _save(model: SparseEncoder, folder: Path) -> None:
    from distiller.splade.loading import quiet  # noqa: PLC0415 - torch takes seconds

    with quiet():
        model.save_pretrained(str(folder), create_model_card=False)
