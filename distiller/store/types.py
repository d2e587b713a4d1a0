"""Column types that hold the same on every database."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Text, TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A moment with its zone; databases without zones keep UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD in place of what databases refuse: NUL and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


class Words(TypeDecorator[str]):
    """Text. NUL and lone surrogates, which databases refuse, become U+FFFD.

    Language models send both now and then, escaped in JSON.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return storable(value) if value else value
