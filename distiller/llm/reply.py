"""What an endpoint sends back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from distiller.schema.errors import EndpointError
from distiller.schema.usage import Usage


class RequestRejected(EndpointError):
    """400, 422 and their like: the endpoint does not take the request as it is phrased."""

    @property
    def too_long(self) -> bool:
        """Whether the prompt is longer than the model's context: no other phrasing helps."""
        return "context" in str(self).lower()


@dataclass
class Reply:
    """What came back for one request."""

    text: str = ""
    """The completion, or the arguments of a tool call."""
    finish_reason: str = ""
    refusal: str = ""
    logprobs: list[dict[str, Any]] | None = None
    usage: Usage | None = None
    """Tokens, still without a cost; None where the endpoint does not count."""
    problem: str = ""
    """Why the reply cannot be read, where it cannot."""


def read_reply(content: bytes) -> Reply:
    """A chat completion response; what cannot be read is kept as text, with the problem."""
    try:
        raw = json.loads(content)
        choice = raw["choices"][0]
        message = choice["message"]
    except (ValueError, LookupError, TypeError) as error:
        text = content.decode("utf-8", "replace")
        return Reply(text=text, problem=f"the reply is not a chat completion: {error!r}")
    logprobs = choice.get("logprobs") or {}
    return Reply(
        text=_text(message),
        finish_reason=str(choice.get("finish_reason") or ""),
        refusal=str(message.get("refusal") or ""),
        logprobs=_logprobs(logprobs.get("content")) if isinstance(logprobs, dict) else None,
        usage=_usage(raw.get("usage")),
    )


def _logprobs(tokens: Any) -> list[dict[str, Any]] | None:
    """Token, logprob and alternatives; identifiers and bytes are left out."""
    if not isinstance(tokens, list):
        return None
    return [
        {
            **_chance(token),
            "top_logprobs": [_chance(top) for top in token.get("top_logprobs") or []],
        }
        for token in tokens
    ]


def _chance(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": token.get("token"), "logprob": token.get("logprob")}


def _text(message: dict[str, Any]) -> str:
    """The arguments of the first tool call, or else the content."""
    for call in message.get("tool_calls") or []:
        arguments = (call.get("function") or {}).get("arguments")
        if arguments:
            return arguments if isinstance(arguments, str) else json.dumps(arguments)
    return str(message.get("content") or "")


def _usage(counts: Any) -> Usage | None:
    if not isinstance(counts, dict) or counts.get("prompt_tokens") is None:
        return None
    details = counts.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=counts["prompt_tokens"],
        cached_tokens=details.get("cached_tokens") or 0,
        completion_tokens=counts.get("completion_tokens") or 0,
        completions=1,
    )
