from __future__ import annotations

import pytest

from distiller.llm.limits import RateLimit


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def sent_at(limit: RateLimit, clock: Clock, tokens: list[int]) -> list[float]:
    moments = []
    for count in tokens:
        await limit.acquire(count)
        moments.append(clock.now - 1000.0)
    return moments


async def test_no_minute_holds_more_requests_than_allowed() -> None:
    clock = Clock()
    limit = RateLimit(requests_per_minute=3, clock=clock, sleep=clock.sleep)
    assert await sent_at(limit, clock, [1] * 7) == [0, 0, 0, 60, 60, 60, 120]


async def test_no_minute_holds_more_tokens_than_allowed() -> None:
    clock = Clock()
    limit = RateLimit(tokens_per_minute=100, clock=clock, sleep=clock.sleep)
    assert await sent_at(limit, clock, [60, 40, 1]) == [0, 0, 60]


async def test_tokens_that_were_not_used_are_free_again() -> None:
    clock = Clock()
    limit = RateLimit(tokens_per_minute=100, clock=clock, sleep=clock.sleep)
    settle = await limit.acquire(90)
    settle(20)
    assert await sent_at(limit, clock, [80]) == [0]


async def test_a_request_larger_than_the_limit_goes_out_alone() -> None:
    clock = Clock()
    limit = RateLimit(tokens_per_minute=100, clock=clock, sleep=clock.sleep)
    assert await sent_at(limit, clock, [500, 1]) == [0, pytest.approx(60)]


async def test_without_limits_nothing_waits() -> None:
    clock = Clock()
    assert await sent_at(RateLimit(clock=clock, sleep=clock.sleep), clock, [10**9] * 3) == [0, 0, 0]
