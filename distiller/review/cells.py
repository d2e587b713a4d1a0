"""A query changed in the cells of a table. What a browser sends is checked here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from distiller.schema.base import Status
from distiller.schema.errors import InputError
from distiller.schema.examples import Complexity, Query
from distiller.store import Store

MAX_TEXT = 2_000


def _text(value: Any) -> str:
    words = " ".join(value.split()) if isinstance(value, str) else ""
    if not words or len(words) > MAX_TEXT:
        raise ValueError
    return words


def _terms(value: Any) -> list[str]:
    if value is not None and (not isinstance(value, str) or len(value) > MAX_TEXT):
        raise ValueError
    return [term.strip() for term in (value or "").split(";") if term.strip()]


CELLS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "query": _text,
        "status": Status,
        "type": _text,
        "complexity": Complexity,
        "key_concepts": _terms,
    }
)
"""Field that a cell may change → what makes the cell's value one of the field's; concepts come as
one text, separated by semicolons."""


def write_cells(
    store: Store, project_id: str, query: Query, cells: Mapping[str, Any], *, who: str
) -> Query:
    """Write changed cells of a query as it was shown; returns the query as it then stands.

    Raises:
        InputError: A field that no cell may change, or a value that cannot stand there.
        Conflict: Somebody else changed the query since; see `Store.edit`.
    """
    fields: dict[str, Any] = {}
    for name, value in cells.items():
        try:
            fields[name] = CELLS[name](value)
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"the cell {name.replace('_', ' ')} holds what cannot stand there; "
                "nothing was changed"
            ) from None
    status = fields.pop("status", query.status)
    if fields:
        try:
            changed = Query.model_validate(query.model_dump() | fields)
        except ValidationError as error:
            raise InputError(f"{error.errors()[0]['msg']}; nothing was changed") from None
        query = store.edit(changed, who=who, project_id=project_id)
    if status is query.status:
        return query
    versions = {query.id: query.version}
    store.set_status(project_id, Query, [query.id], status, who=who, versions=versions)
    return store.get(Query, query.id, project_id=project_id)
