"""Repairs that need no language model: take the judge's grade, merge what says the same."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress

from distiller.generate.mending import Fix, planned
from distiller.generate.records import derived_id
from distiller.quality import Mend
from distiller.quality.evidence import counts
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.errors import Conflict
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.store import Store

WHO = "repair"
"""Who changed something, where no model wrote it."""


def settle(
    store: Store,
    project: Project,
    *,
    checks: Collection[str] | None = None,
    targets: Collection[str] = (),
    attempts: int = 2,
    on_progress: OnProgress | None = None,
) -> StageReport:
    """Mend what can be mended without a model; each repair is a step that can be taken back.

    Raises:
        InputError: There is no such check, or nothing mends what it finds.
    """
    begun = time.monotonic()
    plan = planned(store, project, checks=checks, targets=targets, attempts=attempts)
    fixes = [fix for fix in plan.fixes if fix.pure]
    done: Counter[Mend] = Counter()
    for number, fix in enumerate(fixes, 1):
        # Somebody may have decided meanwhile: their word stands.
        with suppress(Conflict):
            done[fix.mend] += apply(store, project, fix)
        if on_progress:
            on_progress(Progress(stage="settle", done=number, total=len(fixes)))
    return StageReport(
        stage="settle",
        made=done.total(),
        present=0,
        seconds=time.monotonic() - begun,
        notes=notes(done, plan.skipped),
    )


def apply(store: Store, project: Project, fix: Fix) -> int:
    """Make one repair that needs no model; returns 1, or 0 where nothing was left to do.

    Raises:
        Conflict: Somebody changed the item since it was read.
    """
    if fix.mend is Mend.RELABEL:
        assert fix.label is not None
        changed = fix.label.model_copy(update={"grade": fix.grade})
        store.edit(changed, who=WHO, reason=fix.reason, project_id=project.id)
        return 1
    assert fix.other is not None
    return merge(store, project, fix.item, fix.other, who=WHO, reason=fix.reason)


def merge(
    store: Store,
    project: Project,
    gone: Query | Passage,
    into: Query | Passage,
    *,
    who: str,
    reason: str,
) -> int:
    """Reject one of two that say the same; what was judged of it goes to the other.

    It is one step, which can be taken back. Returns 1, or 0 where the other one does not stand
    any more.

    Raises:
        Conflict: Somebody changed the item since it was read.
    """
    kept = _root(store, project, into)
    if not counts(kept) or kept.id == gone.id:
        return 0
    moved = _moved(store, project, gone, kept)
    store.merge(project.id, gone, moved, who=who, reason=f"{reason}, merged into {kept.id}")
    return 1


def _root(store: Store, project: Project, item: Query | Passage) -> Query | Passage:
    """What an item was itself merged into, by the same run, or the item."""
    current = store.get(type(item), item.id, project_id=project.id)
    for _ in range(20):
        if current.status is not Status.REJECTED:
            break
        history = store.events(project.id, current.id)
        merged = [event.reason.rpartition("merged into ")[2] for event in history if event.reason]
        if not merged or merged[-1] == current.id:
            break
        found = store.items(project.id, type(item), ids=[merged[-1]])
        if not found:
            break
        current = found[0]
    return current


def _moved(
    store: Store, project: Project, gone: Query | Passage, kept: Query | Passage
) -> list[Judgment]:
    """What was judged of the one, as judged of the other; reviewers' grades stay where they are."""
    side = "query_id" if isinstance(gone, Query) else "passage_id"
    found = store.judgments(project.id, **{f"{side}s": [gone.id]})  # type: ignore[arg-type]
    moved = []
    for judgment in found:
        if judgment.source == "reviewer" or judgment.stale:
            continue
        fresh = judgment.model_copy(update={side: kept.id, "version": 1})
        identity = derived_id("j", fresh.passage_id, fresh.query_id, fresh.source)
        moved.append(fresh.model_copy(update={"id": identity}))
    return moved


def notes(done: Counter[Mend], skipped: dict[str, int]) -> list[str]:
    """What was done, and why the rest was left, for people."""
    told = [f"{count:,} × {mend}" for mend, count in done.items() if count]
    return told + [f"{count:,} left: {reason}" for reason, count in _most(skipped.items())]


def _most(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda pair: -pair[1])
