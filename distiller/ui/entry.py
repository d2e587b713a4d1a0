"""What happens when the app's server starts, before anybody visits it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from distiller.schema.errors import DistillerError
from distiller.settings import Settings
from distiller.store import Store

MAIN = Path(__file__).with_name("main.py")
"""The script that each visit runs."""
_log = logging.getLogger(__name__)


@asynccontextmanager
async def with_worker(_: object) -> AsyncIterator[dict[str, Any]]:
    """See that a worker runs; the app opens without one, too, and says what is wrong."""
    from distiller.jobs import ensure_worker

    try:
        settings = Settings()
        with Store.open(settings.database) as store:
            ensure_worker(store, settings)
    except DistillerError as error:
        _log.warning("no worker was started: %s", error)
    yield {}
