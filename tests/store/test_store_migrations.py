from __future__ import annotations

import ast
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import distiller.store.migrate
from distiller.schema.errors import InputError
from distiller.schema.examples import Judgment, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store
from distiller.store.migrate import NEWEST, VERSION_TABLE
from distiller.store.tables import metadata

OLDEST = Path(__file__).parent.parent / "data" / "store_revision_0001.sql"
MIGRATIONS = Path(distiller.store.migrate.__file__).parent / "migrations"


def test_newest_revision_is_the_head_of_one_line() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [NEWEST]


def test_migrations_and_tables_agree(empty_database_url: str) -> None:
    Store.open(empty_database_url).close()
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_processes_that_open_at_once_migrate_once(empty_database_url: str) -> None:
    program = (
        "import sys; from distiller.store import Store; from distiller.schema.domain import Domain\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        "with Store.open(sys.argv[1]) as store: store.create_project(Domain(name=sys.argv[2]))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two", "three")
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:  # closing its input lets a process go
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    errors = [process.communicate(timeout=60)[1] for process in started]
    assert errors == [""] * 3
    with Store.open(empty_database_url) as store:
        assert {project.name for project in store.projects()} == {"one", "two", "three"}


def test_opening_an_up_to_date_database_needs_no_alembic_and_no_torch(sqlite_file: Path) -> None:
    url = f"sqlite:///{sqlite_file}"
    Store.open(url).close()
    program = (
        "import sys; from distiller.store import Store; Store.open(sys.argv[1]).close()\n"
        "print(sorted({'alembic', 'torch', 'transformers', 'sentence_transformers', 'scipy'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, url], capture_output=True, text=True, check=True
    )
    assert ast.literal_eval(done.stdout) == []


def test_database_of_a_newer_version_is_left_alone(empty_database_url: str) -> None:
    Store.open(empty_database_url).close()
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(InputError, match=r"newer Domain Distiller \(revision 9999\); upgrade"):
        Store.open(empty_database_url)
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == "9999"
    engine.dispose()


def test_database_of_another_program_is_left_alone(empty_database_url: str) -> None:
    if empty_database_url.startswith("sqlite"):
        Path(empty_database_url.removeprefix("sqlite:///")).parent.mkdir()
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE queries (mine TEXT)"))
    with pytest.raises(InputError, match="'queries' of another program"):
        Store.open(empty_database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT mine FROM queries")).all() == []
    engine.dispose()


def test_oldest_database_opens_with_everything_in_it(sqlite_file: Path) -> None:
    sqlite_file.parent.mkdir()
    with sqlite3.connect(sqlite_file) as connection:
        connection.executescript(OLDEST.read_text("utf-8"))
    connection.close()
    with Store.open(f"sqlite:///{sqlite_file}") as store:
        project = store.project()
        assert project.domain.name == "Residential tenancy law"
        assert [concept.term for concept in store.items(project.id, Concept)] == ["Deposit"]
        (query,) = store.items(project.id, Query)
        assert (query.query, query.status) == ("who keeps the deposit", "approved")
        assert [judgment.grade for judgment in store.items(project.id, Judgment)] == [3, 0]
        assert [event.action for event in store.events(project.id)] == ["approve"]
        found = store.ledger.find("a" * 64)
        assert found is not None
        assert found.completion == "Ja."
        assert store.ledger.spent(project.id).cost == 0.25
        assert [failure.key for failure in store.failures(project.id)] == ["q-1/positive/1"]
        assert [job.kind for job in store.jobs(project.id)] == ["queries"]
        assert store.snapshot("abc").examples[0].query == "who keeps the deposit"
        assert [model.base for model in store.models(project.id)] == ["tiny"]
        (report,) = store.reports(project.id)
        assert report.collection == "adi"
        assert store.report(report.id).collection == "adi"
