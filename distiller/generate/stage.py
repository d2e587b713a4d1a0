"""What all stages share: keep the endpoint busy, write what arrives, keep what failed."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from distiller.llm import Client
from distiller.schema.base import Item, Provenance
from distiller.schema.domain import Project
from distiller.schema.errors import (
    CompletionError,
    EndpointUnreachable,
    RateLimited,
    StageFailed,
    WrongLanguage,
)
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.schema.usage import Prompt, Usage
from distiller.store import Store

TRIES = 2
"""How often one run asks for an item, each time with another seed."""
ATTEMPTS = 3
"""After that many failed runs an item is left alone, as long as others succeed."""
OUTAGE = 3
"""Items in a row that found no endpoint: the stage stops instead of failing every item."""


@dataclass(frozen=True)
class Try:
    """The how-manieth time an item is asked for, over all runs, and whether to be firmer."""

    number: int
    firm: bool = False


@dataclass(frozen=True)
class Work:
    """One thing to make. `make` returns the items to write; it may write none."""

    key: str
    make: Callable[[Try], Awaitable[Sequence[Item]]]


class Stage:
    """One run of one stage of one project; `counts` is the kind of item that it is about."""

    def __init__(
        self,
        name: str,
        store: Store,
        project: Project,
        client: Client,
        on_progress: OnProgress | None = None,
        *,
        counts: type[Item],
    ) -> None:
        self.name = name
        self.store = store
        self.project = project
        self.client = client
        self.counts = counts
        self.made = 0
        self.present = 0
        self._failed: set[str] = set()
        self.total = 0
        self.notes: list[str] = []
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._usage = client.usage.model_copy()
        self._failures = {f.key: f for f in store.failures(project.id, name)}
        self._outages = 0
        self._stopped: Exception | None = None

    def seed(self, key: str, number: int) -> int:
        """The same for the same field, stage, item and try; so the ledger can answer again."""
        text = f"{self.project.domain.name}/{self.name}/{key}/{number}"
        return zlib.crc32(text.encode()) & 0x7FFFFFFF

    def provenance(self, prompt: Prompt, model: str, request_hash: str) -> Provenance:
        return Provenance(model=model, prompt=prompt.label, request_hash=request_hash)

    def exhausted(self, key: str) -> bool:
        """Whether the item failed in so many runs that it is not asked for again."""
        known = self._failures.get(key)
        return bool(self.present and known and known.attempts >= ATTEMPTS)

    async def write(self, items: Sequence[Item]) -> list[Item]:
        """Write items and report; returns those that were new."""
        return await asyncio.to_thread(self.store.add, self.project.id, items)

    async def all(self, work: Iterable[Work]) -> None:
        """Do all work, as much at once as the endpoint takes.

        Raises:
            DistillerError: what stops the stage (budget, key, outage); what is under way is
                finished and written before.
        """
        left = iter(work)

        async def worker() -> None:
            for item in left:
                if self._stopped:
                    return
                try:
                    await self.one(item)
                except Exception as error:
                    self._stopped = self._stopped or error
                    return

        await asyncio.gather(*(worker() for _ in range(max(1, self.client.concurrency))))
        if self._stopped:
            raise self._stopped

    async def retryable(self, work: Sequence[Work]) -> None:
        """Do all work but what is exhausted, which counts as failed."""
        open_ = [item for item in work if not self.exhausted(item.key)]
        self._failed |= {item.key for item in work if self.exhausted(item.key)}
        await self.all(open_)

    async def one(self, work: Work) -> int:
        """Make one thing and write it; what fails is kept with its reason. Returns items written."""
        known = self._failures.get(work.key)
        number = known.attempts * TRIES if known else 0
        firm = False
        for again in range(TRIES):
            try:
                items = await work.make(Try(number + again, firm))
            except CompletionError as error:
                firm = firm or isinstance(error, WrongLanguage)
                if again == TRIES - 1:
                    await self.fail(work.key, error, error.completion)
                continue
            except (EndpointUnreachable, RateLimited) as error:
                self._outages += 1
                if not self.made or self._outages >= OUTAGE:
                    raise
                await self.fail(work.key, error)
                return 0
            self._outages = 0
            written = await self.write(items) if items else []
            self.made += sum(isinstance(item, self.counts) for item in written)
            self._failed.discard(work.key)
            if self._failures.pop(work.key, None):
                await asyncio.to_thread(self.store.resolve, self.project.id, self.name, [work.key])
            self.tell()
            return len(written)
        return 0

    async def fail(self, key: str, error: Exception, completion: str = "") -> None:
        """Keep what could not be made, with its reason and raw completion."""
        reason = f"{type(error).__name__}: {error}"
        self._failures[key] = await asyncio.to_thread(
            self.store.fail, self.project.id, self.name, key, reason, completion
        )
        self._failed.add(key)
        self.tell()

    def tell(self, message: str = "") -> None:
        """Let whoever asked know how far the stage is."""
        if self._on_progress:
            done = self.present + self.made
            self._on_progress(
                Progress(
                    stage=self.name,
                    done=done,
                    total=max(self.total, done),
                    message=message,
                    usage=self.usage,
                )
            )

    @property
    def usage(self) -> Usage:
        """What this run has used so far."""
        now, before = self.client.usage, self._usage
        return Usage(
            prompt_tokens=now.prompt_tokens - before.prompt_tokens,
            cached_tokens=now.cached_tokens - before.cached_tokens,
            completion_tokens=now.completion_tokens - before.completion_tokens,
            cost=now.cost - before.cost,
            completions=now.completions - before.completions,
        )

    def report(self, *, needed: bool = True) -> StageReport:
        """What the run did; without `needed`, what comes after it can go on without anything made.

        Raises:
            StageFailed: it is needed, nothing was made or was there before, and something failed.
        """
        if self._failed:
            reasons = Counter(self._failures[key].reason for key in self._failed)
            reason, count = reasons.most_common(1)[0]
            if needed and not self.made and not self.present:
                raise StageFailed(
                    f"stage {self.name!r}: all {len(self._failed)} requests failed, most often "
                    f"({count}) with {reason}; mend that and run again"
                )
            told = f"{len(self._failed)} failed, most often ({count}) with {reason}"
            self.notes.append(f"{told}; run again to retry" if needed else told)
        return StageReport(
            stage=self.name,
            made=self.made,
            present=self.present,
            failed=len(self._failed),
            usage=self.usage,
            seconds=time.monotonic() - self._started,
            notes=self.notes,
        )
