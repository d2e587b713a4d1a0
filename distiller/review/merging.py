"""Two concepts that are one."""

from __future__ import annotations

from distiller.schema.base import Item, Status
from distiller.schema.errors import InputError
from distiller.schema.examples import Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


def merge_concepts(store: Store, project_id: str, kept: Concept, gone: Concept, *, who: str) -> int:
    """Let one concept stand for two; returns how many queries name it instead of the other.

    The other one is rejected, and queries and concepts that name it name the kept one. All of it
    is one step, which `undo_last` takes back. Nothing becomes stale, for no query changes its
    words.

    Raises:
        InputError: a concept with itself.
        Conflict: somebody else changed one of the items; nothing is written.
    """
    if kept.id == gone.id:
        raise InputError("choose another concept to merge with")
    queries = store.items(project_id, Query, concept=gone.term)
    changed: list[Item] = [gone.model_copy(update={"status": Status.REJECTED})]
    for query in queries:
        names = _renamed(query.key_concepts, gone.term, kept.term)
        changed.append(query.model_copy(update={"key_concepts": names}))
    for concept in store.items(project_id, Concept):
        if concept.id in (kept.id, gone.id):
            continue
        names = _renamed(concept.related_terms, gone.term, kept.term)
        if names != concept.related_terms:
            changed.append(concept.model_copy(update={"related_terms": names}))
    store.edit_all(project_id, changed, who=who, reason=f"merged into {kept.term}")
    return len(queries)


def _renamed(names: list[str], old: str, new: str) -> list[str]:
    """Each name once, in its order."""
    renamed = [new if name.casefold() == old.casefold() else name for name in names]
    return list(dict.fromkeys(renamed))
