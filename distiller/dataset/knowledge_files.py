"""Knowledge bases and queries out to files and in again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from distiller.dataset.atomic import replacing
from distiller.dataset.files import dump, dump_list
from distiller.dataset.formats.knowledge import (
    knowledge_record,
    query_records,
    read_knowledge,
    read_queries,
)
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.examples import Query
from distiller.schema.knowledge import (
    Concept,
    DocumentType,
    Fact,
    KnowledgeBase,
    Relationship,
    TypicalQuestion,
)
from distiller.store import Store

__all__ = ["knowledge_base", "read_knowledge", "read_queries", "write_knowledge", "write_queries"]

_KEPT = [status for status in Status if status is not Status.REJECTED]


def knowledge_base(store: Store, project: Project) -> KnowledgeBase:
    """All knowledge items of a project that are not rejected, oldest first."""
    return KnowledgeBase(
        domain=project.domain.name,
        language=project.domain.language,
        concepts=store.items(project.id, Concept, status=_KEPT),
        relationships=store.items(project.id, Relationship, status=_KEPT),
        typical_questions=store.items(project.id, TypicalQuestion, status=_KEPT),
        document_types=store.items(project.id, DocumentType, status=_KEPT),
        facts=store.items(project.id, Fact, status=_KEPT),
    )


def write_knowledge(knowledge: KnowledgeBase, path: Path | str) -> Path:
    """Write a bootstrap file, which is there whole or not at all.

    Raises:
        InputError: the path cannot be written.
    """
    path = Path(path)
    return _write([dump(knowledge_record(knowledge), path), "\n"], path)


def write_queries(queries: Iterable[Query], path: Path | str) -> Path:
    """Write a queries file, which is there whole or not at all.

    Raises:
        InputError: the path cannot be written.
    """
    path = Path(path)
    return _write(dump_list(query_records(queries), path), path)


def _write(chunks: Iterable[str], path: Path) -> Path:
    with (
        replacing(path, keep=lambda _: "was there before") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        stream.writelines(chunks)
    return path
