"""One OpenAI-compatible endpoint over HTTP, and its failures as errors of ours.

Retries with exponential backoff and `Retry-After` are the openai client's.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx2
import openai

from distiller.llm.reply import Reply, RequestRejected, read_reply
from distiller.llm.transport import transport_for
from distiller.schema.errors import (
    AuthenticationFailed,
    EndpointError,
    EndpointUnreachable,
    ModelNotFound,
    RateLimited,
)

MAX_RETRIES = 4
CONNECT_TIMEOUT_S = 10.0
_KEY = re.compile(r"\b(sk|gsk|hf)[-_][\w*.-]{4,}")


class Endpoint:
    """Sends bodies, gives replies.

    Args:
        url: Base URL, `https://api.openai.com/v1`.
        name: What the ledger calls it; the base URL where that stays the same.
        title: What messages call it.
        model: Name of the model there.
        api_key: Empty where none is needed.
        timeout_s: For one request, retries included.
        connections: How many may be open at once.
        max_retries: After connection errors, 408, 409, 429 and 5xx.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        name: str = "",
        title: str = "",
        api_key: str = "",
        timeout_s: float = 600.0,
        connections: int = 100,
        max_retries: int = MAX_RETRIES,
    ) -> None:
        self.url = url.rstrip("/")
        self.name = name or self.url
        self.title = title or self.url
        self.model = model
        self.timeout_s = timeout_s
        self._api_key = api_key
        self._client = openai.AsyncOpenAI(
            base_url=self.url,
            api_key=api_key or "none",
            max_retries=max_retries,
            timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
            http_client=openai.DefaultAsyncHttpxClient(
                transport=transport_for(connections),
                limits=httpx2.Limits(
                    max_connections=connections, max_keepalive_connections=connections
                ),
            ),
        )

    async def send(self, body: dict[str, Any]) -> Reply:
        """One chat completion.

        Raises:
            EndpointError: What went wrong, as the matching member of the tree.
        """
        response = await self._guarded(
            self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        )
        return read_reply(response.content)

    async def models(self) -> list[str]:
        """Names of the models that the endpoint serves; empty where it does not tell."""
        try:
            response = await self._guarded(self._client.get("/models", cast_to=httpx2.Response))
            return [str(model["id"]) for model in response.json()["data"]]
        except (ModelNotFound, RequestRejected, ValueError, KeyError, TypeError):
            return []

    async def close(self) -> None:
        await self._client.close()

    async def _guarded(self, request: Any) -> httpx2.Response:
        try:
            async with asyncio.timeout(self.timeout_s):
                response: httpx2.Response = await request
                return response
        except (openai.APIStatusError, openai.APIConnectionError, TimeoutError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> EndpointError:
        """The member of our tree for an error of the openai client."""
        if isinstance(error, TimeoutError | openai.APITimeoutError):
            return EndpointUnreachable(
                f"{self.title} gave no answer within {self.timeout_s:g} s; check the server, "
                "or allow more time (DISTILLER_LLM_TIMEOUT_S)"
            )
        if not isinstance(error, openai.APIStatusError):
            cause = _one_line(str(error.__cause__ or error))
            return EndpointUnreachable(
                f"cannot reach {self.title} ({cause}); check that the server runs and the URL is right"
            )
        return self._status_error(error.status_code, self._said(error))

    def _status_error(self, status: int, said: str) -> EndpointError:
        if status in (401, 403):
            return AuthenticationFailed(
                f"{self.title} refused the key ({status}{said}); set OPENAI_API_KEY to one that may "
                f"use '{self.model}'"
            )
        if status == 404:
            return ModelNotFound(
                f"{self.title} does not serve '{self.model}' (404{said}); "
                "name one that it does (--model), or correct the URL"
            )
        if status == 429:
            return RateLimited(
                f"{self.title} limits the rate (429{said}); run again later, or set "
                "DISTILLER_LLM_REQUESTS_PER_MINUTE"
            )
        if status >= 500 and status != 501:
            return EndpointUnreachable(
                f"{self.title} failed ({status}{said}), also after retries; run again later"
            )
        return RequestRejected(
            f"{self.title} rejected the request to '{self.model}' ({status}{said}); "
            "use another model, or shorten the input"
        )

    def _said(self, error: openai.APIStatusError) -> str:
        """The endpoint's own words, on one line and without any key."""
        body = error.body
        words = body.get("message", body) if isinstance(body, dict) else body
        text = _one_line(str(words or ""))
        if self._api_key:
            text = text.replace(self._api_key, "…")
        return f": {_KEY.sub('…', text)}" if text else ""


def _one_line(text: str, limit: int = 300) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[:limit]}…"
