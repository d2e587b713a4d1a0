"""In which order a reviewer's queue comes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, literal_column

from distiller.store.tables import worth

_PRIME: ColumnElement[int] = literal_column(str(2**31 - 1))


class By(StrEnum):
    VALUE = "value"
    """What a look is worth, as the checks say; then by age."""
    AGE = "age"
    RANDOM = "random"


@dataclass(frozen=True)
class Order:
    """An order; of a random one, `seed` says which."""

    by: By = By.VALUE
    seed: int = 13


BY_VALUE = Order()


def worth_of(kind: str, table: FromClause) -> ColumnElement[bool]:
    """Which row of `worth` belongs to an item of a table; to be joined from outside."""
    return and_(
        worth.c.project_id == table.c.project_id,
        worth.c.item_kind == kind,
        worth.c.item_id == table.c.id,
    )


def terms(order: Order, position: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """What to sort by, before age; `worth` must be joined."""
    if order.by is By.VALUE:
        return [func.coalesce(worth.c.value, 0.0).desc()]
    if order.by is By.RANDOM:
        # Squares modulo a prime scatter; no product leaves 63 bits, on any database.
        start = zlib.crc32(str(order.seed).encode())
        shifted = (position * literal_column(str(start | 1)) + literal_column(str(start))) % _PRIME
        return [(shifted * shifted) % _PRIME]
    return []
