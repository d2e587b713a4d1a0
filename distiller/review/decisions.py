"""Decide about one item or all that a filter finds, and take the last step back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from distiller.review.filters import QueryFilter
from distiller.schema.base import Item, Status
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.schema.examples import Query
from distiller.store import Step, Store

ACTIONS: Mapping[str, Status] = MappingProxyType(
    {
        "approve": Status.APPROVED,
        "reject": Status.REJECTED,
        "flag": Status.FLAGGED,
        "reset": Status.PROPOSED,
    }
)
"""What a reviewer can do → the status that follows."""

REASONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "query": (
            "too vague",
            "nobody would type this",
            "off topic",
            "duplicate",
            "wrong facts in it",
            "wrong language",
        ),
        "passage": (
            "does not answer",
            "answers after all",
            "wrong facts",
            "copies the query",
            "off topic",
            "badly written",
        ),
        "concept": ("not of this field", "wrong definition", "duplicate", "too general"),
    }
)
"""Kind of item → why it may be rejected, in the words that reviewers choose from."""

_DONE = {
    "approve": "approved",
    "reject": "rejected",
    "flag": "flagged",
    "reset": "set back",
    "add": "added",
    "edit": "changed",
    "grade": "graded",
    "stale": "marked stale",
}
_PLURALS = {"query": "queries"}


@dataclass(frozen=True)
class Undone:
    """What was taken back."""

    step: Step
    count: int

    @property
    def words(self) -> str:
        """For people: `Taken back: 3 queries approved`."""
        return f"Taken back: {in_words(self.step)}"


def in_words(step: Step) -> str:
    """What a step did, for people: `1 query rejected`."""
    # What a reviewer grades is a passage; that it is kept as a judgment is no matter of theirs.
    noun = "passage" if step.action == "grade" else step.item_kind.replace("_", " ")
    many = _PLURALS.get(noun, f"{noun}s")
    done = _DONE.get(step.action, step.action)
    return f"{step.count:,} {noun if step.count == 1 else many} {done}"


def decide(
    store: Store,
    project_id: str,
    item: Item,
    action: str,
    *,
    who: str,
    reason: str = "",
    seconds: float | None = None,
) -> str:
    """Decide about an item as it was read; returns the group of events, for `Store.undo`.

    Raises:
        InputError: An action that does not exist.
        Conflict: Somebody else changed the item since it was read; nothing is written.
        NotFound: The project has no such item.
    """
    return store.set_status(
        project_id,
        type(item),
        [item.id],
        _status(action),
        who=who,
        reason=reason,
        seconds=seconds,
        versions={item.id: item.version},
    )


def decide_all(
    store: Store,
    project_id: str,
    wanted: QueryFilter,
    action: str,
    *,
    who: str,
    expected: int,
    reason: str = "",
) -> str:
    """Decide about all queries that a filter finds, as one step.

    Raises:
        InputError: An action that does not exist, or nothing that the filter finds.
        Conflict: The filter finds another number of queries than the reviewer was told.
    """
    return decide_all_of(
        store,
        project_id,
        Query,
        wanted.arguments(),
        action,
        who=who,
        expected=expected,
        reason=reason,
    )


def decide_all_of(
    store: Store,
    project_id: str,
    kind: type[Item],
    filters: Mapping[str, Any],
    action: str,
    *,
    who: str,
    expected: int,
    reason: str = "",
) -> str:
    """Decide about all items of a kind that filters find; see `decide_all` and `Store.ids`."""
    status = _status(action)
    ids = store.ids(project_id, kind, **filters)
    if len(ids) != expected:
        raise Conflict(
            f"the filter finds {len(ids):,} items now, not {expected:,}; look again and repeat"
        )
    if not ids:
        raise InputError("the filter finds nothing; change it and repeat")
    return store.set_status(project_id, kind, ids, status, who=who, reason=reason)


def undo_last(store: Store, project_id: str, who: str) -> Undone:
    """Take back the newest step of a reviewer that still stands, also after a reload.

    Raises:
        NotFound: There is nothing to take back.
        Conflict: Somebody else changed an item of that step since.
    """
    step = next((s for s in store.steps(project_id, who=who, limit=200) if not s.undone), None)
    if step is None:
        raise NotFound("there is nothing to take back")
    return Undone(step, store.undo(project_id, step.group, who=who))


def _status(action: str) -> Status:
    if action not in ACTIONS:
        raise InputError(f"no decision is called {action!r}; there are {', '.join(ACTIONS)}")
    return ACTIONS[action]
