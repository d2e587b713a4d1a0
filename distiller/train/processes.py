"""Several processes that train one model, as `torchrun` and `accelerate launch` start them.

The first one leads: it reads, measures, decides and writes. The others take part in the optimizer's
steps. Imports torch only where there are several.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from distiller.schema.errors import DistillerError, InputError, StageFailed

if TYPE_CHECKING:
    from torch import Tensor

Answer = TypeVar("Answer")

_PATIENCE = timedelta(days=7)
"""How long the others wait for the first, which may write data or measure for hours. Where one
process dies, the launcher ends all; nobody has to wait for that."""


class Stopped(StageFailed):
    """What the others raise where the first process has stopped a training, and says why."""


def launched() -> bool:
    """Whether a launcher started this process, alone or with others."""
    return "LOCAL_RANK" in os.environ


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
    """
    if launched():
        from accelerate import PartialState  # noqa: PLC0415 - torch takes seconds

        PartialState(cpu=on_processor(device), timeout=_PATIENCE)
        atexit.register(_part)


def _part() -> None:
    """End what connects the processes: gloo's threads would abort an interpreter that ends first.

    NCCL's end might wait for a process that has failed, so it is left to torch.
    """
    from torch import distributed  # noqa: PLC0415 - torch takes seconds

    if distributed.is_initialized() and distributed.get_backend() == "gloo":
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
    """What the first process gives, in all of them."""
    if count() == 1:
        return value
    from torch.distributed import broadcast_object_list  # noqa: PLC0415 - torch takes seconds

    box = [value if leads() else None]
    broadcast_object_list(box, src=0)
    return box[0]


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
