"""Who listens while a model trains. Imports torch: import it inside functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from sentence_transformers import SparseEncoder
from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from distiller.schema.errors import DistillerError, StageFailed
from distiller.train import processes
from distiller.train.sparsity import Steering

WORTH = "worth"
"""What the evaluator calls the value that chooses the checkpoint."""
Measured = dict[str, float]
OnStep = Callable[[int, str, Measured], None]
"""Called with step, a line for people, and what was measured at that step (empty between)."""
ShouldStop = Callable[[int, Measured], bool]


_CURVE_POINTS = 300
"""Points of the loss that one training reports at most, evenly spread."""
_REGULARIZERS = ("document_regularizer_loss", "query_regularizer_loss")


@dataclass(frozen=True)
class Observer:
    """Whoever measures a training and follows it; of several processes, only the first one's is."""

    evaluator: Callable[[SparseEncoder], Measured]
    """Called with the model every `Plan.evaluate_every` steps."""
    worth: Callable[[Measured], float] | None
    """How good what was measured is, to keep the best checkpoint; None keeps the last two."""
    on_step: OnStep
    """Told after every step."""
    should_stop: ShouldStop
    """Asked after every evaluation."""


BYSTANDER = Observer(
    evaluator=lambda _: {},
    worth=None,
    on_step=lambda *_: None,
    should_stop=lambda *_: False,
)
"""Of the processes that only take part."""


class Evaluator(BaseEvaluator):  # type: ignore[misc]
    """The observer's measurement as the library's evaluator, which calls it in the first process."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer
        self.problem: DistillerError | None = None
        """Why it could not be measured: kept until all processes can hear of it."""

    def __call__(self, model: SparseEncoder, *_: Any, **__: Any) -> Measured:
        try:
            measured = self.observer.evaluator(model)
        except DistillerError as problem:
            self.problem = problem
            return {}
        return measured | ({WORTH: self.observer.worth(measured)} if self.observer.worth else {})


class SteeringCallback(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Moves the regularisers' weights after each step, and keeps where they are in checkpoints."""

    def __init__(self, steering: Steering) -> None:
        self.steering = steering

    def state(self) -> dict[str, Any]:
        """What `trainer_state.json` keeps."""
        return {"args": {}, "attributes": self.steering.state()}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Go on from a checkpoint's weights."""
        kept = state.stateful_callbacks.get(type(self).__name__)
        if kept:
            self.steering.restore(kept["attributes"])

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the ramp further."""
        self.steering.step = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the weights."""
        self.steering.settle()


class Watch(TrainerCallback):  # type: ignore[misc]
    """Tells of every step, and stops where the loss is lost or the caller has seen enough.

    Every process sees the same loss, the mean over all; the first decides for all.
    """

    def __init__(self, observer: Observer, evaluator: Evaluator) -> None:
        self.observer = observer
        self.evaluator = evaluator

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Pass the loss of the step on; stop where it is not a number."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if not math.isfinite(loss):
            processes.agree(lambda: _diverged(state.global_step, loss))
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
        if processes.agree(lambda: self._is_over(state.global_step, measured)):
            control.should_training_stop = True

    def _is_over(self, step: int, measured: Measured) -> bool:
        if self.evaluator.problem:
            raise self.evaluator.problem
        self.observer.on_step(step, "measured", measured)
        return self.observer.should_stop(step, measured)


def _diverged(step: int, loss: float) -> NoReturn:
    raise StageFailed(f"training diverged: the loss of step {step} is {loss}; lower learning_rate")


def _curve(logs: dict[str, Any]) -> Measured:
    """The loss of a step, and its parts."""
    parts = {
        "loss": logs["loss"],
        "ranking": logs.get("base_loss"),
        "teacher": logs.get("teacher_loss"),
        "guard": logs.get("guard_loss"),
    }
    regularizers = [logs[name] for name in _REGULARIZERS if name in logs]
    if regularizers:
        parts["regularizer"] = sum(regularizers)
    return {name: float(value) for name, value in parts.items() if value is not None}


def evaluated(entry: dict[str, Any]) -> Measured:
    """The evaluator's own values of a log entry, without the trainer's prefix and timings."""
    kept = ("ndcg@10", "recall@100", "query_dims", "passage_dims")
    return {name: float(entry[f"eval_{name}"]) for name in kept if f"eval_{name}" in entry}
