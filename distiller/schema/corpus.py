"""A team's own documents."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from distiller.schema.base import Record, now


class Document(Record):
    """A file as it was read. Its passages name it in their span; a changed file is another one."""

    id: str
    """Derived from the digest: the same bytes are the same document."""
    name: str
    """As the user knows it: the file's name, or its path below the folder that was read."""
    format: str
    """`txt`, `md`, `html`, `pdf`, `docx`, `csv`, `tsv`, `json`, `jsonl` or `beir`."""
    digest: str
    """SHA-256 of the bytes."""
    path: str = ""
    """Where the file lay. Another file that is read there later is a new version of it."""
    title: str = ""
    characters: int = Field(default=0, ge=0)
    """Length of its text as read; spans count in it."""
    passages: int = Field(default=0, ge=0)
    """Passages that the corpus has of it, those that an earlier version brought included."""
    folded: int = Field(default=0, ge=0)
    """Passages left out because the corpus has them in nearly the same words."""
    shared: list[str] = Field(default_factory=list)
    """Ids of other documents' passages that those were folded into."""
    problem: str = ""
    """Empty, or why it could not be read and what to do."""
    notes: list[str] = Field(default_factory=list)
    """What of it was left out, and why: a broken line, a page without text."""
    replaced: bool = False
    """A newer version was read since."""
    created: datetime = Field(default_factory=now)
