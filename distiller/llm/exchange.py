"""Requests through the ledger: found before they are sent, written before they are given out."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distiller.llm.batching import Batcher
from distiller.llm.budget import Budget
from distiller.llm.dialect import Body, Dialect, Dialects
from distiller.llm.limits import RateLimit
from distiller.llm.meter import Meter
from distiller.llm.prices import Price
from distiller.llm.reply import Reply, RequestRejected
from distiller.schema.base import new_id
from distiller.schema.errors import EndpointError
from distiller.schema.usage import Ledger, LedgerEntry, Outcome, Prompt, Usage

if TYPE_CHECKING:
    from distiller.llm.endpoint import Endpoint

Classify = Callable[[Reply], Outcome]


@dataclass(frozen=True)
class Connection:
    """An endpoint that is ready, and what is known about it beforehand."""

    endpoint: Endpoint
    dialect: Dialect | None = None
    """Known without asking, as of the embedded server."""
    release: Callable[[], None] = lambda: None
    """Called when the client is closed."""


@dataclass(frozen=True)
class Answer:
    """A ledger entry, and what this call paid for it."""

    entry: LedgerEntry
    usage: Usage


@dataclass(frozen=True)
class Request:
    """A body on its way, with what the ledger shall know about it."""

    body: Body
    prompt: Prompt
    stage: str
    classify: Classify
    seed: int | None = None
    max_tokens: int = field(kw_only=True)


def canonical(data: object) -> bytes:
    """One JSON text for equal data: sorted keys, no spaces, UTF-8."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def request_hash(endpoint: str, body: Body, seed: int | None = None) -> str:
    """SHA-256 over endpoint and body, and over the seed also where the endpoint takes none."""
    return hashlib.sha256(canonical({"endpoint": endpoint, "body": body, "seed": seed})).hexdigest()


@dataclass(frozen=True)
class Terms:
    """Under what conditions requests are sent."""

    model: str
    """For messages; the connection has the last word on the name."""
    project_id: str | None
    """Whose requests these are."""
    price: Price | None
    """None where unknown."""
    concurrency: int
    """Requests under way at once."""
    limit: RateLimit = field(default_factory=RateLimit)
    budget: float | None = None
    """US dollars that the project may cost in all; None for no limit."""


class Exchange:
    """Sends requests for one project to one endpoint.

    Args:
        connect: Called once, in a thread, before the first request.
        ledger: Remembers every request; equal requests are answered from it.
        dialects: What endpoints understand.
        terms: Limits, price and budget.
    """

    def __init__(
        self, connect: Callable[[], Connection], ledger: Ledger, dialects: Dialects, terms: Terms
    ) -> None:
        self.usage = Usage()
        self.terms = terms
        self.model = terms.model
        self.dialect = Dialect()
        self.negotiation = asyncio.Lock()
        self._connect = connect
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._ledger = ledger
        self._dialects = dialects
        self._budget = Budget(
            terms.budget,
            terms.price,
            lambda: ledger.spent(terms.project_id).cost,
            model=terms.model,
        )
        self._slots = asyncio.Semaphore(terms.concurrency)
        self._under_way: dict[str, asyncio.Task[Answer]] = {}
        self._find = Batcher(self._find_all, name="ledger-read")
        self._record = Batcher(self._record_all, name="ledger-write")
        self._concluded: set[str] = set()
        self.meter = Meter()

    async def open(self) -> Endpoint:
        """The endpoint, connected on first use."""
        if self._connection is None:
            async with self._opening:
                if self._connection is None:
                    connection = await asyncio.to_thread(self._connect)
                    endpoint = connection.endpoint
                    known = self._dialects.find(endpoint.name, endpoint.model)
                    self.dialect = connection.dialect or known or Dialect()
                    self.model = endpoint.model
                    self._connection = connection
        assert self._connection is not None
        return self._connection.endpoint

    async def close(self) -> None:
        """Write what has come back, drop what has not, let go of the endpoint."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._record.close()
        await self._find.close()
        if self._connection is not None:
            await self._connection.endpoint.close()
            self._connection.release()
            self._connection = None

    def learn(self, dialect: Dialect) -> None:
        """Use that dialect from now on, and keep it for the next process."""
        self.dialect = dialect
        if self._connection is not None and self._connection.dialect is None:
            endpoint = self._connection.endpoint
            self._dialects.remember(endpoint.name, endpoint.model, dialect)

    async def ask(self, build: Callable[[Dialect], Request]) -> Answer:
        """The answer to a request, phrased anew when the endpoint takes offence at the phrasing.

        Raises:
            EndpointError: The endpoint gave no reply. An unusable reply is an answer, whose
                entry has another outcome than `ok`.
            BudgetExceeded: The budget does not cover it.
        """
        await self.open()
        while True:
            dialect = self.dialect
            try:
                return await self._answer(build(dialect))
            except RequestRejected as rejection:
                adapted = dialect.adapted(str(rejection))
                if adapted is None:
                    raise
                if self.dialect == dialect:
                    self.learn(adapted)

    async def _answer(self, request: Request) -> Answer:
        """Equal requests that are under way at once are sent once; one of them pays."""
        endpoint = await self.open()
        key = request_hash(endpoint.name, request.body, request.seed)
        task = self._under_way.get(key)
        if task is not None:
            shared = await asyncio.shield(task)
            return Answer(shared.entry, Usage())
        task = asyncio.create_task(self._find_or_send(endpoint, key, request))
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: str, task: asyncio.Task[Answer]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # seen, also when whoever asked has gone

    async def _find_or_send(self, endpoint: Endpoint, key: str, request: Request) -> Answer:
        found = await self._find(key)
        if found is not None:
            return Answer(found, Usage())
        entry = await self._send(endpoint, key, request)
        return Answer(entry, entry.usage)

    async def _send(self, endpoint: Endpoint, key: str, request: Request) -> LedgerEntry:
        # A token is at least one byte, so the body's length bounds the prompt's tokens.
        most = Usage(
            prompt_tokens=len(canonical(request.body)), completion_tokens=request.max_tokens
        )
        async with (
            self._slots,
            self._budget.reserve(most.prompt_tokens, most.completion_tokens) as settle_cost,
        ):
            likely = most.prompt_tokens // 4 + request.max_tokens
            settle_tokens = await self.terms.limit.acquire(likely)
            with self.meter:
                entry = await self._exchange(endpoint, key, request, most)
            self.meter.count(entry.usage)
            settle_tokens(entry.usage.prompt_tokens + entry.usage.completion_tokens)
            self.usage = self.usage + entry.usage
            settle_cost(entry.usage.cost)
            return entry

    async def _exchange(
        self, endpoint: Endpoint, key: str, request: Request, most: Usage
    ) -> LedgerEntry:
        """Send, and write down what came of it before anybody sees it."""
        started = time.monotonic()
        entry = LedgerEntry(
            id=new_id("l"),
            request_hash=key,
            project_id=self.terms.project_id,
            stage=request.stage,
            prompt=request.prompt.label,
            endpoint=endpoint.name,
            model=endpoint.model,
            request=request.body,
        )
        try:
            reply = await endpoint.send(request.body)
        except EndpointError as error:
            update = {"outcome": Outcome.ERROR, "error": str(error)}
            latency = {"latency_s": time.monotonic() - started}
            await self._record(entry.model_copy(update=update | latency))
            raise
        entry = entry.model_copy(
            update={
                "completion": reply.refusal or reply.text,
                "logprobs": reply.logprobs,
                "finish_reason": reply.finish_reason,
                "usage": self._usage(reply, most),
                "latency_s": time.monotonic() - started,
                "outcome": request.classify(reply),
                "error": reply.problem,
            }
        )
        await self._record(entry)
        return entry

    def _usage(self, reply: Reply, most: Usage) -> Usage:
        """Tokens and cost; an endpoint that does not count is charged the worst case."""
        usage = reply.usage or most.model_copy(update={"completions": 1})
        cost = self.terms.price.cost(usage) if self.terms.price else 0.0
        return usage.model_copy(update={"cost": cost})

    async def conclude(self, first: LedgerEntry, completion: str, how: str) -> None:
        """Let the ledger answer the first request of a conversation with its conclusion.

        A completion that was cut off or did not fit does not answer a later request. The value
        that further requests made of it does, so it is written as a second entry of the same
        hash that cost nothing: run again, the whole conversation is not paid for twice.
        """
        if first.request_hash in self._concluded:
            return
        self._concluded.add(first.request_hash)
        update = {
            "id": new_id("l"),
            "completion": completion,
            "finish_reason": how,
            "usage": Usage(),
            "latency_s": 0.0,
            "outcome": Outcome.OK,
            "error": "",
        }
        await self._record(first.model_copy(update=update))

    def _find_all(self, keys: Sequence[str]) -> list[LedgerEntry | None]:
        return [self._ledger.find(key) for key in keys]

    def _record_all(self, entries: Sequence[LedgerEntry]) -> list[None]:
        self._ledger.record(entries)
        return [None] * len(entries)
