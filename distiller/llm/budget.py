"""A hard limit on what a project may spend."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from distiller.llm.prices import Price
from distiller.schema.errors import BudgetExceeded
from distiller.schema.usage import Usage

REFRESH_S = 1.0


class Budget:
    """Reserves the worst case of every request before it is sent.

    A request that fits only once others have ended waits for them; one that does not fit at
    all is refused. Spending by other processes on the same project is read from the ledger
    at most once a second.

    Args:
        limit: US dollars in all; None means no limit.
        price: None where no price is known: then any limit refuses.
        spent: Asks the ledger what the project has cost so far, in US dollars.
        model: For messages.
    """

    def __init__(
        self, limit: float | None, price: Price | None, spent: Callable[[], float], *, model: str
    ) -> None:
        self.limit = limit
        self.price = price
        self._ask = spent
        self._model = model
        self._spent = 0.0
        self._asked: float | None = None
        self._reserved = 0.0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def reserve(
        self, prompt_tokens: int, completion_tokens: int
    ) -> AsyncIterator[Callable[[float], None]]:
        """Hold the worst-case cost while a request is under way.

        Yields:
            What to call with the real cost, once it is in the ledger.

        Raises:
            BudgetExceeded: It does not fit, or no price is known to check it by.
        """
        if self.limit is None:
            yield lambda cost: None
            return
        worst = self._worst(prompt_tokens, completion_tokens)
        await self._wait_for(worst)
        try:
            yield self._settle
        finally:
            async with self._changed:
                self._reserved -= worst
                self._changed.notify_all()

    def _settle(self, cost: float) -> None:
        self._spent += cost

    def _worst(self, prompt_tokens: int, completion_tokens: int) -> float:
        if self.price is None:
            raise BudgetExceeded(
                f"no price is known for model '{self._model}', so a budget of ${self.limit:g} "
                "cannot be kept; name its prices in a file (DISTILLER_PRICE_FILE) or lift the budget"
            )
        return self.price.cost(
            Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
        )

    async def _wait_for(self, worst: float) -> None:
        assert self.limit is not None
        async with self._changed:
            while True:
                await self._refresh()
                if self._spent + self._reserved + worst <= self.limit:
                    self._reserved += worst
                    return
                if self._reserved <= 0:
                    raise BudgetExceeded(
                        f"${self._spent:.4f} of the budget of ${self.limit:g} is spent and the next "
                        f"completion may cost ${worst:.4f}; raise the budget and run again, "
                        "everything done so far is kept"
                    )
                await self._changed.wait()

    async def _refresh(self) -> None:
        now = time.monotonic()
        if self._asked is None or now - self._asked >= REFRESH_S:
            self._spent = max(self._spent, await asyncio.to_thread(self._ask))
            self._asked = now
