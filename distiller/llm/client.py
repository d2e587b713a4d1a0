"""The one client for every model."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from pydantic import BaseModel

from distiller.llm import structured, text, yesno
from distiller.llm.exchange import Exchange
from distiller.llm.prices import Price
from distiller.llm.structured import Structured
from distiller.llm.text import Completion
from distiller.schema.usage import Prompt, Usage

T = TypeVar("T", bound=BaseModel)


class Client:
    """Asks a language model; made by `connect`. An async context manager."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    async def __aenter__(self) -> Client:
        await self.exchange.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Write what has come back, drop what has not, let go of an embedded server."""
        await self.exchange.close()

    @property
    def usage(self) -> Usage:
        """What this client has paid so far."""
        return self.exchange.usage

    @property
    def concurrency(self) -> int:
        """How many requests this client keeps under way at once."""
        return self.exchange.terms.concurrency

    @property
    def price(self) -> Price | None:
        """The model's price; None where unknown: then `usage.cost` leaves it out."""
        return self.exchange.terms.price

    @property
    def tokens_per_second(self) -> float | None:
        """Completion tokens per second over all requests together; None before the first."""
        return self.exchange.meter.tokens_per_second

    async def complete(
        self,
        prompt: Prompt,
        *,
        stage: str,
        max_tokens: int = 1024,
        temperature: float = 0.7,
        seed: int | None = None,
    ) -> Completion:
        """Text. A completion that was cut off is continued and joined.

        Raises:
            EndpointError: No usable completion; see `distiller.schema.errors`.
            BudgetExceeded: The budget does not cover it.
        """
        return await text.complete(
            self.exchange,
            prompt,
            stage=stage,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
        )

    async def structured(
        self,
        prompt: Prompt,
        schema: type[T],
        *,
        stage: str,
        max_tokens: int = 1024,
        temperature: float = 0.7,
        seed: int | None = None,
        at_least: int | None = None,
    ) -> Structured[T]:
        """A value of `schema`, asked for in the best way that the endpoint understands.

        A reply that was cut off keeps its complete list items, and the rest is asked for; one
        that does not fit the schema is answered by one repair request.

        Args:
            prompt: What to ask.
            schema: What the answer shall be.
            stage: For the ledger.
            max_tokens: Of one completion.
            temperature: 0 for the likeliest answer.
            seed: Another seed is another request, also for endpoints that take none.
            at_least: Items wanted in the lists of the schema's outer object together. A shorter
                reply is asked for more while that brings more; one that was cut off with
                enough is not continued.

        Raises:
            EndpointError: No usable completion; see `distiller.schema.errors`.
            BudgetExceeded: The budget does not cover it.
        """
        question = structured.Question(
            prompt, schema, stage, max_tokens, temperature, seed, at_least
        )
        return await structured.ask(self.exchange, question)

    async def yes_probability(self, prompt: Prompt, *, stage: str) -> float | None:
        """P(Yes) / (P(Yes) + P(No)) of the first token, strictly between 0 and 1.

        None where the endpoint gives no log-probabilities, or the model says neither.

        Raises:
            EndpointError: No completion; see `distiller.schema.errors`.
            BudgetExceeded: The budget does not cover it.
        """
        return await yesno.yes_probability(self.exchange, prompt, stage=stage)
