"""Knowledge in tables: look at it, add to it, change it, decide about it."""

from __future__ import annotations

from typing import Any, get_origin

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from distiller.review import ACTIONS, decide_all_of, impact, impact_words
from distiller.schema.base import Item, Provenance, Status, new_id
from distiller.schema.errors import Conflict, DistillerError
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion
from distiller.ui.concept_help import concept_help
from distiller.ui.everything import everything, undo_button
from distiller.ui.filters import select_one
from distiller.ui.paging import page_number, page_size
from distiller.ui.shell import Here
from distiller.ui.state import failing, from_address, notice, to_address
from distiller.ui.text import plain, shortened

KINDS: dict[str, type[Item]] = {
    "Concepts": Concept,
    "Relationships": Relationship,
    "Questions": TypicalQuestion,
    "Document types": DocumentType,
    "Facts": Fact,
}
WIDTH_PX, STATUS_PX = 780, 100
_LABELS = {"approve": "Approve", "reject": "Reject", "flag": "Flag", "reset": "Set back"}
_SHARED = set(Item.model_fields)


def fields_of(kind: type[Item]) -> list[str]:
    """The fields of a kind that people write; the first is what it is called by."""
    return [name for name in kind.model_fields if name not in _SHARED]


def knowledge_table(here: Here, kind: type[Item], title: str) -> None:
    """Items of one kind, a page at a time, with what can be done to them."""
    first, second, third, fourth = st.columns([2, 1.6, 1.3, 1.3], vertical_alignment="bottom")
    with first:
        text = _words(here, title)
    with second:
        chosen = select_one(here, "status", "Status", [*map(str, Status)], place=title)
    status = Status(chosen) if chosen else None
    filters: dict[str, Any] = {"status": status, "text": text or None}
    total = here.store.count(here.project.id, kind, **filters)
    with third:
        size = page_size(here, title)
    with fourth:
        number = page_number(here, title, total, size)
    rows = here.store.items(
        here.project.id, kind, **filters, limit=size, offset=(number - 1) * size
    )
    if rows:
        _decisions(here, kind, title, rows)
    elif status or text:
        st.info(
            f"No {title.lower()} are like that. Change the filters above.",
            icon=":material/filter_alt_off:",
        )
    else:
        st.info(
            f"There are no {title.lower()} yet. Have them written on the page Domain, or add them "
            "below.",
            icon=":material/hub:",
        )

    def decide(action: str, reason: str, told: int) -> None:
        decide_all_of(
            here.store,
            here.project.id,
            kind,
            filters,
            action,
            who=here.who,
            expected=told,
            reason=reason,
        )

    if total:
        everything(here, title, total, title.lower(), _LABELS, decide)
    _one(here, kind, title, rows)
    with st.expander(f"Add to the {title.lower()}"):
        _form(here, kind, None, here.key(title, "new"))


def _words(here: Here, title: str) -> str:
    key = here.key(title, "text")
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get("text", "")
    text = st.text_input("Words", key=key, max_chars=200).strip()
    to_address(text=text)
    return text


def _decisions(here: Here, kind: type[Item], title: str, rows: list[Any]) -> None:
    first, *others = fields_of(kind)
    # What no row on the page has takes no room; the form below has all fields.
    names = [first, *(name for name in others if any(getattr(row, name) for row in rows))]
    titles = [name.replace("_", " ").capitalize() for name in names]
    frame = pd.DataFrame(
        [
            [f"{row.status}{_stale(row)}", *(_shown(getattr(row, name)) for name in names)]
            for row in rows
        ],
        columns=["Status", *titles],
        index=[row.id for row in rows],
    )
    version = hash(tuple((row.id, row.version) for row in rows))
    picked = st.dataframe(
        frame,
        key=here.key(title, "table", version),
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        # Narrow enough that all columns are in sight at 1280 pixels.
        column_config={
            title: st.column_config.Column(width=width)
            for title, width in zip(frame.columns, _widths(len(names)), strict=True)
        },
    )
    numbers = picked["selection"]["rows"]
    chosen = [rows[number] for number in numbers if 0 <= number < len(rows)]
    whole = st.checkbox(f"All {len(rows):,} shown here", key=here.key(title, "whole", version))
    chosen = rows if whole else chosen
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen)} selected:**")
        for action, label in _LABELS.items():
            key = here.key(title, "do", action)
            if st.button(label, key=key, disabled=not chosen) and chosen:
                _decide(here, kind, chosen, action)
        undo_button(here, title)


def _widths(fields: int) -> list[int]:
    """In pixels: status, what an item is called by, and its other fields."""
    rest = WIDTH_PX - STATUS_PX
    return [
        STATUS_PX,
        *([rest] if fields == 1 else [150, *[(rest - 150) // (fields - 1)] * (fields - 1)]),
    ]


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


def _one(here: Here, kind: type[Item], title: str, rows: list[Any]) -> None:
    """Open one item, by keyboard too: change it, and see where it comes from."""
    by_id = {row.id: row for row in rows}
    asked = from_address("item")
    if asked and asked not in by_id:
        try:
            by_id[asked] = here.store.get(kind, asked, project_id=here.project.id)
        except DistillerError:
            st.error(
                "This project has no such item: the link may be old. Choose another one below."
            )
            asked = None
    ids = list(by_id)
    opened = st.selectbox(
        f"Open one of the {title.lower()}",
        ids,
        index=ids.index(asked) if asked else None,
        format_func=lambda id_: shortened(_name(by_id[id_])) if id_ in by_id else "",
        key=here.key(title, "open", hash(tuple(ids))),
        placeholder="choose by its words",
    )
    to_address(item=opened if opened in by_id else None)
    if opened not in by_id:
        return
    item = by_id[opened]
    with st.container(border=True):
        rests = impact_words(impact(here.store, here.project.id, item))
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
    # A form of its own for each item that is added: what was refused is not typed again.
    version = shown.version if shown else st.session_state.get(f"{key}/added", 0)
    with st.form(f"{key}/{version}", border=False):
        values = {name: _field(kind, name, shown) for name in fields_of(kind)}
        sent = st.form_submit_button("Save" if item else "Add", type="primary")
    if not sent:
        return
    try:
        if shown is None:
            made = Provenance(source="reviewer", editor=here.who)
            new = kind.model_validate({"id": new_id("k"), "provenance": made, **values})
            if not here.store.add(here.project.id, [new], by=here.who):
                st.warning(
                    "The project has that already, perhaps among the rejected ones; nothing was "
                    "added. Look for it with the filters above."
                )
                return
            st.session_state[f"{key}/added"] = version + 1
            notice("Added. Undo takes it back")
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
