"""Bring a database to the tables that this version knows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from distiller.schema.errors import InputError
from distiller.store.database import Database
from distiller.store.tables import metadata

NEWEST = "0006"
"""The newest revision in migrations/versions; known here, so that most starts need no Alembic."""
VERSION_TABLE = "distiller_revision"
_ADVISORY_LOCK = 0x64697374  # "dist"


def migrate(database: Database) -> None:
    """Run what migrations are missing, in one transaction; safe from several processes at once.

    Raises InputError for a database of a newer version, of another program, or no database.
    """
    with database.opening():
        with database.read() as connection:
            if _revision(connection) == NEWEST:
                return
        with database.write() as connection:
            if not database.is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            found = _revision(connection)
            if found == NEWEST:
                return
            if found is None:
                _refuse_foreign_tables(connection, database.name)
            _upgrade(connection, found, database.name)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found


def _refuse_foreign_tables(connection: Connection, name: str) -> None:
    taken = set(inspect(connection).get_table_names()) & set(metadata.tables)
    if taken:
        raise InputError(
            f"{name} has a table {min(taken)!r} of another program; choose an empty database"
        )


def _upgrade(connection: Connection, found: str | None, name: str) -> None:
    # Alembic takes a quarter of a second to import, and nearly every start does without it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parent / "migrations").replace("%", "%%")
    )
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise InputError(
            f"{name} was written by a newer Domain Distiller (revision {found}); upgrade this one"
        )
    command.upgrade(config, NEWEST)
