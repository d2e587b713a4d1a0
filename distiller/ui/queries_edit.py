"""Change one query, and see where it comes from."""

from __future__ import annotations

import streamlit as st
from pydantic import ValidationError

from distiller.review import impact, impact_words
from distiller.schema.errors import Conflict, DistillerError
from distiller.schema.examples import Complexity, Query
from distiller.ui.shell import Here
from distiller.ui.text import plain


def edit_form(here: Here, query: Query) -> None:
    """The query's fields; another's change since it was opened is shown beside one's own."""
    opened_key = here.key("opened", query.id)
    opened: Query = st.session_state.setdefault(opened_key, query)
    rests = impact_words(impact(here.store, here.project.id, opened))
    if rests:
        st.caption(rests)
    with st.form(here.key("edit", query.id, opened.version)):
        text = st.text_area("Query", opened.query)
        left, right = st.columns(2)
        kind = left.text_input("Type", opened.type)
        levels = [str(level) for level in Complexity]
        level = right.selectbox("Complexity", levels, levels.index(opened.complexity))
        terms = st.text_input("Concepts, separated by semicolons", "; ".join(opened.key_concepts))
        save, leave = st.columns(2)
        saved = save.form_submit_button("Save", type="primary", shortcut="Ctrl+Enter")
        left_alone = leave.form_submit_button("Leave as it was", shortcut="Esc")
    if left_alone:
        _close(here, query.id)
        st.rerun()
    if not saved:
        return
    named = [term.strip() for term in terms.split(";") if term.strip()]
    fields: dict[str, object] = {
        "query": " ".join(text.split()),
        "type": kind.strip() or opened.type,
        "complexity": level,
        "key_concepts": named,
    }
    if _save(here, opened, fields):
        _close(here, query.id)
        st.rerun()


def _save(here: Here, opened: Query, fields: dict[str, object]) -> bool:
    try:
        changed = Query.model_validate(opened.model_dump() | fields)
        here.store.edit(changed, who=here.who, project_id=here.project.id)
    except ValidationError:
        st.error("A query needs at least one word; nothing was changed.")
    except Conflict:
        theirs = here.store.get(Query, opened.id, project_id=here.project.id)
        st.warning("Somebody else changed this query since you opened it. Nothing was written.")
        mine, other = st.columns(2)
        mine.caption("Yours")
        mine.text(str(fields["query"]))
        other.caption("What stands now")
        other.text(theirs.query)
        st.session_state[here.key("opened", opened.id)] = theirs
        st.caption("Save again to replace what stands now by yours, or leave it as it is.")
        if st.button("Go on from what stands now", key=here.key("theirs", opened.id)):
            st.rerun()
    except DistillerError as error:
        st.error(plain(str(error)))
    else:
        return True
    return False


def _close(here: Here, query_id: str) -> None:
    st.session_state.pop(here.key("opened", query_id), None)
    st.session_state.pop(here.key("editing"), None)


def history(here: Here, query: Query) -> None:
    """Who wrote it with what, and every decision and edit."""
    made = query.provenance
    parts = [f"from {made.source}", f"on {made.created:%d %B %Y, %H:%M} UTC"]
    parts += [f"by {made.model}"] if made.model else []
    parts += [f"with prompt {made.prompt}"] if made.prompt else []
    st.caption(plain(", ".join(parts)))
    for event in here.store.events(here.project.id, query.id):
        if event.item_kind != "query":
            continue
        why = f" ({event.reason})" if event.reason else ""
        line = f"{event.created:%d %B, %H:%M} UTC: {event.who}: {event.action}{why}"
        if "query" in event.old:
            line += f": {event.old['query']} → {event.new['query']}"
        st.text(line)
