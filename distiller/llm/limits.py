"""Limits of our own: requests and tokens in any 60 seconds."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

WINDOW_S = 60.0


class RateLimit:
    """Sliding windows over the last minute, so that no minute ever holds more than the limit.

    Args:
        requests_per_minute: 0 for no limit.
        tokens_per_minute: Prompt and completion tokens; 0 for no limit.
        clock: Seconds, monotonic.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        requests_per_minute: int = 0,
        tokens_per_minute: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self._clock = clock
        self._sleep = sleep
        self._sent: deque[list[float]] = deque()  # [moment, tokens]; the tokens are corrected later
        self._turn = asyncio.Lock()

    async def acquire(self, tokens: int) -> Callable[[int], None]:
        """Wait for the turn of a request that may use `tokens`.

        Returns:
            What to call with the tokens that it really used. A request larger than the limit
            itself goes out alone, when the window is empty.
        """
        if not (self.requests_per_minute or self.tokens_per_minute):
            return lambda used: None
        async with self._turn:
            while (wait := self._wait(tokens)) > 0:
                await self._sleep(wait)
            sent = [self._clock(), float(tokens)]
            self._sent.append(sent)

        def settle(used: int) -> None:
            sent[1] = float(used)

        return settle

    def _wait(self, tokens: int) -> float:
        """Seconds until the next look; 0 when the request may go."""
        now = self._clock()
        while self._sent and self._sent[0][0] <= now - WINDOW_S:
            self._sent.popleft()
        if not self._sent:
            return 0.0
        full = bool(self.requests_per_minute) and len(self._sent) >= self.requests_per_minute
        used = sum(count for _, count in self._sent)
        heavy = bool(self.tokens_per_minute) and used + tokens > self.tokens_per_minute
        if not (full or heavy):
            return 0.0
        until_oldest_leaves = self._sent[0][0] + WINDOW_S - now
        # Settled requests free tokens before the window moves on: look again at least every second.
        return min(until_oldest_leaves, 1.0) if heavy and not full else until_oldest_leaves
