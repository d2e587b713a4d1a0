"""How processes that train together notice that one of them is gone.

Imports torch: import it inside functions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from threading import Thread
from typing import Any

from torch import distributed

from distiller.schema.errors import StageFailed

_SILENCE_S = 300.0
"""Seconds without an answer after which the first process is taken for lost; a machine that is
short of memory may hold it up for some."""
_PAUSES_S = (0.01, 1.0)
"""Between questions, at first and at most."""


class Lost(StageFailed):
    """A process is not there any more, or does not answer."""


@contextmanager
def lost() -> Iterator[None]:
    """Say what it means where processes cannot reach each other."""
    try:
        yield
    except RuntimeError as error:  # of torch: connections, time limits
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise Lost(
            f"a process that trains with this one is lost ({reason}); run the same again: it goes"
            " on at the last checkpoint"
        ) from error


class Lifeline:
    """Hands on what the first process says, and notices where it is gone before.

    It may measure or write for hours while the others wait, so no time limit would fit; where it
    is gone they must not wait for ever. To be made by all processes together.
    """

    def __init__(self) -> None:
        """Connect to the first process.

        Raises:
            RuntimeError: It cannot be reached.
        """
        self.leads = distributed.get_rank() == 0
        self.turn = 0
        address = os.environ["MASTER_ADDR"]
        port: list[int] = [0]
        if self.leads:  # a thread of this process answers, whatever else it is busy with
            self._store = _store(address, 0, serves=True)
            port = [self._store.port]
        distributed.broadcast_object_list(port, src=0)
        if not self.leads:
            self._store = _store(address, port[0], serves=False)

    def share(self, value: Any) -> Any:
        """What the first process gives, in all.

        Raises:
            Lost: A process is gone, or the first one does not answer.
        """
        self.turn += 1
        box = [value if self.leads else None]
        with lost():
            if self.leads:
                self._store.set(f"turn {self.turn}", "")
            else:
                self._wait(f"turn {self.turn}")
            distributed.broadcast_object_list(box, src=0)
        return box[0]

    def _wait(self, key: str) -> None:
        """Ask for a key until it is there, in a thread: the question itself has no time limit."""
        there: Future[None] = Future()
        heard = time.monotonic()

        def ask() -> None:
            nonlocal heard
            pause, most = _PAUSES_S
            try:
                while not self._store.check([key]):
                    heard = time.monotonic()
                    time.sleep(pause)
                    pause = min(most, 2 * pause)
            except RuntimeError as error:
                there.set_exception(error)
            else:
                there.set_result(None)

        Thread(target=ask, name="lifeline", daemon=True).start()
        while not wait([there], timeout=1).done:
            if time.monotonic() - heard > _SILENCE_S:
                raise RuntimeError(f"the first one has not answered for {_SILENCE_S:.0f} s")
        there.result()


def _store(address: str, port: int, *, serves: bool) -> Any:
    """A place for keys that all can reach; port 0 takes a free one."""
    return distributed.TCPStore(  # type: ignore[attr-defined]  # not in its `__all__`
        address, port, is_master=serves, wait_for_workers=False
    )
