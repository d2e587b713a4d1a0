"""Whether an endpoint will do, in a few cheap requests."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from distiller.llm.client import Client
from distiller.llm.dialect import Mode
from distiller.schema.base import now
from distiller.schema.errors import (
    CompletionError,
    EndpointError,
    EndpointUnreachable,
    ModelNotFound,
)
from distiller.schema.usage import Prompt

STAGE = "check"
MEASURED_TOKENS = 32


@dataclass
class EndpointCheck:
    """What was found."""

    endpoint: str
    model: str
    reachable: bool = False
    model_found: bool | None = None
    """None where it could not be found out."""
    structured: Mode | None = None
    """How structures are asked for; None where no way worked."""
    logprobs: bool | None = None
    """Whether Yes/No probabilities can be had."""
    tokens_per_second: float | None = None
    """Of one completion alone."""
    priced: bool = False
    problem: str = ""

    @property
    def usable(self) -> bool:
        """Whether data can be generated with it."""
        return self.structured is not None

    @property
    def verdict(self) -> str:
        """One line for people."""
        if self.problem:
            return f"{self.model} at {self.endpoint} cannot be used: {self.problem}"
        speed = f"{self.tokens_per_second:.0f} tokens/s" if self.tokens_per_second else "slow"
        scores = "with" if self.logprobs else "without"
        cost = "" if self.priced else ", price unknown"
        return (
            f"{self.model} at {self.endpoint} works: structured outputs by {self.structured}, "
            f"{scores} log-probabilities, {speed}{cost}"
        )


class _Capital(BaseModel):
    model_config = ConfigDict(extra="forbid")

    country: str
    continent: Literal["Africa", "America", "Asia", "Australia", "Europe"]


async def check(client: Client) -> EndpointCheck:
    """Ask for a structure, a probability and a few words; errors become the verdict."""
    found = EndpointCheck(
        client.exchange.model, client.exchange.model, priced=client.price is not None
    )
    try:
        endpoint = await client.exchange.open()
        found.endpoint, found.model = endpoint.title, endpoint.model
        offered = await endpoint.models()
        found.reachable = True
        found.model_found = endpoint.model in offered if offered else None
        await _ask(client, found)
    except EndpointError as error:
        found.problem = str(error)
        found.reachable = found.reachable or not isinstance(error, EndpointUnreachable)
        if isinstance(error, ModelNotFound):
            found.model_found = False
    return found


async def _ask(client: Client, found: EndpointCheck) -> None:
    moment = now().isoformat()  # so that the ledger cannot answer
    system = f"You check a connection at {moment}."
    await client.structured(
        _prompt(system, "Where is Paris? Name its country and continent."), _Capital, stage=STAGE
    )
    found.model_found, found.structured = True, client.exchange.dialect.structured
    with suppress(CompletionError):  # speed and scores are welcome, not needed
        found.tokens_per_second = await _speed(client, system)
    found.logprobs = False
    with suppress(CompletionError):
        question = "Is Paris in France? Answer Yes or No."
        probability = await client.yes_probability(_prompt(system, question), stage=STAGE)
        found.logprobs = probability is not None


async def _speed(client: Client, system: str) -> float:
    """Tokens per second of one completion alone."""
    started = time.monotonic()
    completion = await client.complete(
        _prompt(system, "Count from one to twelve in words."),
        stage=STAGE,
        max_tokens=MEASURED_TOKENS,
    )
    return completion.usage.completion_tokens / (time.monotonic() - started)


def _prompt(system: str, user: str) -> Prompt:
    return Prompt(name="check", version=1, system=system, user=user)
