"""Every test of the store runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from distiller.schema.domain import Domain, Project
from distiller.store import Store
from distiller.store.tables import metadata

SERVER_USER = "postgres"


def _programs() -> Path:
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2])
    )
    if folders:
        return folders[-1]
    found = shutil.which("initdb")
    if found is None:
        pytest.skip("needs PostgreSQL; on Debian: apt-get install postgresql")
    return Path(found).parent


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL (without a database) of a server of our own; it listens on a Unix socket only."""
    pytest.importorskip("psycopg", reason="needs the extra `postgres`")
    programs = _programs()
    # The server refuses to run as root, so root lends it to the user that the package made.
    user = SERVER_USER if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        if user:
            shutil.chown(folder, user)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [programs / program, *arguments],
                check=True,
                user=user,
                cwd=folder,
                env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
                stdout=subprocess.DEVNULL,
            )

        data = f"{folder}/data"
        run("initdb", "-D", data, "-U", SERVER_USER, "-A", "trust", "-N", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off"
        run("pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{SERVER_USER}@/{{name}}?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    psycopg = pytest.importorskip("psycopg")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server.format(name="postgres").replace("+psycopg", "")) as connection:
        connection.autocommit = True
        connection.execute(f"CREATE DATABASE {name}")
        yield server.format(name=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A migrated database that tests take turns with: making one for each takes seconds."""
    with fresh_database(postgresql_server) as url:
        Store.open(url).close()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without rows."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'workspace' / 'distiller.db'}"
        return
    url: str = request.getfixturevalue("shared_postgresql_url")
    yield url
    engine = create_engine(url)
    with engine.begin() as connection:
        # Without triggers, the append-only tables can be emptied as well.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'workspace' / 'distiller.db'}"
        return
    with fresh_database(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "distiller.db"


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project(Domain(name="Residential tenancy law"))
