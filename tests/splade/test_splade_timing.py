"""The least time of a few calls."""

from __future__ import annotations

from distiller.splade.timing import ROUNDS, least_seconds


def test_the_least_of_a_few_counts_and_the_first_call_does_not() -> None:
    durations = [9.0, 4.0, 3.0, 2.0, 5.0, 6.0]
    moment, calls = 0.0, 0

    def call() -> None:
        nonlocal moment, calls
        moment += durations[calls]
        calls += 1

    assert least_seconds(call, clock=lambda: moment) == 2.0
    assert calls == 1 + ROUNDS == len(durations)
