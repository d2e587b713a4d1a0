"""Alembic's entry; the connection and its transaction come from `distiller.store.migrate`."""

from __future__ import annotations

from alembic import context

from distiller.store.migrate import VERSION_TABLE
from distiller.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
