"""Several processes that train one model, as `torchrun` and `accelerate launch` start them.

The first one leads: it reads, measures, decides and writes. The others take part in the optimizer's
steps. Imports torch only where there are several.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from distiller.launch import alone_by_mistake, launched
from distiller.schema.errors import DistillerError, InputError, StageFailed

if TYPE_CHECKING:
    from torch import Tensor

    from distiller.train.lifeline import Lifeline

Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)

_PATIENCE = timedelta(hours=1)
"""How long a process waits in a step for the others, which do the same work meanwhile. What only
the first one does, such as measuring, may take longer: see `Lifeline`."""

_lifeline: Lifeline | None = None


class Stopped(StageFailed):
    """What the others raise where the first process has stopped a training, and says why."""


def count() -> int:
    """How many there are; 1 where no launcher has started several."""
    return int(os.environ.get("WORLD_SIZE", "1")) if launched() else 1


def rank() -> int:
    """Which one this is, from 0."""
    return int(os.environ["RANK"]) if count() > 1 else 0


def leads() -> bool:
    """Whether this is the first, which also is the only one that writes."""
    return rank() == 0


def on_processor(device: str | None) -> bool:
    """Whether training keeps to the processor: it was told to, or there is no accelerator."""
    import torch  # noqa: PLC0415 - torch takes seconds

    return device == "cpu" or not torch.accelerator.is_available()


def meet(device: str | None = None) -> None:
    """Wait until all are there; nothing where they have met, or none was launched.

    Args:
        device: `cpu` keeps to the processor where there is an accelerator.

    Raises:
        Lost: They do not all come.
    """
    global _lifeline  # noqa: PLW0603 - one per process, as what connects them
    if not launched():
        if alone_by_mistake():
            logger.warning(
                "accelerate launch --cpu has started one process only, which trains the same;"
                " for several on processors: torchrun --nproc_per_node N, or accelerate launch"
                " --multi_gpu --num_processes N"
            )
        return
    from accelerate import PartialState  # noqa: PLC0415 - torch takes seconds

    from distiller.train.lifeline import Lifeline, lost  # noqa: PLC0415 - torch takes seconds

    with lost():
        PartialState(cpu=on_processor(device), timeout=_PATIENCE)
        if count() > 1 and not _lifeline:
            _lifeline = Lifeline()
    atexit.unregister(part)
    atexit.register(part)  # anew, to be the first that is done at the end


def part() -> None:
    """End what connects the processes: gloo's threads would abort an interpreter that ends first.

    What was trained has to be gone by then. Where DDP is the last to refer to gloo's threads, it
    waits for them with the interpreter's lock in its hands, for which they may be waiting in turn:
    seen on a busy machine, and for ever.

    NCCL's end might wait for a process that has failed, so it is left to torch.
    """
    from torch import distributed  # noqa: PLC0415 - torch takes seconds

    if distributed.is_initialized() and distributed.get_backend() == "gloo":
        gc.collect()  # a trainer and its model refer to each other
        distributed.destroy_process_group()


def check(batch_size: int) -> None:
    """Refuse more processes than a batch has rows.

    Raises:
        InputError: Says how many there are of each.
    """
    if count() > batch_size:
        raise InputError(
            f"{count()} processes cannot share batches of {batch_size} queries; start fewer, or"
            " raise batch_size"
        )


def share(value: Any) -> Any:
    """What the first process gives, in all of them; for which they wait as long as it lives.

    Raises:
        Lost: One of them is not there any more.
    """
    if count() == 1:
        return value
    assert _lifeline, "they have met"
    return _lifeline.share(value)


def agree(ask: Callable[[], Answer]) -> Answer:
    """What the first process is answered, in all of them.

    Raises:
        DistillerError: In the first process, what `ask` raised.
        Stopped: In the others then.
    """
    if count() == 1:
        return ask()
    if not leads():
        stopped, answer = share(None)
        if stopped:
            raise Stopped("the first process has stopped the training, and says why")
        return answer  # type: ignore[no-any-return]
    try:
        answer = ask()
    except DistillerError:
        share((True, None))
        raise
    share((False, answer))
    return answer


def part_of(batch: Sequence[int], part: int, parts: int) -> list[int]:
    """One process's rows of a batch, of which all have the same number.

    Where a batch does not divide, its first rows stand in at the end; `whole_batch` takes them out.
    """
    size = -(-len(batch) // parts)
    return [batch[index % len(batch)] for index in range(part * size, (part + 1) * size)]


def whole_batch(columns: Sequence[Tensor], rows: Tensor) -> tuple[list[Tensor], Tensor]:
    """A batch as one process would have it, from every process's part.

    So every process computes the loss of the whole batch. Its gradient reaches the texts of its own
    part only, and DistributedDataParallel takes the mean over the processes where the sum is meant:
    therefore it is multiplied by their number here.

    Args:
        columns: Term weights of this process's texts, shape (part, vocabulary) each.
        rows: Numbers of its rows, shape (part,).

    Returns:
        The same of the batch, in the batch's order: shapes (batch, vocabulary) and (batch,).
    """
    processes = count()
    if processes == 1:
        return list(columns), rows
    from sentence_transformers.util import all_gather  # noqa: PLC0415 - torch takes seconds

    everything = all_gather(rows)
    batch = len(everything.unique())  # what stands in for missing rows stands at the end
    gathered = []
    for column in columns:
        if column.requires_grad:
            column.register_hook(lambda gradient: gradient * processes)  # type: ignore[no-untyped-call]
        gathered.append(all_gather(column.contiguous())[:batch])
    return gathered, everything[:batch]
