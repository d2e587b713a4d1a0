"""A team's own documents and the passages that came of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, false, or_, select

from distiller.schema.base import SourceSpan, Status
from distiller.schema.corpus import Document
from distiller.schema.errors import NotFound
from distiller.schema.examples import Origin
from distiller.store.database import Database
from distiller.store.items import known_project
from distiller.store.stale import mark
from distiller.store.tables import documents, passages
from distiller.store.types import storable

PAGE = 2_000
"""Passages read at once, so that a large corpus is never in memory whole."""
SAME_AT_ONCE = 10_000
"""Texts looked for at once: each time, the database reads the passages of the project."""

_USABLE = (Status.PROPOSED.value, Status.APPROVED.value)


class CorpusText(NamedTuple):
    """What is searched of a corpus passage."""

    id: str
    title: str
    text: str
    stale: bool


def passage_prefix(document_id: str) -> str:
    """What the ids of a document's passages begin with: `p-<digest>-`, then start and end."""
    return f"p-{document_id.removeprefix('d-')}-"


_PASSAGE_ID = re.compile(r"p-([0-9a-f]{20})-(\d+)-(\d+)")


def span_in_id(passage_id: str) -> SourceSpan | None:
    """Where a passage stands, by its id; None for passages that are of no document."""
    found = _PASSAGE_ID.fullmatch(passage_id)
    if found is None:
        return None
    return SourceSpan(document=f"d-{found[1]}", start=int(found[2]), end=int(found[3]))


class Documents:
    """Keep documents, and find their passages."""

    _database: Database

    def add_document(self, project_id: str, document: Document) -> Document:
        """Write a document, or what is new about one that is there. Raises NotFound."""
        row = {**document.model_dump(), "project_id": project_id}
        insert = self._database.insert(documents).values(row)
        fresh = {name: insert.excluded[name] for name in row if name not in ("id", "project_id")}
        written = insert.on_conflict_do_update(index_elements=["project_id", "id"], set_=fresh)
        with self._database.write() as connection:
            known_project(connection, project_id)
            connection.execute(written)
        return document

    def documents(
        self, project_id: str, *, path: str | None = None, current: bool = False
    ) -> list[Document]:
        """Documents of a project, or versions of one, oldest first; `current` ones only if wanted."""
        chosen = select(documents).where(documents.c.project_id == project_id)
        if path is not None:
            chosen = chosen.where(documents.c.path == path)
        if current:
            chosen = chosen.where(documents.c.replaced.is_(False))
        with self._database.read() as connection:
            rows = connection.execute(chosen.order_by(documents.c.position)).mappings()
            return [_document(row) for row in rows]

    def document(self, project_id: str, id: str) -> Document:
        """The document of that id. Raises NotFound."""
        chosen = select(documents).where(documents.c.project_id == project_id, documents.c.id == id)
        with self._database.read() as connection:
            row = connection.execute(chosen).mappings().first()
        if row is None:
            raise NotFound(f"there is no document {id!r}")
        return _document(row)

    def corpus(
        self,
        project_id: str,
        *,
        of: Collection[str] | None = None,
        stale: bool = False,
    ) -> Iterator[CorpusText]:
        """Usable corpus passages by age, a page at a time; of some documents if wanted.

        Rejected and stale ones are left out, unless `stale` asks for all.
        """
        columns = passages.c
        filters = [
            columns.project_id == project_id,
            columns.origin == Origin.CORPUS.value,
            *([] if stale else [columns.stale.is_(False), columns.status.in_(_USABLE)]),
            *([] if of is None else [_of(of)]),
        ]
        wanted = (columns.position, columns.id, columns.title, columns.text, columns.stale)
        last = 0
        while True:
            page = select(*wanted).where(*filters, columns.position > last)
            with self._database.read() as connection:
                rows = connection.execute(page.order_by(columns.position).limit(PAGE)).all()
            yield from (CorpusText(*row[1:]) for row in rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].position

    def corpus_texts(self, project_id: str, ids: Collection[str]) -> dict[str, str]:
        """Texts of some corpus passages, by id."""
        columns = passages.c
        chosen = select(columns.id, columns.text).where(
            columns.project_id == project_id, self._database.one_of(columns.id, ids)
        )
        with self._database.read() as connection:
            return {row.id: row.text for row in connection.execute(chosen)}

    def same_passages(
        self, project_id: str, texts: Collection[str]
    ) -> Iterator[tuple[str, str, str]]:
        """Passages that have one of these texts, of the documents or not: id, title and text."""
        columns, wanted = passages.c, [storable(text) for text in dict.fromkeys(texts)]
        for start in range(0, len(wanted), SAME_AT_ONCE):
            chosen = select(columns.id, columns.title, columns.text).where(
                columns.project_id == project_id,
                self._database.one_of(columns.text, wanted[start : start + SAME_AT_ONCE]),
            )
            with self._database.read() as connection:
                rows = connection.execute(chosen.order_by(columns.position)).all()
            yield from ((row.id, row.title, row.text) for row in rows)

    def corpus_state(self, project_id: str, ids: Collection[str]) -> dict[str, bool]:
        """Which of these passages are there: id → whether it is stale."""
        columns = passages.c
        chosen = select(columns.id, columns.stale).where(
            columns.project_id == project_id, self._database.one_of(columns.id, ids)
        )
        with self._database.read() as connection:
            return {row.id: row.stale for row in connection.execute(chosen)}

    def mark_passages(
        self, project_id: str, ids: Collection[str], *, stale: bool, reason: str
    ) -> int:
        """Mark passages as gone from their documents, or as there again; returns how many changed.

        Nothing is deleted, and each change stands in the passage's history.
        """
        which = self._database.one_of(passages.c.id, ids)
        with self._database.write() as connection:
            return mark(
                connection, project_id, "passage", which, stale=stale, who="corpus", reason=reason
            )


def _of(document_ids: Collection[str]) -> ColumnElement[bool]:
    begins = (
        passages.c.id.startswith(passage_prefix(id_), autoescape=True) for id_ in document_ids
    )
    return or_(false(), *begins)


def _document(row: RowMapping) -> Document:
    fields: dict[str, Any] = {name: row[name] for name in Document.model_fields}
    return Document.model_validate(fields)
