"""The optimizer's loop, on sentence-transformers. Imports torch: import it inside functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SparseEncoder,
    SparseEncoderTrainer,
    SparseEncoderTrainingArguments,
)
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.base.training_args import BatchSamplers
from sentence_transformers.sparse_encoder.callbacks import SpladeRegularizerWeightSchedulerCallback
from sentence_transformers.sparse_encoder.data_collator import SparseEncoderDataCollator
from sentence_transformers.sparse_encoder.losses import (
    CachedSpladeLoss,
    SparseMultipleNegativesRankingLoss,
    SpladeLoss,
)
from transformers import PrinterCallback, TrainerCallback

from distiller.schema.errors import DistillerError, StageFailed
from distiller.train.recipe import Plan, Recipe
from distiller.train.rows import TrainingRow

_TOKENS_AT_ONCE = 8192
"""Texts × tokens of a step above which it is computed in parts (GradCache,
https://arxiv.org/abs/2101.06983): one tensor of logits is 8192 × 30,522 × 4 bytes = 1 GB."""
_WORTH = "worth"
_PART = 16
"""Texts per part."""

Measured = dict[str, float]
OnStep = Callable[[int, str, Measured], None]
"""Called with step, a line for people, and what was measured at that step (empty between)."""
ShouldStop = Callable[[int, Measured], bool]


_CURVE_POINTS = 300
"""Points of the loss that one training reports at most, evenly spread."""
_REGULARIZERS = ("document_regularizer_loss", "query_regularizer_loss")


@dataclass(frozen=True)
class Observer:
    """Whoever measures a training and follows it."""

    evaluator: Callable[[SparseEncoder], Measured]
    """Called with the model every `Plan.evaluate_every` steps."""
    worth: Callable[[Measured], float] | None
    """How good what was measured is, to keep the best checkpoint; None keeps the last two."""
    on_step: OnStep
    """Told after every step."""
    should_stop: ShouldStop
    """Asked after every evaluation."""


def fit(
    model: SparseEncoder,
    rows: Sequence[TrainingRow],
    recipe: Recipe,
    schedule: Plan,
    observer: Observer,
    *,
    folder: Path,
    checkpoint: Path | None,
    device: str | None = None,
) -> None:
    """Train a model in place, from a checkpoint where one is given.

    Args:
        model: The start model; afterwards the model of the last step.
        rows: What it learns from.
        recipe: How.
        schedule: The recipe, worked out for these rows.
        observer: Measures the model, and is told of every step.
        folder: Where checkpoints go, two at most: the best and the last.
        checkpoint: One of them, to go on from.
        device: `cpu` keeps to the processor where there is an accelerator.

    Raises:
        StageFailed: The loss is not finite, the disk is full, or memory ran out.
    """
    loss = splade_loss(model, recipe, schedule, rows)
    ramp = SpladeRegularizerWeightSchedulerCallback(loss, "quadratic", recipe.ramp)
    trainer = _Trainer(
        model=model,
        args=_arguments(recipe, schedule, folder, observer.worth is not None, device),
        train_dataset=_dataset(rows),
        loss=loss,
        evaluator=_Evaluator(observer),
        data_collator=_collator(model, recipe, len(rows[0].negatives)),
        callbacks=[ramp, _Watch(observer)],
    )
    trainer.remove_callback(PrinterCallback)
    _run(trainer, checkpoint)


def _run(trainer: SparseEncoderTrainer, checkpoint: Path | None) -> None:
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except DistillerError:
        raise
    except torch.OutOfMemoryError as error:
        raise StageFailed(
            "training ran out of accelerator memory at batch size"
            f" {trainer.args.per_device_train_batch_size}; lower batch_size, negatives_per_query"
            " or passage_length"
        ) from error
    except (OSError, RuntimeError) as error:
        raise StageFailed(_why_stopped(error, trainer)) from error


def splade_loss(
    model: SparseEncoder, recipe: Recipe, schedule: Plan, rows: Sequence[TrainingRow]
) -> SpladeLoss:
    """InfoNCE over dot products with in-batch and hard negatives, and the two FLOPS losses."""
    ranking = SparseMultipleNegativesRankingLoss(model, scale=1.0)
    weights = {
        "document_regularizer_weight": recipe.passage_lambda,
        "query_regularizer_weight": recipe.query_lambda,
    }
    passages = schedule.batch_size * (1 + len(rows[0].negatives))
    longest = max(len(text) for row in rows for text in (row.positive, *row.negatives))
    if passages * min(recipe.passage_length, longest // 4 + 2) <= _TOKENS_AT_ONCE:
        return SpladeLoss(model, ranking, **weights)
    return CachedSpladeLoss(model, ranking, mini_batch_size=_PART, **weights)


def _dataset(rows: Sequence[TrainingRow]) -> Dataset:
    columns = {"query": [row.query for row in rows], "positive": [row.positive for row in rows]}
    for index in range(len(rows[0].negatives)):
        columns[f"negative_{index + 1}"] = [row.negatives[index] for row in rows]
    return Dataset.from_dict(columns)


def _collator(model: SparseEncoder, recipe: Recipe, negatives: int) -> SparseEncoderDataCollator:
    """Tokenizes queries and passages as the encoder does: own lengths, own prompts."""
    lengths = {"query": recipe.query_length, "document": recipe.passage_length}
    passages = ["positive", *(f"negative_{index + 1}" for index in range(negatives))]
    tasks = {"query": "query"} | dict.fromkeys(passages, "document")
    prompts = {column: model.prompts.get(task) for column, task in tasks.items()}

    def preprocess(texts: list[str], *, task: str, prompt: str | None = None) -> Any:
        limit = {"max_length": lengths[task], "truncation": True}
        return model.preprocess(texts, prompt=prompt, task=task, processing_kwargs={"text": limit})

    return SparseEncoderDataCollator(
        preprocess_fn=preprocess,
        router_mapping=tasks,
        prompts={column: prompt for column, prompt in prompts.items() if prompt},
    )


def _arguments(
    recipe: Recipe, schedule: Plan, folder: Path, keeps_best: bool, device: str | None
) -> SparseEncoderTrainingArguments:
    on_gpu = torch.cuda.is_available() and device != "cpu"
    return SparseEncoderTrainingArguments(
        output_dir=str(folder),
        use_cpu=device == "cpu",
        max_steps=schedule.steps,
        per_device_train_batch_size=schedule.batch_size,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        warmup_steps=schedule.warmup_steps,
        seed=recipe.seed,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        eval_strategy="steps",
        eval_steps=schedule.evaluate_every,
        save_strategy="steps",
        save_steps=schedule.save_every,
        save_total_limit=2,
        metric_for_best_model=_WORTH if keeps_best else None,
        greater_is_better=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
        dataloader_pin_memory=on_gpu,
    )


def _why_stopped(error: Exception, trainer: SparseEncoderTrainer) -> str:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return (
        f"training stopped at step {trainer.state.global_step} in {trainer.args.output_dir}:"
        f" {reason}; make room or mend that, and run the same again: it goes on at the last"
        " checkpoint"
    )


class _Trainer(SparseEncoderTrainer):  # type: ignore[misc]
    """Collects nothing for the library's own model card: ours is written at the end."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave it out."""


class _Evaluator(BaseEvaluator):  # type: ignore[misc]
    """The observer's measurement as the library's evaluator."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer

    def __call__(self, model: SparseEncoder, *_: Any, **__: Any) -> Measured:
        measured = self.observer.evaluator(model)
        return measured | ({_WORTH: self.observer.worth(measured)} if self.observer.worth else {})


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Tells of every step, and stops where the loss is lost or the caller has seen enough."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Pass the loss of the step on; stop where it is not a number."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if not math.isfinite(loss):
            raise StageFailed(
                f"training diverged: the loss of step {state.global_step} is {loss};"
                " lower learning_rate"
            )
        every = max(1, -(-state.max_steps // _CURVE_POINTS))
        curve = _curve(logs) if state.global_step % every == 0 else {}
        self.observer.on_step(state.global_step, f"loss {loss:.3f}", curve)

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any
    ) -> None:
        """Pass on what was measured; ask whether to go on."""
        measured = evaluated(metrics or {})
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        if losses:
            measured["loss"] = losses[-1]
        self.observer.on_step(state.global_step, "measured", measured)
        if self.observer.should_stop(state.global_step, measured):
            control.should_training_stop = True


def _curve(logs: dict[str, Any]) -> Measured:
    """The loss of a step, and its two parts where the loss tells them apart."""
    parts = {"loss": logs["loss"], "ranking": logs.get("base_loss")}
    regularizers = [logs[name] for name in _REGULARIZERS if name in logs]
    if regularizers:
        parts["regularizer"] = sum(regularizers)
    return {name: float(value) for name, value in parts.items() if value is not None}


def evaluated(entry: dict[str, Any]) -> Measured:
    """The evaluator's own values of a log entry, without the trainer's prefix and timings."""
    kept = ("ndcg@10", "recall@100", "query_dims", "passage_dims")
    return {name: float(entry[f"eval_{name}"]) for name in kept if f"eval_{name}" in entry}
