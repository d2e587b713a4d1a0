"""From settings to a client."""

from __future__ import annotations

import logging

from distiller.llm.client import Client
from distiller.llm.dialect import Dialect, Dialects, Mode
from distiller.llm.exchange import Connection, Exchange, Terms
from distiller.llm.limits import RateLimit
from distiller.llm.prices import FREE, Price, price_table
from distiller.llm.weights import DEFAULT
from distiller.schema.errors import InputError
from distiller.schema.jobs import OnProgress, Progress
from distiller.schema.usage import Ledger
from distiller.settings import Settings

logger = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
LOCAL = "local"
REMOTE_CONCURRENCY = 32
LOCAL_CONCURRENCY = 8
"""As many as the embedded server works on at once."""
LOCAL_TIMEOUT_S = 4 * 3600.0
"""Waiting is no sign of a fault on a slow machine; if the server dies, its connections end at once."""


def price_of(settings: Settings) -> Price | None:
    """The price of the model in force; None where unknown, which is not free.

    Raises:
        InvalidFile: `settings.price_file` cannot be read as prices.
    """
    if settings.uses_local_model:
        return FREE
    return price_table(settings.price_file).find(settings.llm_url or OPENAI_URL, settings.llm_model)


def connect(
    settings: Settings,
    ledger: Ledger,
    *,
    project_id: str | None = None,
    on_progress: OnProgress | None = None,
) -> Client:
    """A client for the model in force: the embedded one, or an OpenAI-compatible endpoint.

    Nothing is started or sent before the client is entered (`async with`) or first asked.

    Args:
        settings: Endpoint, model, limits and budget.
        ledger: Remembers every request; equal requests are answered from it.
        project_id: Whose requests these are, and whose budget it is.
        on_progress: Told while the embedded server starts.

    Raises:
        InputError: The settings name no model, or not a URL.
        InvalidFile: The price file cannot be read.
    """
    local = settings.uses_local_model
    if not local:
        _check(settings)
    price = price_of(settings)
    if price is None:
        logger.warning("no price is known for %s; its cost is not counted", settings.llm_model)
    terms = Terms(
        model=settings.llm_model or DEFAULT,
        project_id=project_id,
        price=price,
        concurrency=concurrency_of(settings),
        limit=RateLimit(settings.llm_requests_per_minute, settings.llm_tokens_per_minute),
        budget=settings.budget,
    )
    dialects = Dialects(settings.cache_dir / "endpoints.json")
    opening = (lambda: _local(settings, on_progress)) if local else (lambda: _remote(settings))
    return Client(Exchange(opening, ledger, dialects, terms))


def concurrency_of(settings: Settings) -> int:
    """Requests under way at once."""
    usual = LOCAL_CONCURRENCY if settings.uses_local_model else REMOTE_CONCURRENCY
    return settings.llm_concurrency or usual


def _check(settings: Settings) -> None:
    if settings.llm_url and not settings.llm_url.startswith(("http://", "https://")):
        raise InputError(
            f"'{settings.llm_url}' is neither 'local' nor the URL of an endpoint; "
            "write it as http://host:port/v1"
        )
    if not settings.llm_model:
        raise InputError(
            f"no model is named for {settings.llm_url or OPENAI_URL}; name one with --model"
        )


def _remote(settings: Settings) -> Connection:
    from distiller.llm.endpoint import Endpoint  # noqa: PLC0415 - openai takes 0.4 s to import

    return Connection(
        Endpoint(
            settings.llm_url or OPENAI_URL,
            settings.llm_model,
            api_key=settings.openai_api_key.get_secret_value(),
            timeout_s=settings.llm_timeout_s,
            connections=concurrency_of(settings),
        )
    )


def _local(settings: Settings, on_progress: OnProgress | None) -> Connection:
    from distiller.llm.endpoint import Endpoint  # noqa: PLC0415 - openai takes 0.4 s to import
    from distiller.llm.local import join_server  # noqa: PLC0415 - locks that Windows lacks

    def tell(message: str) -> None:
        if on_progress is not None:
            on_progress(Progress(stage="model", done=0, total=1, message=message))

    server = join_server(
        settings.llm_model, settings.workspace, settings.cache_dir, on_message=tell
    )
    endpoint = Endpoint(
        server.state.url,
        server.state.model,
        name=f"{LOCAL}:{server.identity}",  # the port changes, the model does not
        title="the embedded model",
        api_key=server.state.api_key,
        timeout_s=LOCAL_TIMEOUT_S,
    )
    dialect = Dialect(structured=Mode.JSON_SCHEMA, string_lengths=True)
    return Connection(endpoint, dialect, server.release)
