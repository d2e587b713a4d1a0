"""The first tables.

Written out again here, apart from `distiller.store.tables`, because a migration must stay as it
was when those move on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)
_MOMENT = sa.DateTime(timezone=True)
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _columns(kind: Any, names: str) -> list[sa.Column[Any]]:
    """Columns of one type; a name that ends with a question mark may be null."""
    return [
        sa.Column(name.rstrip("?"), kind, nullable=name.endswith("?")) for name in names.split()
    ]


def _table(name: str, *parts: sa.schema.SchemaItem, project: str = "project_id") -> None:
    owner = sa.Column(
        project.rstrip("?"),
        sa.String,
        sa.ForeignKey("projects.id"),
        nullable=project.endswith("?"),
    )
    sa.Table(name, _metadata, sa.Column("position", _POSITION, primary_key=True), owner, *parts)


def _indexes(*names: str) -> list[sa.Index]:
    return [sa.Index(None, *name.split()) for name in names]


def _items(name: str, *parts: sa.schema.SchemaItem) -> None:
    _table(
        name,
        *_columns(sa.String, "id status origin_source run_id?"),
        sa.Column("natural_key", sa.String(32), nullable=False),
        *_columns(sa.Boolean, "stale"),
        *_columns(sa.Integer, "version"),
        *_columns(_MOMENT, "created"),
        *_columns(sa.JSON, "provenance"),
        *parts,
        sa.UniqueConstraint("id", "project_id"),
        sa.UniqueConstraint("project_id", "natural_key"),
        *_indexes("project_id position", "project_id status position"),
    )


def _knowledge() -> None:
    _items(
        "concepts",
        *_columns(sa.Text, "term sub_area definition example"),
        *_columns(sa.JSON, "related_terms"),
    )
    _items("relationships", *_columns(sa.Text, "type description"), *_columns(sa.JSON, "examples"))
    _items("typical_questions", *_columns(sa.Text, "question"))
    _items(
        "document_types",
        *_columns(sa.Text, "type description"),
        *_columns(sa.JSON, "common_sections"),
    )
    _items("facts", *_columns(sa.Text, "fact"))


def _examples() -> None:
    _items(
        "queries",
        *_columns(sa.Text, "type answer_type persona query"),
        *_columns(sa.String, "complexity"),
        *_columns(sa.JSON, "key_concepts"),
        *_indexes("project_id type", "project_id complexity"),
    )
    _items(
        "passages",
        *_columns(sa.String, "origin"),
        *_columns(sa.Text, "title text"),
        *_indexes("project_id origin"),
    )
    _items(
        "judgments",
        *_columns(sa.String, "query_id passage_id strategy source"),
        *_columns(sa.Integer, "grade"),
        *_columns(sa.Float, "score?"),
        *_columns(sa.Text, "explanation"),
        sa.ForeignKeyConstraint(["query_id", "project_id"], ["queries.id", "queries.project_id"]),
        sa.ForeignKeyConstraint(
            ["passage_id", "project_id"], ["passages.id", "passages.project_id"]
        ),
        *_indexes("project_id query_id", "project_id passage_id", "project_id source"),
        *_indexes("project_id strategy", "project_id grade"),
    )


def _logs() -> None:
    _table(
        "events",
        sa.Column("id", sa.String, nullable=False, unique=True),
        *_columns(sa.String, "item_kind item_id action group_id? undoes?"),
        *_columns(sa.Float, "seconds?"),
        *_columns(_MOMENT, "created"),
        *_columns(sa.Text, "who reason"),
        *_columns(sa.JSON, "old new"),
        *_indexes("project_id item_id", "project_id group_id"),
    )
    paid = sa.text("outcome = 'ok'")
    _table(
        "ledger",
        sa.Column("id", sa.String, nullable=False, unique=True),
        *_columns(sa.String, "request_hash outcome stage prompt endpoint model finish_reason"),
        *_columns(sa.BigInteger, "prompt_tokens cached_tokens completion_tokens"),
        *_columns(sa.Integer, "completions"),
        *_columns(sa.Float, "cost latency_s"),
        *_columns(_MOMENT, "created"),
        *_columns(sa.Text, "error completion"),
        *_columns(sa.JSON, "request logprobs?"),
        sa.Index(
            "uq_ledger_paid_request",
            "request_hash",
            unique=True,
            sqlite_where=paid,
            postgresql_where=paid,
        ),
        sa.Index(
            "ix_ledger_spent",
            *["project_id", "created", "prompt_tokens", "cached_tokens", "completion_tokens"],
            *["cost", "completions"],
        ),
        project="project_id?",
    )


def _work() -> None:
    _table(
        "failures",
        sa.Column("id", sa.String, nullable=False, unique=True),
        *_columns(sa.String, "stage"),
        *_columns(sa.Integer, "attempts"),
        *_columns(_MOMENT, "created"),
        *_columns(sa.Text, "key reason completion"),
        sa.UniqueConstraint("project_id", "stage", "key"),
    )
    _table(
        "jobs",
        sa.Column("id", sa.String, nullable=False, unique=True),
        *_columns(sa.String, "kind state"),
        *_columns(sa.Integer, "done total"),
        *_columns(_MOMENT, "heartbeat? created finished?"),
        *_columns(sa.Text, "message"),
        *_columns(sa.JSON, "parameters metrics"),
        *_indexes("project_id state"),
        project="project_id?",
    )


def _results() -> None:
    _table(
        "snapshots",
        sa.Column("id", sa.String, nullable=False, unique=True),
        *_columns(sa.String, "content_hash"),
        *_columns(sa.BigInteger, "seed"),
        *_columns(_MOMENT, "created"),
        *_columns(sa.JSON, "filters counts lineage"),
        *_columns(sa.LargeBinary, "examples"),
        *_indexes("content_hash", "project_id"),
        project="project_id?",
    )
    _table(
        "models",
        sa.Column("id", sa.String, nullable=False, unique=True),
        *_columns(sa.String, "snapshot_hash"),
        *_columns(sa.Integer, "best_step"),
        *_columns(_MOMENT, "created"),
        *_columns(sa.Text, "path base base_license"),
        *_columns(sa.JSON, "recipe metrics"),
        *_indexes("project_id"),
        project="project_id?",
    )
    _table(
        "reports",
        sa.Column("id", sa.String, nullable=False, unique=True),
        *_columns(_MOMENT, "created"),
        *_columns(sa.Text, "collection"),
        *_columns(sa.JSON, "report"),
        *_indexes("project_id"),
        project="project_id?",
    )


def _forbid_changes(table: str) -> None:
    """Let the database itself refuse to change or remove what was written."""
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_forbids_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION distiller_append_only()"
    )


def upgrade() -> None:
    sa.Table(
        "projects",
        _metadata,
        sa.Column("position", _POSITION, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        *_columns(sa.JSON, "domain"),
        *_columns(sa.Integer, "version"),
        *_columns(_MOMENT, "created"),
    )
    for define in (_knowledge, _examples, _logs, _work, _results):
        define()
    _metadata.create_all(op.get_bind(), checkfirst=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION distiller_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table in ("events", "ledger"):
        _forbid_changes(table)
