"""The optimizer's loop, on sentence-transformers. Imports torch: import it inside functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from sentence_transformers import (
    SparseEncoder,
    SparseEncoderTrainer,
    SparseEncoderTrainingArguments,
)
from sentence_transformers.sparse_encoder.data_collator import SparseEncoderDataCollator
from torch.utils.data import DataLoader
from transformers import PrinterCallback

from distiller.schema.errors import DistillerError, StageFailed
from distiller.splade.encoder import cut_at
from distiller.splade.head import is_installed
from distiller.train import adapters, processes, query_table
from distiller.train.batches import LengthBuckets
from distiller.train.callbacks import WORTH, Evaluator, Observer, SteeringCallback, Watch
from distiller.train.columns import on_disk, passage_columns
from distiller.train.guard import Reference, general_texts, reference
from distiller.train.objective import CachedObjective, Objective
from distiller.train.recipe import Plan, Recipe
from distiller.train.sparsity import Side, Steering
from distiller.train.supervision import Supervision, supervision
from distiller.train.task import Task

_TOKENS_AT_ONCE = 8192
"""Texts × tokens of a step above which it is computed in parts (GradCache,
https://arxiv.org/abs/2101.06983): one tensor of logits is 8192 × 30,522 × 4 bytes = 1 GB."""
_PART = 16
"""Texts per part."""
_BYTES_AT_ONCE = 1 << 30
_BYTES_PER_TOKEN = 80
"""Where the fast head builds no logits, the layers' activations are what is kept for the gradient:
about twenty numbers of 4 bytes per token, layer and hidden dimension."""


def fit(model: SparseEncoder, task: Task, observer: Observer) -> None:
    """Train a model in place, together with the other processes where there are several.

    Args:
        model: What is trained; afterwards that of the last step.
        task: What it learns from, how, and where its checkpoints are.
        observer: Measures the model, and is told of every step.

    Raises:
        StageFailed: The loss is not finite, the disk is full, or memory ran out.
    """
    recipe, schedule, rows = task.recipe, task.plan, task.rows
    known = supervision(rows)
    general = general_texts(
        model, recipe.general_texts if recipe.general_weight else 0, recipe.seed
    )
    if recipe.query_table and processes.count() > 1:
        query_table.freeze_unused(model)
    loss = objective(model, recipe, schedule, known, reference(model, known, recipe, general))
    evaluator = Evaluator(observer)
    trainer = _Trainer(
        model=model,
        args=_arguments(task, adapted=adapters.are_in(model)),
        train_dataset=on_disk(rows, general, task.folder / f"rows-{processes.rank()}.arrow"),
        loss=loss,
        evaluator=evaluator,
        data_collator=_collator(model, recipe, len(rows[0].negatives)),
        callbacks=[SteeringCallback(loss.steering), Watch(observer, evaluator)],
    )
    trainer.batches = LengthBuckets(
        known,
        [max(map(len, (row.positive, *row.negatives))) for row in rows],
        batch_size=schedule.batch_size,
        seed=recipe.seed,
        bucket=recipe.length_buckets,
    )
    trainer.remove_callback(PrinterCallback)
    _run(trainer, task.checkpoint)


def _run(trainer: SparseEncoderTrainer, checkpoint: Path | None) -> None:
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        trainer.accelerator.wait_for_everyone()  # until all have written to the last checkpoint
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


def objective(
    model: SparseEncoder, recipe: Recipe, schedule: Plan, known: Supervision, start: Reference
) -> Objective:
    """The loss, in parts where a step would not fit in memory."""
    passages = _part(schedule) * known.passages.shape[1]
    arguments = (model, recipe, known, start, steering(recipe, schedule, start))
    if passages * min(recipe.passage_length, known.longest // 4 + 2) <= _tokens_at_once(model):
        return Objective(*arguments)
    return CachedObjective(*arguments, part=_PART)


def _part(schedule: Plan) -> int:
    """Queries of a batch that one process computes."""
    return -(-schedule.batch_size // processes.count())


def _tokens_at_once(model: SparseEncoder) -> int:
    """Tokens whose gradient fits in memory in one piece."""
    config = getattr(getattr(model[0], "model", None), "config", None)
    layers, hidden = (getattr(config, name, None) for name in ("num_hidden_layers", "hidden_size"))
    if not (is_installed(model) and layers and hidden):
        return _TOKENS_AT_ONCE
    return max(_TOKENS_AT_ONCE, _BYTES_AT_ONCE // (_BYTES_PER_TOKEN * int(layers) * int(hidden)))


def steering(recipe: Recipe, schedule: Plan, start: Reference) -> Steering:
    """The regularisers' weights, and where they are steered."""
    targets: list[float | None] = [None, None]
    if recipe.steered:
        targets = [
            # a table adds no term to a query, so there is nothing to steer
            None
            if recipe.query_table
            else recipe.query_dims or start.query_dims * recipe.dims_ratio,
            recipe.passage_dims or start.passage_dims * recipe.dims_ratio,
        ]
    return Steering(
        Side(recipe.query_lambda, targets[0]),
        Side(recipe.passage_lambda, targets[1]),
        schedule.ramp_steps,
    )


def _collator(model: SparseEncoder, recipe: Recipe, negatives: int) -> SparseEncoderDataCollator:
    """Tokenizes queries and passages as the encoder does: own lengths, own prompts."""
    lengths = {"query": recipe.query_length, "document": recipe.passage_length}
    passages = [*passage_columns(negatives), "general"]
    tasks = {"query": "query"} | dict.fromkeys(passages, "document")
    prompts = {column: model.prompts.get(task) for column, task in tasks.items()}

    def preprocess(texts: list[str], *, task: str, prompt: str | None = None) -> Any:
        limit = cut_at(lengths[task])
        return model.preprocess(texts, prompt=prompt, task=task, processing_kwargs=limit)

    return SparseEncoderDataCollator(
        preprocess_fn=preprocess,
        router_mapping=tasks,
        prompts={column: prompt for column, prompt in prompts.items() if prompt},
    )


def _arguments(task: Task, *, adapted: bool) -> SparseEncoderTrainingArguments:
    recipe, schedule = task.recipe, task.plan
    on_gpu = torch.cuda.is_available() and task.device != "cpu"
    return SparseEncoderTrainingArguments(
        output_dir=str(task.folder),
        use_cpu=processes.on_processor(task.device),
        max_steps=schedule.steps,
        per_device_train_batch_size=_part(schedule),
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=recipe.adapter_rate if adapted else recipe.learning_rate,
        learning_rate_mapping={query_table.PARAMETER: recipe.table_rate}
        if recipe.query_table
        else {},
        weight_decay=recipe.weight_decay,
        warmup_steps=schedule.warmup_steps,
        seed=recipe.seed,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        eval_strategy="steps",
        eval_steps=schedule.evaluate_every,
        save_strategy="steps",
        save_steps=schedule.save_every,
        save_total_limit=2,
        metric_for_best_model=WORTH if task.keeps_best else None,
        greater_is_better=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
        dataloader_pin_memory=on_gpu,
        # a table of query terms is used in another forward pass than the last, where it is looked for
        ddp_find_unused_parameters=not recipe.query_table,
    )


def _why_stopped(error: Exception, trainer: SparseEncoderTrainer) -> str:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    several = processes.count() > 1 and not isinstance(error, OSError)
    also = " (or another of the processes is lost)" if several else ""
    return (
        f"training stopped at step {trainer.state.global_step} in {trainer.args.output_dir}:"
        f" {reason}{also}; make room or mend that, and run the same again: it goes on at the last"
        " checkpoint"
    )


class _Trainer(SparseEncoderTrainer):  # type: ignore[misc]
    """Takes its batches as we cut them, and collects nothing for the library's own model card."""

    batches: LengthBuckets

    def get_batch_sampler(self, *_: Any, **__: Any) -> LengthBuckets:
        """Ours."""
        return self.batches

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Of the batches as they are: `LengthBuckets` has cut them for several processes already."""
        loader = self._build_dataloader(
            self.train_dataset, self.args.train_batch_size, dataset_kind="train"
        )
        prepared: DataLoader[Any] = prepare_data_loader(
            loader, self.args.device, num_processes=1, process_index=0, put_on_device=True
        )
        return prepared

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave it out."""
