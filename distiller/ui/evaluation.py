"""Does the model search better? Which report, what it says in one sentence, and all its figures."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from distiller.evaluate.reading import verdict_words, with_short_names
from distiller.evaluate.report import too_few
from distiller.evaluate.significance import ENOUGH_QUERIES
from distiller.schema.jobs import Job
from distiller.schema.retrieval import EvaluationReport, Interval
from distiller.store import Store
from distiller.ui.jobs import job_progress
from distiller.ui.shell import Here
from distiller.ui.state import from_address, to_address
from distiller.ui.text import plain, shortened

MEASURES = {
    "ndcg@10": (
        "nDCG@10",
        "how high the right passages stand among the first ten; 100 means that they could not "
        "stand higher",
    ),
    "recall@100": (
        "Recall@100",
        "how many of the right passages are among the first hundred at all",
    ),
    "mrr@10": (
        "MRR@10",
        "how soon the first right passage comes: 100 in first place, 50 in second, 33 in third",
    ),
    "map": ("MAP", "how high all right passages stand, down to the last one"),
    "judged@10": (
        "Judged@10",
        "how many of the first ten anybody has judged; where it is low, the other figures are too "
        "low, for what nobody judged counts as wrong",
    ),
}
"""Name in a report → what people call it, what it says; in points of 100."""
FLOPS = (
    "how many words a query and a passage share on average, counting the words that the model "
    "adds: the work of one comparison, so fewer is faster"
)
_ICONS = {
    "better": ":material/trending_up:",
    "worse": ":material/trending_down:",
    "inconclusive": ":material/help:",
}


@st.cache_resource(max_entries=4, show_spinner=False)
def _whole(database: str, report_id: str, _store: Store) -> EvaluationReport:
    """A report is never changed; this one is shared by sessions, and only read."""
    return with_short_names(_store.report(report_id))


def work(here: Here, reports: Sequence[EvaluationReport]) -> None:
    """Training and measuring under way, and a measurement that failed since the last report."""
    jobs = [
        job for kind in ("train", "evaluate") for job in here.store.jobs(here.project.id, kind=kind)
    ]
    newest = max(jobs, key=lambda job: job.created, default=None)
    for job in jobs:
        if job.active or (job is newest and _failed_since(job, reports)):
            job_progress(here, job)


def _failed_since(job: Job, reports: Sequence[EvaluationReport]) -> bool:
    measured = job.result.get("reports") or (reports and reports[-1].created > job.created)
    return job.state == "failed" and not measured


def choose_report(here: Here, reports: Sequence[EvaluationReport]) -> EvaluationReport:
    """The report of the address, else the newest; one that is new comes to the front by itself."""
    known = {report.id: report for report in reversed(reports)}
    newest = next(iter(known))
    models = {model.id: model.path for model in here.store.models(here.project.id)}
    key, seen = here.key("report"), here.key("report", "newest")
    if key not in st.session_state:
        st.session_state[key] = from_address("report", known.keys()) or newest
    elif st.session_state.get(seen, newest) != newest:
        st.session_state[key] = newest
    st.session_state[seen] = newest

    def words(id_: str) -> str:
        if id_ not in known:
            return "?"
        report = known[id_]
        model = models.get(report.model or "", "").rstrip("/").rsplit("/", 1)[-1]
        where = "test split" if report.held_out else shortened(report.collection)
        return (
            f"{report.created:%Y-%m-%d %H:%M} UTC: {where}, {report.queries:,} queries"
            f"{f', model {shortened(model, 60)}' if model else ''}"
        )

    chosen = st.selectbox("Measured", list(known), key=key, format_func=words)
    chosen = chosen if chosen in known else newest
    to_address(report=chosen)
    return _whole(here.settings.database, chosen, here.store)


def verdicts(report: EvaluationReport) -> None:
    """One sentence per comparison, and what has to be known before believing it."""
    for comparison in report.comparisons:
        icon = _ICONS.get(comparison.verdict, ":material/trending_flat:")
        st.markdown(f"{icon} **{plain(verdict_words(comparison))}**")
    st.caption(
        f"Points are hundredths of nDCG@10: {MEASURES['ndcg@10'][1]}. The interval is where the "
        "true difference lies in 95 of 100 such measurements; where it holds 0, chance alone may "
        "have made the difference."
    )
    if report.queries < ENOUGH_QUERIES:
        st.warning(
            f"Only {report.queries:,} queries: no comparison can be conclusive. With "
            f"{ENOUGH_QUERIES} or more the sentences above say who is better.",
            icon=":material/warning:",
        )
    if report.held_out or report.collection == "test split":
        st.info(
            "These queries were kept aside from the same data that the model learned from. They "
            "show whether it learned; a collection of real searches that people judged says more.",
            icon=":material/info:",
        )
    for note in report.notes:
        if note != too_few(report.queries):
            st.caption(plain(f"Note: {note}"))


def measures_table(report: EvaluationReport) -> None:
    """Models and measures, with intervals."""
    st.markdown(
        f"**All measures** of {report.queries:,} queries over {report.passages:,} passages, in "
        "points of 100, with 95 % intervals"
    )
    rows = []
    for system in report.systems:
        row: dict[str, object] = {"Model": system.name}
        for name, (title, _) in MEASURES.items():
            bounds = system.intervals.get(name) if name != "judged@10" else None
            row[title] = _cell(system.measures.get(name), bounds)
        row["FLOPS"] = _number(system.flops, 2)
        row["Words/query"] = _number(system.query_dims, 0)
        row["Words/passage"] = _number(system.passage_dims, 0)
        rows.append(row)
    st.dataframe(rows, hide_index=True)
    with st.expander("What the columns mean"):
        for title, words in MEASURES.values():
            st.markdown(f"- **{title}**: {words}")
        st.markdown(f"- **FLOPS**: {FLOPS}")
        st.markdown(
            "- **Words/query, words/passage**: with how many words a model describes one; "
            "BM25 uses the words that stand there"
        )


def choose_measure(here: Here) -> str:
    """Which measure the charts and tables below show."""
    key = here.key("measure", "shown")
    if key not in st.session_state:
        st.session_state[key] = from_address("measure", MEASURES) or next(iter(MEASURES))
    chosen = st.selectbox(
        "Measure shown below",
        list(MEASURES),
        key=key,
        format_func=lambda name: MEASURES[name][0] if name in MEASURES else "?",
    )
    chosen = chosen if chosen in MEASURES else next(iter(MEASURES))
    to_address(measure=chosen)
    st.caption(f"{MEASURES[chosen][0]}: {MEASURES[chosen][1]}.")
    return chosen


def _cell(value: float | None, bounds: Interval | None) -> str:
    if value is None:
        return "–"
    if bounds is None:
        return f"{100 * value:.1f}"
    return f"{100 * value:.1f} ({100 * bounds.low:.1f} to {100 * bounds.high:.1f})"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
