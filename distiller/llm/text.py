"""Plain text; what is cut off is continued."""

from __future__ import annotations

from dataclasses import dataclass

from distiller.llm.dialect import Dialect, Messages
from distiller.llm.exchange import Exchange, Request
from distiller.llm.outcomes import completion_error, text_outcome
from distiller.schema.usage import LedgerEntry, Outcome, Prompt, Usage

MAX_CONTINUATIONS = 8


@dataclass(frozen=True)
class Completion:
    """Text from a model."""

    text: str
    request_hash: str
    usage: Usage
    """What this call paid: nothing where the ledger had the answer."""
    model: str
    finish_reason: str


async def complete(
    exchange: Exchange,
    prompt: Prompt,
    *,
    stage: str,
    max_tokens: int,
    temperature: float,
    seed: int | None,
) -> Completion:
    """See `Client.complete`."""

    def request(dialect: Dialect) -> Request:
        body = dialect.body(
            model, messages, max_tokens=max_tokens, temperature=temperature, seed=seed
        )
        return Request(body, prompt, stage, text_outcome, seed, max_tokens=max_tokens)

    model = (await exchange.open()).model
    opening: Messages = [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": prompt.user},
    ]
    messages, text, usage = opening, "", Usage()
    first: LedgerEntry | None = None
    for _ in range(1 + MAX_CONTINUATIONS):
        answer = await exchange.ask(request)
        entry, usage = answer.entry, usage + answer.usage
        first = first or entry
        if entry.outcome not in (Outcome.OK, Outcome.LENGTH) or not entry.completion.strip():
            raise completion_error(entry)
        text += entry.completion
        if entry.outcome is Outcome.OK:
            if first is not entry:
                await exchange.conclude(first, text, "continued")
            return Completion(text, first.request_hash, usage, entry.model, entry.finish_reason)
        messages = [*opening, *_continue(text)]
    raise completion_error(entry)


def _continue(text: str) -> Messages:
    return [
        {"role": "assistant", "content": text},
        {"role": "user", "content": "Continue exactly where your answer stopped; repeat nothing."},
    ]
