"""What completions cost, and the ledger that remembers every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pydantic import Field

from distiller.schema.base import Record, now


class Prompt(Record):
    """A rendered prompt. The system part is the same for all items of a stage, so that servers can cache it."""

    name: str
    """Such as `queries.write`."""
    version: int
    system: str
    user: str

    @property
    def label(self) -> str:
        """Name and version as provenance shows them: `queries.write@1`."""
        return f"{self.name}@{self.version}"


class Usage(Record):
    """Tokens and money; sums of usages are usages."""

    prompt_tokens: int = 0
    """Tokens sent, those read from the endpoint's own cache included."""
    cached_tokens: int = 0
    """The part of `prompt_tokens` that the endpoint read from its cache."""
    completion_tokens: int = 0
    cost: float = 0.0
    """US dollars; 0 for the embedded model."""
    completions: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost=self.cost + other.cost,
            completions=self.completions + other.completions,
        )


class Outcome(StrEnum):
    """How a request ended. Only `OK` entries answer a later request of the same hash."""

    OK = "ok"
    LENGTH = "length"
    EMPTY = "empty"
    REFUSAL = "refusal"
    INVALID = "invalid"
    ERROR = "error"


class LedgerEntry(Record):
    """One request to a language model and what came back."""

    id: str
    request_hash: str
    """SHA-256 of endpoint, model and everything sent that can change the answer."""
    project_id: str | None = None
    stage: str = ""
    """`knowledge`, `queries`, `passages`, `judge`, `check`."""
    prompt: str = ""
    """Prompt and version, `queries.write@1`."""
    endpoint: str
    model: str
    request: dict[str, Any]
    """The request's body as sent; never a key."""
    completion: str = ""
    logprobs: list[dict[str, Any]] | None = None
    """Of each completion token where they were asked for: token, logprob, top_logprobs."""
    finish_reason: str = ""
    usage: Usage = Field(default_factory=Usage)
    latency_s: float = 0.0
    outcome: Outcome = Outcome.OK
    error: str = ""
    created: datetime = Field(default_factory=now)


class Ledger(Protocol):
    """What `llm` needs of a ledger; `store` provides it. Calls may come from several threads."""

    def find(self, request_hash: str) -> LedgerEntry | None:
        """The entry with outcome OK for that request, if it was ever paid for."""

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        """Write all entries in one transaction; on return they are durable."""

    def spent(self, project_id: str | None = None, since: datetime | None = None) -> Usage:
        """Sum over the entries of a project (all projects when None), from a moment on."""


class Forecast(Record):
    """What a stage is expected to use before it runs."""

    stage: str
    completions: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    """US dollars; without meaning where not `priced`."""
    priced: bool = True
    """Whether the model's price is known."""
    seconds: float
    """Expected wall time at the endpoint's measured, or else assumed, rate."""
