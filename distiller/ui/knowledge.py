"""Knowledge in tables: look at it, add to it, change it, decide about it."""

from __future__ import annotations

from typing import Any, get_origin

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from distiller.review import ACTIONS, impact, undo_last
from distiller.schema.base import Item, Provenance, Status, new_id
from distiller.schema.errors import Conflict, DistillerError
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion
from distiller.ui.concept_help import concept_help
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain, shortened

KINDS: dict[str, type[Item]] = {
    "Concepts": Concept,
    "Relationships": Relationship,
    "Questions": TypicalQuestion,
    "Document types": DocumentType,
    "Facts": Fact,
}
SIZE = 50
_LABELS = {"approve": "Approve", "reject": "Reject", "flag": "Flag", "reset": "Set back"}
_SHARED = set(Item.model_fields)


def fields_of(kind: type[Item]) -> list[str]:
    """The fields of a kind that people write; the first is what it is called by."""
    return [name for name in kind.model_fields if name not in _SHARED]


def knowledge_table(here: Here, kind: type[Item], title: str) -> None:
    """Items of one kind, a page at a time, with what can be done to them."""
    left, middle, right = st.columns([2, 1, 1])
    text = left.text_input("Words", key=here.key(title, "text"), max_chars=200).strip()
    statuses = [str(status) for status in Status]
    chosen = middle.selectbox(
        "Status", statuses, index=None, placeholder="all", key=here.key(title, "status")
    )
    status = Status(chosen) if chosen in statuses else None
    total = here.store.count(here.project.id, kind, status=status, text=text or None)
    pages = max(1, -(-total // SIZE))
    number = right.number_input(f"Page, of {pages:,}", 1, pages, key=here.key(title, pages))
    rows = here.store.items(
        here.project.id,
        kind,
        status=status,
        text=text or None,
        limit=SIZE,
        offset=(number - 1) * SIZE,
    )
    if rows:
        _decisions(here, kind, title, rows, total)
    else:
        st.info(f"No {title.lower()} are like that yet.", icon=":material/hub:")
    _one(here, title, rows)
    with st.expander(f"Add to the {title.lower()}"):
        _form(here, kind, None, here.key(title, "new"))


def _decisions(here: Here, kind: type[Item], title: str, rows: list[Any], total: int) -> None:
    names = fields_of(kind)
    frame = pd.DataFrame(
        [
            [*(_shown(getattr(row, name)) for name in names), f"{row.status}{_stale(row)}"]
            for row in rows
        ],
        columns=[*(name.replace("_", " ").capitalize() for name in names), "Status"],
        index=[row.id for row in rows],
    )
    version = hash(tuple((row.id, row.version) for row in rows))
    picked = st.dataframe(
        frame,
        key=here.key(title, "table", version),
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
    )
    numbers = picked["selection"]["rows"]
    chosen = [rows[number] for number in numbers if 0 <= number < len(rows)]
    everything = len(rows) == total
    whole = st.checkbox(
        f"All {len(rows):,} shown here" + ("" if everything else f" (of {total:,})"),
        key=here.key(title, "whole", version),
    )
    chosen = rows if whole else chosen
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen)} selected:**")
        for action, label in _LABELS.items():
            key = here.key(title, "do", action)
            if st.button(label, key=key, disabled=not chosen) and chosen:
                _decide(here, kind, chosen, action)
        if st.button("Undo my last step", key=here.key(title, "undo"), icon=":material/undo:"):
            with failing():
                notice(undo_last(here.store, here.project.id, here.who).words)
                st.rerun()


def _decide(here: Here, kind: type[Item], chosen: list[Any], action: str) -> None:
    with failing():
        here.store.set_status(
            here.project.id,
            kind,
            [item.id for item in chosen],
            ACTIONS[action],
            who=here.who,
            versions={item.id: item.version for item in chosen},
        )
        notice(f"{len(chosen):,} decided: {_LABELS[action].lower()}")
        st.rerun()


def _one(here: Here, title: str, rows: list[Any]) -> None:
    """Open one item, by keyboard too: change it, and see where it comes from."""
    by_id = {row.id: row for row in rows}
    ids = list(by_id)
    opened = st.selectbox(
        f"Open one of the {title.lower()}",
        ids,
        index=None,
        format_func=lambda id_: shortened(_name(by_id[id_])) if id_ in by_id else "",
        key=here.key(title, "open", hash(tuple(ids))),
        placeholder="choose by its words",
    )
    if opened not in by_id:
        return
    item = by_id[opened]
    with st.container(border=True):
        rests = impact(here.store, here.project.id, item).words
        if rests:
            st.warning(rests)
        _form(here, type(item), item, here.key(title, "edit", item.id))
        if isinstance(item, Concept):
            concept_help(here, item)
        made = item.provenance
        st.caption(
            plain(f"From {made.source}, {made.created:%d %B %Y}, {made.model or 'no model'}")
        )
        for event in here.store.events(here.project.id, item.id):
            st.text(f"{event.created:%d %B, %H:%M} UTC: {event.who}: {event.action} {event.reason}")


def _form(here: Here, kind: type[Item], item: Any, key: str) -> None:
    """Fields of an item; what is sent is written under the version that was shown."""
    shown = st.session_state.setdefault(f"{key}/shown", item)
    version = shown.version if shown else 0
    with st.form(f"{key}/{version}", clear_on_submit=item is None, border=False):
        values = {name: _field(kind, name, shown) for name in fields_of(kind)}
        sent = st.form_submit_button("Save" if item else "Add", type="primary")
    if not sent:
        return
    try:
        if shown is None:
            made = Provenance(source="reviewer", editor=here.who)
            new = kind.model_validate({"id": new_id("k"), "provenance": made, **values})
            if not here.store.add(here.project.id, [new]):
                st.warning("The project has that already; nothing was added.")
                return
            notice("Added")
        else:
            changed = kind.model_validate(shown.model_dump() | values)
            here.store.edit(changed, who=here.who, project_id=here.project.id)
            notice("Saved")
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0]).replace("_", " ")
        st.error(f"{field.capitalize()} is missing; nothing was changed.")
    except Conflict:
        _conflict(here, kind, shown, values, f"{key}/shown")
    except DistillerError as error:
        st.error(plain(str(error)))
    else:
        st.session_state.pop(f"{key}/shown", None)
        st.rerun()


def _conflict(here: Here, kind: type[Item], shown: Any, values: dict[str, Any], state: str) -> None:
    """Both texts; nothing is written until the second editor has seen the first one's."""
    theirs = here.store.get(kind, shown.id, project_id=here.project.id)
    st.warning("Somebody else changed this since you opened it. Nothing was written.")
    mine, other = st.columns(2)
    for name, value in values.items():
        mine.caption(f"Yours: {name.replace('_', ' ')}")
        mine.text(_shown(value))
        other.caption(f"What stands now: {name.replace('_', ' ')}")
        other.text(_shown(getattr(theirs, name)))
    st.session_state[state] = theirs
    st.button("Go on from what stands now", key=f"{state}/go")


def _field(kind: type[Item], name: str, item: Any) -> Any:
    label = name.replace("_", " ").capitalize()
    old = getattr(item, name) if item else None
    if get_origin(kind.model_fields[name].annotation) is list:
        lines = st.text_area(f"{label}, one per line", "\n".join(old or []))
        return [line.strip() for line in lines.splitlines() if line.strip()]
    return st.text_area(label, old or "", height="content").strip()


def _name(item: Any) -> str:
    return str(getattr(item, fields_of(type(item))[0]))


def _shown(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else str(value)


def _stale(item: Item) -> str:
    return ", stale" if item.stale else ""
