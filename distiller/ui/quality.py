"""What the checks found, by check in plain words, and repairs with a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from distiller.quality import CHECKS, MEASURES, Check, Severity
from distiller.ui.filters import select_one
from distiller.ui.jobs import job_progress, launch
from distiller.ui.navigation import path_of
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain, shortened

if TYPE_CHECKING:
    from distiller.generate import Planned

HARM = {
    Severity.SERIOUS: "teaches something wrong",
    Severity.DOUBTFUL: "teaches little, or may be wrong",
    Severity.HINT: "good to know",
}
EFFECTS = {
    "weight": "They count less in training",
    "exclude": "They are left out of training",
    "off": "Nothing: they count like all others",
}
PREVIEW = 50


def quality_panel(here: Here) -> None:
    """Run the checks, see what they found, mend it."""
    counted = here.store.count_findings(here.project.id)
    measured = here.store.measures(here.project.id)
    if measured is None:
        st.info(
            "Nobody has run the checks yet. They look for duplicates, texts in another language, "
            "remains of prompts, wrong labels and gaps; no language model is needed.",
            icon=":material/fact_check:",
        )
    _run(here, first=measured is None)
    if measured is None:
        return
    _counts(counted)
    _effect(here)
    _one(here, counted)
    _measures(here, measured)


def _run(here: Here, *, first: bool) -> None:
    from distiller.pipeline import Plan

    words = "Run the checks" if first else "Run the checks again"
    kind = "primary" if first else "secondary"
    icon = ":material/fact_check:"
    if st.button(words, key=here.key("quality", "run"), icon=icon, type=kind):  # type: ignore[arg-type]
        launch(here, ["check"], Plan(), "The checks are running; only what changed is looked at")
    for name in ("check", "repair"):
        for job in here.store.jobs(here.project.id, kind=name, active=True):
            job_progress(here, job)


def _counts(counted: dict[str, int]) -> None:
    found = [check for name, check in CHECKS.items() if counted.get(name)]
    if not found:
        st.success("No check found anything when they were run last.", icon=":material/verified:")
        return
    frame = pd.DataFrame(
        {
            "What was found": [check.title for check in found],
            "How often": [counted[check.name] for check in found],
            "Harm": [HARM[check.severity] for check in found],
            "Why it matters": [check.why for check in found],
            "What mends it": [check.mend or "your decision" for check in found],
        }
    )
    st.dataframe(frame, hide_index=True)
    clean = len(CHECKS) - len(found)
    st.caption(f"{clean:,} other checks found nothing when they were run last.")


def _effect(here: Here) -> None:
    """What training does with examples that fail."""
    key = here.key("quality", "effect")
    now = here.settings.quality
    chosen = st.radio(
        "What becomes of examples that fail a check, and that no reviewer has decided about?",
        list(EFFECTS),
        index=list(EFFECTS).index(now),
        format_func=lambda name: EFFECTS.get(name, "?"),
        horizontal=True,
        key=key,
        help="With few examples, leaving some out costs more than their faults do.",
    )
    if chosen in EFFECTS and chosen != now:
        with failing():
            try:
                here.settings.keep(quality=chosen)
            except (ValueError, OSError) as error:
                st.error(plain(f"Nothing was changed: {error}"))
                return
            notice(f"From the next freezing on: {EFFECTS[chosen].lower()}")
            st.rerun()


def _one(here: Here, counted: dict[str, int]) -> None:
    """One check: its findings, where to decide about them, and what would mend them."""
    names = [name for name in CHECKS if counted.get(name)]
    if not names:
        return
    st.subheader("Look closer", anchor=False)
    words = {name: f"{CHECKS[name].title} ({counted[name]:,})" for name in names}
    chosen = select_one(here, "check", "A check", names, words=words, empty="choose one")
    if chosen is None:
        return
    check = CHECKS[chosen]
    st.markdown(plain(check.why))
    for finding in here.store.findings(here.project.id, checks=[chosen], limit=3):
        st.caption(f":material/report: {plain(finding.reason)}")
    _links(here, check)
    if check.mend is not None:
        _repairs(here, check)


def _links(here: Here, check: Check) -> None:
    known = here.store.count_findings(here.project.id, item_kinds=("query",))
    places = ["Queries"] if known.get(check.name) else []
    known = here.store.count_findings(here.project.id, item_kinds=("passage",))
    places += ["Passages"] if known.get(check.name) else []
    with st.container(horizontal=True):
        for place in places:
            address = {"project": here.project.name, "check": check.name, "mode": "Focus"}
            st.page_link(
                path_of(place),
                label=f"Decide about them on {place}",
                query_params=address,
                icon=":material/arrow_forward:",
            )


def _repairs(here: Here, check: Check) -> None:
    from distiller.generate import planned

    with failing():
        plan = planned(here.store, here.project, checks=[check.name])
        if plan.fixes:
            _preview(here, check, plan)
        for reason, count in plan.skipped.items():
            st.caption(plain(f"{count:,} are left alone: {reason}."))


def _preview(here: Here, check: Check, plan: Planned) -> None:
    shown = plan.fixes[:PREVIEW]
    st.markdown(f"**{len(plan.fixes):,} can be mended.** Nothing is changed before you say so.")
    frame = pd.DataFrame(
        {
            "As it is": [shortened(fix.old, 200) for fix in shown],
            "What was found": [shortened(fix.finding.reason, 200) for fix in shown],
            "What would be done": [fix.words for fix in shown],
        },
        index=[f"{fix.finding.query_id}/{fix.item.id}" for fix in shown],
    )
    picked = st.dataframe(
        frame,
        key=here.key("quality", check.name, hash(tuple(frame.index))),
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
    )
    rows = [n for n in picked["selection"]["rows"] if 0 <= n < len(shown)]
    if len(plan.fixes) > PREVIEW:
        st.caption(f"The first {PREVIEW} of {len(plan.fixes):,}.")
    with st.container(horizontal=True):
        some = f"Mend the {len(rows):,} selected"
        if st.button(some, key=here.key("quality", "some"), disabled=not rows) and rows:
            _mend(here, check, plan, [shown[row].item.id for row in rows])
        every = f"Mend all {len(plan.fixes):,}"
        if st.button(every, key=here.key("quality", "all"), icon=":material/build:"):
            _mend(here, check, plan, [])
    st.caption("Each repair can be undone, and the old text stays in the history of its item.")


def _mend(here: Here, check: Check, plan: Planned, targets: list[str]) -> None:
    from distiller.pipeline import AGAIN, Plan

    pure = all(fix.pure for fix in plan.fixes)
    stages = ("settle", "check") if pure else AGAIN
    launch(here, stages, Plan(checks=[check.name], targets=targets), "Repairs are under way")


def _measures(here: Here, measured: dict[str, float]) -> None:
    st.subheader("Variety and coverage", anchor=False)
    rows = {words: measured[name] for name, words in MEASURES.items() if name in measured}
    st.dataframe(
        pd.DataFrame({"Measure": list(rows), "Value": [round(v, 2) for v in rows.values()]}),
        hide_index=True,
    )
    with st.container(horizontal=True):
        for mode, label in (("Coverage", "Coverage by concept and type"), ("Alike", "Alike")):
            st.page_link(
                path_of("Queries"),
                label=label,
                query_params={"project": here.project.name, "mode": mode},
                icon=":material/arrow_forward:",
            )
