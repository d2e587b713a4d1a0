"""What the language model can do for one concept: write it anew, or name narrower ones."""

from __future__ import annotations

import streamlit as st

from distiller.review import merge_concepts
from distiller.schema.base import Status
from distiller.schema.errors import Conflict
from distiller.schema.examples import Query
from distiller.schema.knowledge import Concept
from distiller.schema.review import ReviewEvent
from distiller.ui.jobs import job_progress, launch
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain

_KINDS = {"rewrite_concept", "extend_concept"}


def concept_help(here: Here, concept: Concept) -> None:
    """Buttons, the work under way, and the proposal that waits for a decision."""
    from distiller.pipeline import Plan

    plan = Plan(targets=[concept.id])
    with st.container(horizontal=True):
        if st.button("Have it written anew", key=here.key("rewrite", concept.id)):
            launch(here, ["rewrite_concept"], plan, "Another text is being written")
        if st.button("Have narrower ones named", key=here.key("extend", concept.id)):
            launch(here, ["extend_concept"], plan, "Narrower concepts are being written")
    for job in here.store.jobs(here.project.id, active=True):
        if job.kind in _KINDS:
            job_progress(here, job)
    _merging(here, concept)
    waiting = here.store.proposal(here.project.id, concept.id)
    if waiting is not None:
        _proposal(here, concept, waiting)


def _proposal(here: Here, concept: Concept, waiting: ReviewEvent) -> None:
    st.markdown("**The language model proposes**")
    shown = {name: value for name, value in waiting.new.items() if name in Concept.model_fields}
    for name, value in shown.items():
        if name == "provenance":
            continue
        st.caption(name.replace("_", " ").capitalize())
        st.text("; ".join(value) if isinstance(value, list) else str(value))
    with st.container(horizontal=True):
        take = st.button("Take it", type="primary", key=here.key("take", waiting.id))
        drop = st.button("Leave it", key=here.key("drop", waiting.id))
    if not (take or drop):
        return
    with failing():
        try:
            if take:
                changed = Concept.model_validate(concept.model_dump() | shown)
                here.store.edit(changed, who=here.who, project_id=here.project.id)
        except Conflict:
            st.warning(plain("Somebody changed this concept meanwhile; look again, then decide."))
            return
        here.store.settle(here.project.id, concept.id, who=here.who, accepted=take)
        notice("Taken" if take else "Left as it was")
        st.rerun()


def _merging(here: Here, concept: Concept) -> None:
    standing = [Status.PROPOSED, Status.APPROVED, Status.FLAGGED]
    others = {
        other.id: other
        for other in here.store.items(here.project.id, Concept, status=standing, order="term")
        if other.id != concept.id
    }
    with st.expander("The same as another concept?"):
        chosen = st.selectbox(
            "Merge this one into",
            list(others),
            index=None,
            format_func=lambda id_: others[id_].term if id_ in others else "?",
            key=here.key("merge", concept.id),
        )
        if chosen not in others:
            return
        resting = here.store.count(here.project.id, Query, concept=concept.term)
        st.caption(
            plain(
                f"{concept.term} is rejected, and {resting:,} queries name {others[chosen].term} "
                "instead. One step, which can be undone."
            )
        )
        if st.button("Merge", type="primary", key=here.key("merge", "do", concept.id)):
            with failing():
                merge_concepts(here.store, here.project.id, others[chosen], concept, who=here.who)
                notice(f"{concept.term} is now part of {others[chosen].term}")
                st.rerun()
