"""Outcomes of completions, and the errors that they are."""

from __future__ import annotations

from distiller.llm.reply import Reply
from distiller.schema.errors import (
    CompletionError,
    EmptyCompletion,
    InvalidCompletion,
    Refusal,
    TruncatedCompletion,
)
from distiller.schema.usage import LedgerEntry, Outcome

FILTERED = "content_filter"


def text_outcome(reply: Reply) -> Outcome:
    """How a request for plain text ended."""
    if reply.problem:
        return Outcome.INVALID
    if reply.refusal or reply.finish_reason == FILTERED:
        return Outcome.REFUSAL
    if reply.finish_reason == "length":
        return Outcome.LENGTH
    return Outcome.OK if reply.text.strip() else Outcome.EMPTY


def completion_error(entry: LedgerEntry, problem: str = "") -> CompletionError:
    """The error for an entry that is of no use; it keeps the raw completion."""
    who, text = f"model '{entry.model}' ({entry.prompt})", entry.completion
    if entry.outcome is Outcome.REFUSAL:
        said = " ".join(text.split())[:200]
        return Refusal(
            f"{who} declined: {said}; reword the domain or exclude the item", completion=text
        )
    if entry.outcome is Outcome.EMPTY:
        return EmptyCompletion(f"{who} gave an empty completion; run again", completion=text)
    if entry.outcome is Outcome.LENGTH:
        return TruncatedCompletion(
            f"{who} was cut off by its token limit and asking for the rest brought nothing; "
            "use a model with a larger context",
            completion=text,
        )
    why = " ".join((problem or entry.error).split())[:300]
    return InvalidCompletion(
        f"{who} did not give the structure asked for, also after a repair request ({why}); "
        "run again or use a stronger model",
        completion=text,
    )
