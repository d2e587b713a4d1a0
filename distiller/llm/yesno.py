"""The probability of Yes, read off the first token's log-probabilities."""

from __future__ import annotations

import math
from typing import Any

from distiller.llm.dialect import Dialect
from distiller.llm.exchange import Exchange, Request
from distiller.llm.outcomes import completion_error, text_outcome
from distiller.llm.reply import Reply, RequestRejected
from distiller.schema.usage import Outcome, Prompt


def first_token_outcome(reply: Reply) -> Outcome:
    """One token is all that is asked for: being cut off after it is no fault."""
    outcome = text_outcome(reply)
    if outcome is Outcome.LENGTH:
        return Outcome.OK if reply.text.strip() else Outcome.EMPTY
    return outcome


async def yes_probability(exchange: Exchange, prompt: Prompt, *, stage: str) -> float | None:
    """See `Client.yes_probability`."""
    endpoint = await exchange.open()
    messages = [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": prompt.user},
    ]

    def request(dialect: Dialect) -> Request:
        if not dialect.top_logprobs:
            raise RequestRejected(f"{endpoint.name} gives no probabilities; do without")
        body = dialect.body(endpoint.model, messages, max_tokens=1, temperature=0.0, seed=None)
        body |= {"logprobs": True, "top_logprobs": dialect.top_logprobs}
        return Request(body, prompt, stage, first_token_outcome, max_tokens=1)

    try:
        answer = await exchange.ask(request)
    except RequestRejected:
        if exchange.dialect.top_logprobs:
            raise
        return None
    if answer.entry.outcome is not Outcome.OK:
        raise completion_error(answer.entry)
    if not answer.entry.logprobs:
        exchange.learn(exchange.dialect.model_copy(update={"top_logprobs": 0}))
        return None
    return probability(answer.entry.logprobs[0].get("top_logprobs") or [])


def probability(alternatives: list[dict[str, Any]]) -> float | None:
    """P(Yes) / (P(Yes) + P(No)) from one token's alternatives; None where neither is among them.

    One that is not listed is at most as likely as the least likely that is, and counts as
    that, so that the ratio is never exactly 0 or 1 and its logit is finite.
    """
    listed = [(str(token["token"]), float(token["logprob"])) for token in alternatives]
    yes = sum(math.exp(logprob) for token, logprob in listed if _word(token) == "yes")
    no = sum(math.exp(logprob) for token, logprob in listed if _word(token) == "no")
    if not listed or yes + no == 0:
        return None
    least = max(math.exp(min(logprob for _, logprob in listed)), 1e-12)
    yes, no = max(yes, min(least, 1e-3)), max(no, min(least, 1e-3))
    return yes / (yes + no)


def _word(token: str) -> str:
    return token.strip(" \n\t.,:;!\"'*▁Ġ").casefold()
