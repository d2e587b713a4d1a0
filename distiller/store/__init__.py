"""Everything that is kept, in SQLite or PostgreSQL. The only room that knows SQL."""

from distiller.store.grades import Given
from distiller.store.order import BY_VALUE, By, Order
from distiller.store.pairs import PairFilter, PairRow
from distiller.store.projects import slug
from distiller.store.review import Resting, Step
from distiller.store.store import Store

__all__ = [
    "BY_VALUE",
    "By",
    "Given",
    "Order",
    "PairFilter",
    "PairRow",
    "Resting",
    "Step",
    "Store",
    "slug",
]
