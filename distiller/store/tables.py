"""The tables. What pages filter and sort on has a typed column; the rest of a record is JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

from distiller.store.types import Moment, Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _position() -> Column[int]:
    """Order of writing. SQLite only counts up by itself in columns that are exactly INTEGER."""
    return Column("position", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)


def _project(*, nullable: bool = False) -> Column[str]:
    return Column("project_id", String, ForeignKey("projects.id"), nullable=nullable)


def _words(name: str) -> Column[str]:
    return Column(name, Words, nullable=False)


def _json(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=nullable)


def _items(name: str, *columns: SchemaItem) -> Table:
    """A table of reviewable items: what all items have, then columns of their own.

    Identifiers are unique within a project only, so that one file can be imported into two.
    """
    return Table(
        name,
        metadata,
        _position(),
        _project(),
        Column("id", String, nullable=False),
        Column("natural_key", String(32), nullable=False),
        Column("status", String, nullable=False),
        Column("stale", Boolean, nullable=False),
        Column("version", Integer, nullable=False),
        Column("origin_source", String, nullable=False),
        Column("run_id", String),
        _moment("created"),
        *columns,
        _json("provenance"),
        UniqueConstraint("id", "project_id"),
        UniqueConstraint("project_id", "natural_key"),
        Index(None, "project_id", "position"),
        Index(None, "project_id", "status", "position"),
    )


projects = Table(
    "projects",
    metadata,
    _position(),
    Column("id", String, nullable=False, unique=True),
    Column("name", String, nullable=False, unique=True),
    _json("domain"),
    Column("version", Integer, nullable=False),
    _moment("created"),
)

concepts = _items(
    "concepts",
    _words("term"),
    _words("sub_area"),
    _words("definition"),
    _words("example"),
    _json("related_terms"),
)
relationships = _items("relationships", _words("type"), _words("description"), _json("examples"))
typical_questions = _items("typical_questions", _words("question"))
document_types = _items(
    "document_types", _words("type"), _words("description"), _json("common_sections")
)
facts = _items("facts", _words("fact"))
queries = _items(
    "queries",
    _words("type"),
    Column("complexity", String, nullable=False),
    _words("answer_type"),
    _words("persona"),
    _words("query"),
    _json("key_concepts"),
    Index(None, "project_id", "type"),
    Index(None, "project_id", "complexity"),
)
passages = _items(
    "passages",
    Column("origin", String, nullable=False),
    _words("title"),
    _words("text"),
    Index(None, "project_id", "origin"),
)
judgments = _items(
    "judgments",
    Column("query_id", String, nullable=False),
    Column("passage_id", String, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("strategy", String, nullable=False),
    Column("source", String, nullable=False),
    Column("score", Float),
    _words("explanation"),
    ForeignKeyConstraint(["query_id", "project_id"], ["queries.id", "queries.project_id"]),
    ForeignKeyConstraint(["passage_id", "project_id"], ["passages.id", "passages.project_id"]),
    Index(None, "project_id", "query_id"),
    Index(None, "project_id", "passage_id"),
    # One pair's judgments side by side; without it each pair is looked for among all of a source.
    Index("ix_judgments_pair", "project_id", "passage_id", "query_id", "source"),
    Index(None, "project_id", "source"),
    Index(None, "project_id", "strategy"),
    Index(None, "project_id", "grade"),
)

documents = Table(
    "documents",
    metadata,
    _position(),
    _project(),
    Column("id", String, nullable=False),
    _words("name"),
    Column("format", String, nullable=False),
    Column("digest", String, nullable=False),
    _words("path"),
    _words("title"),
    Column("characters", BigInteger, nullable=False),
    Column("passages", Integer, nullable=False),
    Column("folded", Integer, nullable=False),
    _json("shared"),
    _words("problem"),
    _json("notes"),
    Column("replaced", Boolean, nullable=False),
    _moment("created"),
    UniqueConstraint("project_id", "id"),
    Index(None, "project_id", "path"),
)

findings = Table(
    "findings",
    metadata,
    _position(),
    _project(),
    Column("check", String, nullable=False),
    Column("item_kind", String, nullable=False),
    Column("item_id", String, nullable=False),
    Column("query_id", String, nullable=False),
    Column("other", String, nullable=False),
    Column("score", Float),
    _moment("created"),
    _words("reason"),
    Index(None, "project_id", "check"),
    Index("ix_findings_item", "project_id", "item_kind", "item_id"),
    Index(None, "project_id", "query_id"),
)

checked = Table(
    "checked",
    metadata,
    _position(),
    _project(),
    Column("item_kind", String, nullable=False),
    Column("item_id", String, nullable=False),
    Column("state", String, nullable=False),
    UniqueConstraint("project_id", "item_kind", "item_id"),
)

worth = Table(
    "worth",
    metadata,
    _position(),
    _project(),
    Column("item_kind", String, nullable=False),
    Column("item_id", String, nullable=False),
    Column("value", Float, nullable=False),
    _words("reason"),
    UniqueConstraint("project_id", "item_kind", "item_id"),
)

events = Table(
    "events",
    metadata,
    _position(),
    _project(),
    Column("id", String, nullable=False, unique=True),
    Column("item_kind", String, nullable=False),
    Column("item_id", String, nullable=False),
    Column("who", Words, nullable=False),
    Column("action", String, nullable=False),
    Column("group_id", String),
    Column("undoes", String),
    Column("seconds", Float),
    _moment("created"),
    _words("reason"),
    _json("old"),
    _json("new"),
    Index(None, "project_id", "item_id"),
    Index(None, "project_id", "group_id"),
)

ledger = Table(
    "ledger",
    metadata,
    _position(),
    _project(nullable=True),
    Column("id", String, nullable=False, unique=True),
    Column("request_hash", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("prompt", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("model", String, nullable=False),
    Column("finish_reason", String, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),
    Column("completions", Integer, nullable=False),
    Column("latency_s", Float, nullable=False),
    _moment("created"),
    _words("error"),
    _words("completion"),
    _json("request"),
    _json("logprobs", nullable=True),
    Index(
        "uq_ledger_paid_request",
        "request_hash",
        unique=True,
        sqlite_where=text("outcome = 'ok'"),
        postgresql_where=text("outcome = 'ok'"),
    ),
    # All that sums need, so that they never read the wide rows themselves.
    Index(
        "ix_ledger_spent",
        "project_id",
        "created",
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "cost",
        "completions",
    ),
)

failures = Table(
    "failures",
    metadata,
    _position(),
    _project(),
    Column("id", String, nullable=False, unique=True),
    Column("stage", String, nullable=False),
    _words("key"),
    Column("attempts", Integer, nullable=False),
    _moment("created"),
    _words("reason"),
    _words("completion"),
    UniqueConstraint("project_id", "stage", "key"),
)

jobs = Table(
    "jobs",
    metadata,
    _position(),
    _project(nullable=True),
    Column("id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    _moment("heartbeat", nullable=True),
    _moment("created"),
    _moment("finished", nullable=True),
    _words("message"),
    _json("parameters"),
    _json("metrics"),
    Column("stage", String, nullable=False, server_default=text("''")),
    Column("worker", String, nullable=False, server_default=text("''")),
    Column("slot", String, nullable=False, server_default=text("''")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _moment("started", nullable=True),
    _json("usage", nullable=True),
    _json("result", nullable=True),
    Index(None, "project_id", "state"),
    # Two workers may want the same slot at the same moment; the database lets one have it.
    Index(
        "uq_jobs_slot_at_work",
        "slot",
        unique=True,
        sqlite_where=text("slot <> '' AND state IN ('running', 'cancelling')"),
        postgresql_where=text("slot <> '' AND state IN ('running', 'cancelling')"),
    ),
)

workers = Table(
    "workers",
    metadata,
    _position(),
    Column("id", String, nullable=False, unique=True),
    _moment("started"),
    _moment("heartbeat"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _position(),
    _project(nullable=True),
    Column("id", String, nullable=False, unique=True),
    Column("content_hash", String, nullable=False),
    Column("seed", BigInteger, nullable=False),
    _moment("created"),
    _json("filters"),
    _json("counts"),
    _json("lineage"),
    Column("examples", LargeBinary, nullable=False),  # JSON, gzipped: tens of megabytes otherwise
    Index(None, "content_hash"),
    Index(None, "project_id"),
)

models = Table(
    "models",
    metadata,
    _position(),
    _project(nullable=True),
    Column("id", String, nullable=False, unique=True),
    _words("path"),
    _words("base"),
    _words("base_license"),
    Column("snapshot_hash", String, nullable=False),
    Column("best_step", Integer, nullable=False),
    _moment("created"),
    _json("recipe"),
    _json("metrics"),
    Index(None, "project_id"),
)

reports = Table(
    "reports",
    metadata,
    _position(),
    _project(nullable=True),
    Column("id", String, nullable=False, unique=True),
    _words("collection"),
    _moment("created"),
    _json("report"),  # light, for lists
    Column("details", LargeBinary),  # all of it as JSON, gzipped; null in rows of old versions
    Index(None, "project_id"),
)
