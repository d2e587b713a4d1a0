"""Change one passage."""

from __future__ import annotations

import streamlit as st
from pydantic import ValidationError

from distiller.review import impact, impact_words
from distiller.schema.errors import Conflict, DistillerError
from distiller.schema.examples import Passage
from distiller.ui.shell import Here
from distiller.ui.text import plain

MAX_TEXT = 20_000


def passage_form(here: Here, passage: Passage) -> None:
    """Title and text; another's change since it was opened is shown beside one's own."""
    opened_key = here.key("opened", passage.id)
    opened: Passage = st.session_state.setdefault(opened_key, passage)
    rests = impact_words(impact(here.store, here.project.id, opened))
    if rests:
        st.caption(f"{rests} The passage then waits for a grade again.")
    with st.form(here.key("edit", passage.id, opened.version)):
        title = st.text_input("Title (not needed)", opened.title, max_chars=500)
        text = st.text_area("Passage", opened.text, height=240, max_chars=MAX_TEXT)
        save, leave = st.columns(2)
        saved = save.form_submit_button("Save", type="primary", shortcut="Ctrl+Enter")
        left_alone = leave.form_submit_button("Leave as it was", shortcut="Esc")
    if left_alone or (saved and _save(here, opened, title.strip(), text.strip())):
        st.session_state.pop(opened_key, None)
        st.session_state.pop(here.key("editing"), None)
        st.rerun()


def _save(here: Here, opened: Passage, title: str, text: str) -> bool:
    try:
        changed = Passage.model_validate(opened.model_dump() | {"title": title, "text": text})
        here.store.edit(changed, who=here.who, project_id=here.project.id)
    except ValidationError:
        st.error("A passage needs at least one word; nothing was changed.")
    except Conflict:
        theirs = here.store.get(Passage, opened.id, project_id=here.project.id)
        st.warning("Somebody else changed this passage since you opened it. Nothing was written.")
        mine, other = st.columns(2)
        mine.caption("Yours")
        mine.text(text)
        other.caption("What stands now")
        other.text(theirs.text)
        st.session_state[here.key("opened", opened.id)] = theirs
        st.caption("Save again to replace what stands now by yours, or leave it as it is.")
        if st.button("Go on from what stands now", key=here.key("theirs", opened.id)):
            st.rerun()
    except DistillerError as error:
        st.error(plain(str(error)))
    else:
        return True
    return False
