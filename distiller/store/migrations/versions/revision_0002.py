"""Jobs that run in a worker: who runs them, in which slot, how often begun, what came of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_AT_WORK = sa.text("slot <> '' AND state IN ('running', 'cancelling')")


def upgrade() -> None:
    for name in ("stage", "worker", "slot"):
        op.add_column(
            "jobs", sa.Column(name, sa.String, nullable=False, server_default=sa.text("''"))
        )
    op.add_column(
        "jobs", sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    op.add_column("jobs", sa.Column("started", _MOMENT))
    op.add_column("jobs", sa.Column("usage", sa.JSON))
    op.add_column("jobs", sa.Column("result", sa.JSON))
    op.create_index(
        "uq_jobs_slot_at_work",
        "jobs",
        ["slot"],
        unique=True,
        sqlite_where=_AT_WORK,
        postgresql_where=_AT_WORK,
    )
    op.create_table(
        "workers",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
        ),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("started", _MOMENT, nullable=False),
        sa.Column("heartbeat", _MOMENT, nullable=False),
        sa.UniqueConstraint("id", name="uq_workers_id"),
    )
