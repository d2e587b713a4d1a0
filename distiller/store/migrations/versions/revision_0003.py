"""An index for the judgments of one pair, so that a reviewer's next card comes at once."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_judgments_pair", "judgments", ["project_id", "passage_id", "query_id", "source"]
    )
