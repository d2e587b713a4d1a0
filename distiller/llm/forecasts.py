"""What a stage will use, before it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from distiller.llm.connect import concurrency_of, price_of
from distiller.schema.usage import Forecast, Prompt, Usage
from distiller.settings import Settings

BYTES_PER_TOKEN = 4
"""Of English; other languages need more tokens, so a forecast for them is low."""


@dataclass(frozen=True)
class Planned:
    """Requests of one kind that a stage will send."""

    stage: str
    completions: int
    prompt_tokens: int
    """Of one request."""
    completion_tokens: int
    """Of one completion."""

    @classmethod
    def like(
        cls, stage: str, prompt: Prompt, *, completions: int, completion_tokens: int
    ) -> Planned:
        """So many requests of about that prompt's length."""
        tokens = estimate_tokens(prompt.system) + estimate_tokens(prompt.user)
        return cls(stage, completions, tokens, completion_tokens)


@dataclass(frozen=True)
class Rate:
    """Tokens per second, all requests under way together."""

    prompt: float
    completion: float


LOCAL_RATE = Rate(prompt=72.0, completion=24.0)
"""Of the embedded 1.5B model on two cores."""
REMOTE_RATE_PER_REQUEST = Rate(prompt=5000.0, completion=50.0)
"""Assumed of a hosted model; `Client.tokens_per_second` tells the measured rate."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN)


def forecast(
    requests: Sequence[Planned], settings: Settings, *, rate: Rate | None = None
) -> list[Forecast]:
    """Completions, tokens, cost and time per stage, in the order of first appearance.

    Args:
        requests: What the stages will send.
        settings: Model, prices and concurrency.
        rate: As measured; otherwise assumed.
    """
    price, rate = price_of(settings), rate or assumed_rate(settings)
    forecasts: dict[str, Forecast] = {}
    for planned in requests:
        prompt_tokens = planned.completions * planned.prompt_tokens
        completion_tokens = planned.completions * planned.completion_tokens
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
        before = forecasts.get(planned.stage) or _nothing(planned.stage)
        forecasts[planned.stage] = Forecast(
            stage=planned.stage,
            completions=before.completions + planned.completions,
            prompt_tokens=before.prompt_tokens + prompt_tokens,
            completion_tokens=before.completion_tokens + completion_tokens,
            cost=before.cost + (price.cost(usage) if price else 0.0),
            priced=price is not None,
            seconds=before.seconds
            + prompt_tokens / rate.prompt
            + completion_tokens / rate.completion,
        )
    return list(forecasts.values())


def assumed_rate(settings: Settings) -> Rate:
    """What to expect of the model in force before anything was measured."""
    if settings.uses_local_model:
        return LOCAL_RATE
    concurrency, each = concurrency_of(settings), REMOTE_RATE_PER_REQUEST
    return Rate(concurrency * each.prompt, concurrency * each.completion)


def _nothing(stage: str) -> Forecast:
    return Forecast(
        stage=stage, completions=0, prompt_tokens=0, completion_tokens=0, cost=0.0, seconds=0.0
    )
