"""Queries edited in the cells of a grid.

The grid tells cells by the row's number, and remembers them as long as its key is the same. So it
keeps a key only as long as it shows the same rows with no changes but its own; numbers are mapped
to ids on what was shown, each value is checked here, and each row is written under the version
that was shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from distiller.review import MAX_CELL, write_cells
from distiller.schema.base import Status
from distiller.schema.errors import Conflict, DistillerError
from distiller.schema.examples import Complexity, Query
from distiller.ui.shell import Here
from distiller.ui.text import plain

_FIELDS = {
    "Query": "query",
    "Status": "status",
    "Type": "type",
    "Complexity": "complexity",
    "Concepts": "key_concepts",
}
"""Column → the field behind it."""


@dataclass
class _Sheet:
    """What a grid shows, and what came of its edits."""

    revision: int
    rows: list[Query]
    """As they are stored now, in the order shown."""
    frame: pd.DataFrame
    """As they were when the grid was first drawn: the grid lays its edits over this."""
    applied: dict[tuple[int, str], Any] = field(default_factory=dict)
    """Row number and column → the value that was written."""


def sheet(here: Here, rows: list[Query]) -> None:
    """The rows in a grid whose cells can be changed; every change is written at once."""
    _say(here)
    name = here.key("sheet")
    shown: _Sheet | None = st.session_state.get(name)
    if shown is None or _versions(shown.rows) != _versions(rows):
        shown = _Sheet(shown.revision + 1 if shown else 0, rows, _frame(rows))
        st.session_state[name] = shown
    st.caption(
        "Where the words of a query change, the judgments of its passages become stale: somebody "
        "looks at them again."
    )
    key = here.key("sheet", shown.revision)
    st.data_editor(
        shown.frame,
        key=key,
        num_rows="fixed",
        hide_index=True,
        on_change=_written,
        args=(here, name, key),
        column_config={
            "Query": st.column_config.TextColumn(width=360, max_chars=MAX_CELL),
            "Status": st.column_config.SelectboxColumn(
                width=100, options=[*map(str, Status)], required=True
            ),
            "Type": st.column_config.TextColumn(width=110, max_chars=200),
            "Complexity": st.column_config.SelectboxColumn(
                width=100, options=[*map(str, Complexity)], required=True
            ),
            "Concepts": st.column_config.TextColumn(width=130, help="Separated by semicolons."),
        },
    )


def _versions(rows: list[Query]) -> list[tuple[str, int]]:
    return [(row.id, row.version) for row in rows]


def _frame(rows: list[Query]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Query": [row.query for row in rows],
            "Status": [str(row.status) for row in rows],
            "Type": [row.type for row in rows],
            "Complexity": [str(row.complexity) for row in rows],
            "Concepts": ["; ".join(row.key_concepts) for row in rows],
        },
        index=[row.id for row in rows],
    )


def _written(here: Here, name: str, key: str) -> None:
    """Write what was changed since; the grid's state comes from the browser and is not trusted."""
    shown: _Sheet = st.session_state[name]
    for number, cells in st.session_state[key]["edited_rows"].items():
        if not (isinstance(number, int) and 0 <= number < len(shown.rows)):
            continue
        new = {
            column: value
            for column, value in cells.items()
            if shown.applied.get((number, column), shown) != value
        }
        if new and not _write(here, shown, number, new):
            shown.rows = []  # draw the grid anew, with what is stored
            return


def _write(here: Here, shown: _Sheet, number: int, cells: Mapping[str, Any]) -> bool:
    """Write the changed cells of one row; False, with words for the user, where that is refused."""
    row = shown.rows[number]
    fields = {_FIELDS.get(column, column): value for column, value in cells.items()}
    try:
        row = write_cells(here.store, here.project.id, row, fields, who=here.who)
    except Conflict:
        _remember(
            here, "Somebody else changed that query meanwhile. Look at what stands now, and repeat."
        )
        mine = "; ".join(str(value) for value in cells.values())
        theirs = here.store.get(Query, row.id, project_id=here.project.id).query
        st.session_state[here.key("sheet", "texts")] = (mine, theirs)
    except DistillerError as error:
        _remember(here, str(error))
    else:
        shown.rows[number] = row
        shown.applied |= {(number, column): value for column, value in cells.items()}
        return True
    return False


def _remember(here: Here, problem: str) -> None:
    st.session_state[here.key("sheet", "problem")] = problem


def _say(here: Here) -> None:
    problem = st.session_state.pop(here.key("sheet", "problem"), None)
    if problem:
        st.warning(plain(problem))
    texts = st.session_state.pop(here.key("sheet", "texts"), None)
    if texts:
        for column, title, text in zip(
            st.columns(2), ("Yours", "What stands now"), texts, strict=True
        ):
            column.caption(title)
            column.text(text)
