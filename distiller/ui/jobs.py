"""Long work on a page: begin it, watch it, stop it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from distiller.schema.base import now
from distiller.schema.jobs import Job, JobState
from distiller.settings import Settings
from distiller.store import Store
from distiller.ui.shell import Here
from distiller.ui.state import failing, notice
from distiller.ui.text import plain

if TYPE_CHECKING:
    from distiller.pipeline import Plan

REFRESH_S = 2.0
NAMES = {
    "pipeline": "Everything in its order",
    "knowledge": "Knowledge base",
    "queries": "Queries",
    "passages": "Passages and hard negatives",
    "judge": "Second opinion on every passage",
    "rewrite_concept": "A concept written anew",
    "extend_concept": "Narrower concepts",
    "another_negative": "Another hard negative",
    "ingest": "Reading documents",
    "mine": "Finding hard negatives",
    "remine": "Finding hard negatives for what was rewritten",
    "teach": "Scoring pairs by a teacher",
    "check": "Quality checks",
    "repair": "Repairs",
    "settle": "Repairs that need no model",
    "snapshot": "Freezing the data",
    "calibrate": "Trying how fast this computer is",
    "corpus": "Counting the words of the passages",
    "train": "Training",
    "choose": "Comparing the rounds",
    "evaluate": "Measuring",
}
STATES = {
    JobState.QUEUED: "waits for its turn",
    JobState.RUNNING: "runs",
    JobState.CANCELLING: "is stopping",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "stopped",
}


def name_of(kind: str) -> str:
    """What people call that kind of work."""
    return NAMES.get(kind, kind.replace("_", " "))


def launch(here: Here, stages: Sequence[str], plan: Plan, words: str) -> None:
    """Queue work, say so, and draw the page again; what is wrong is said where it stands."""
    from distiller.jobs import submit

    with failing():
        submit(here.store, here.settings, here.project.id, stages, plan)
        notice(words)
        st.rerun()


def job_progress(here: Here, job: Job) -> None:
    """How far a job is, live as long as it goes on; then the page is drawn again once."""
    if job.active:
        _live(here, job.id)
    else:
        job_line(here.store, here.settings, job)


@st.fragment(run_every=REFRESH_S)
def _live(here: Here, job_id: str) -> None:
    job = here.store.job(job_id)
    if not job.active:
        st.rerun()
    job_line(here.store, here.settings, job)


def job_line(store: Store, settings: Settings, job: Job) -> None:
    """One job: bar, counts, rate, time left, tokens and money, what can be done about it."""
    from distiller.jobs import cancel, log_tail, retry

    stage = name_of(job.stage or job.kind)
    title = f"{name_of(job.kind)}: {STATES[job.state]}"
    with st.container(border=True):
        st.markdown(f"**{plain(title)}**")
        if job.active and job.total:
            share = min(1.0, job.done / job.total)
            st.progress(share, text=f"{plain(stage)}: {job.done:,} of {job.total:,}{_pace(job)}")
        facts = []
        if job.usage.completions:
            tokens = job.usage.prompt_tokens + job.usage.completion_tokens
            so_far = " so far" if job.active else ""
            facts.append(f"{job.usage.completions:,} answers, {tokens:,} tokens{so_far}")
            facts.append(f"${job.usage.cost:.2f}" if job.usage.cost else "no cost")
        if job.message:
            facts.append(job.message)
        if job.attempts > 1:
            facts.append(f"begun {job.attempts} times, for its process had died")
        if facts:
            st.caption(plain(" · ".join(facts)))
        with st.container(horizontal=True):
            if job.active and st.button(
                "Stop",
                key=f"job/{job.id}/stop",
                icon=":material/stop:",
                disabled=job.state == JobState.CANCELLING,
                help="Stops within seconds. What is done is kept.",
            ):
                with failing():
                    cancel(store, job.id)
                    st.rerun()
            ended_badly = job.state in (JobState.FAILED, JobState.CANCELLED)
            if (ended_badly or _has_failures(job)) and st.button(
                "Go on" if ended_badly else "Try again what failed",
                key=f"job/{job.id}/retry",
                icon=":material/replay:",
                help="Only what is missing or failed is done; nothing is paid for twice.",
            ):
                with failing():
                    retry(store, settings, job.id)
                    notice("It goes on where it stopped")
                    st.rerun()
        with st.expander("Log"):
            st.code(log_tail(settings, job.id, 60) or "Nothing is written yet.", language=None)


def _has_failures(job: Job) -> bool:
    return not job.active and any(
        stage.get("failed") for stage in job.result.get("stages", []) if isinstance(stage, dict)
    )


def _pace(job: Job) -> str:
    """Rate and time left of the stage under way, once there is something to go by."""
    under_way = job.result.get("under_way") or {}
    made = job.done - under_way.get("from", 0)
    if under_way.get("stage") != job.stage or made < 2:
        return ""
    seconds = (now() - datetime.fromisoformat(under_way["since"])).total_seconds()
    rate = made / max(seconds, 1e-9)
    left = (job.total - job.done) / rate
    return f", {rate * 60:,.1f} a minute, about {_words(left)} left"


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def jobs_chip(store: Store, project_id: str) -> None:
    """What runs in this project, on every page; refreshed only while something does."""
    if store.jobs(project_id, active=True):
        _chip(store, project_id)


@st.fragment(run_every=REFRESH_S)
def _chip(store: Store, project_id: str) -> None:
    active = store.jobs(project_id, active=True)
    if not active:
        st.rerun()
    for job in active:
        share = f" {job.done / job.total:.0%}" if job.total else ""
        st.badge(
            plain(f"{name_of(job.kind)} {STATES[job.state]}{share}"),
            icon=":material/progress_activity:",
        )
