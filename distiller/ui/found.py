"""What the checks found, on the pages where decisions are made: filter, order and badges."""

from __future__ import annotations

import streamlit as st

from distiller.quality import CHECKS, said
from distiller.review import By, Order
from distiller.schema.quality import Finding
from distiller.ui.filters import TITLES, select_one
from distiller.ui.shell import Here
from distiller.ui.text import plain

BY_JUDGE = frozenset({"positives_confirmed", "negatives_do_not_answer"})
"""Checks whose findings tell what the judge said."""
ORDERS = {
    str(By.VALUE): "most useful first",
    str(By.AGE): "oldest first",
    str(By.RANDOM): "at random",
}
SHOWN = 5


def queue_order(here: Here) -> Order:
    """In which order cards come."""
    chosen = select_one(
        here,
        "queue",
        "Order of the cards",
        list(ORDERS),
        words=ORDERS,
        empty=ORDERS[str(By.VALUE)],
        help="Most useful: where the judge and search disagree, where an answer may have been "
        "overlooked, where a concept is not covered, or where the judge was unsure.",
    )
    return Order(By(chosen) if chosen else By.VALUE, here.settings.seed)


def why_now(reason: str, *, hides_judge: bool = False) -> None:
    """Why a card comes now; not what the judge said, where that is to stay hidden."""
    if reason and hides_judge and "judge" in reason:
        reason = "what is known of it does not agree"
    if reason:
        st.caption(f":material/low_priority: Comes now because: {plain(reason)}")


def badges(
    here: Here, findings: list[Finding], *, but: str = "", hides_judge: bool = False
) -> None:
    """What the checks found about a card, each in a line, but for what was said already."""
    shown = [
        said(finding)
        for finding in findings
        if finding.check in CHECKS and not (hides_judge and finding.check in BY_JUDGE)
    ]
    # The same may be found beside a query and beside all of them.
    for line in [line for line in dict.fromkeys(shown) if line != but][:SHOWN]:
        st.caption(f":material/report: {plain(line)}")


def found_words(here: Here, kind: str, items: list[tuple[str, str]]) -> list[str]:
    """What was found about each item beside its query, in a few words, for a table."""
    titles: dict[tuple[str, str], list[str]] = {}
    ids = {id_ for id_, _ in items}
    for finding in here.store.findings(here.project.id, item_kind=kind, item_ids=ids):
        hidden = here.settings.hide_judge and finding.check in BY_JUDGE
        if finding.check in TITLES and not hidden:
            about = titles.setdefault((finding.item_id, finding.query_id), [])
            about.append(TITLES[finding.check].lower())
    return [
        "; ".join(dict.fromkeys([*titles.get((id_, ""), ()), *titles.get((id_, query), ())]))
        for id_, query in items
    ]


def of_query(here: Here, query_id: str) -> list[Finding]:
    """What was found about a query itself."""
    return here.store.findings(here.project.id, item_kind="query", item_ids=[query_id])


def of_pair(here: Here, query_id: str, passage_id: str) -> list[Finding]:
    """What was found about a passage, beside this query or beside all."""
    found = here.store.findings(here.project.id, item_kind="passage", item_ids=[passage_id])
    return [finding for finding in found if finding.query_id in ("", query_id)]
