"""What checks find, what they looked at, and what a reviewer's look is worth."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _position() -> sa.Column[int]:
    return sa.Column(
        "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
    )


def upgrade() -> None:
    op.create_table(
        "findings",
        _position(),
        sa.Column("project_id", sa.String, nullable=False),
        sa.Column("check", sa.String, nullable=False),
        sa.Column("item_kind", sa.String, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("query_id", sa.String, nullable=False),
        sa.Column("other", sa.String, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_findings"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_findings_project_id"),
    )
    op.create_index("ix_findings_project_id_check", "findings", ["project_id", "check"])
    op.create_index("ix_findings_item", "findings", ["project_id", "item_kind", "item_id"])
    op.create_index("ix_findings_project_id_query_id", "findings", ["project_id", "query_id"])
    op.create_table(
        "checked",
        _position(),
        sa.Column("project_id", sa.String, nullable=False),
        sa.Column("item_kind", sa.String, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_checked"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_checked_project_id"),
        sa.UniqueConstraint(
            "project_id", "item_kind", "item_id", name="uq_checked_project_id_item_kind_item_id"
        ),
    )
    op.create_table(
        "worth",
        _position(),
        sa.Column("project_id", sa.String, nullable=False),
        sa.Column("item_kind", sa.String, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_worth"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_worth_project_id"),
        sa.UniqueConstraint(
            "project_id", "item_kind", "item_id", name="uq_worth_project_id_item_kind_item_id"
        ),
    )
