"""What the world does to a database: killed writers, full disks, wrong files."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distiller.schema.domain import Domain
from distiller.schema.errors import DistillerError, InputError
from distiller.schema.knowledge import Fact
from distiller.store import Store

WRITER = """
import sys
from distiller.schema.domain import Domain
from distiller.schema.knowledge import Fact
from distiller.schema.usage import LedgerEntry
from distiller.store import Store

with Store.open(sys.argv[1]) as store:
    project = store.create_project(Domain(name=sys.argv[2]))
    for number in range(100_000):
        name = f"{project.name}-{number}"
        store.add(project.id, [Fact(id=name, fact=name + " " * 3000 + "x")])
        store.ledger.record([LedgerEntry(id=name, request_hash=name, project_id=project.id,
                                         endpoint="e", model="m", request={})])
        print(name, flush=True)
"""

FILLER = """
import resource, sys
from distiller.schema.errors import DistillerError
from distiller.schema.knowledge import Fact
from distiller.store import Store

with Store.open(sys.argv[1]) as store:
    project = store.project()
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
    try:
        for number in range(10_000):
            store.add(project.id, [Fact(id=f"f-{number}", fact=f"{number} " + "x" * 5000)])
            print(f"f-{number}", flush=True)
    except DistillerError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
"""


def whole(file: Path) -> bool:
    connection = sqlite3.connect(file)
    try:
        return (
            connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            and connection.execute("PRAGMA foreign_key_check").fetchall() == []
        )
    finally:
        connection.close()


def test_killed_writer_loses_nothing_that_was_acknowledged(database_url: str) -> None:
    chance = random.Random(13)
    for round in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, database_url, f"round {round}"],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [writer.stdout.readline().strip()]
            time.sleep(chance.uniform(0.02, 0.3))
            writer.send_signal(signal.SIGKILL)
            acknowledged += writer.stdout.read().split("\n")[:-1]  # a torn last line is no promise
        with Store.open(database_url) as store:
            project = store.project(f"round-{round}")
            kept = {fact.id for fact in store.items(project.id, Fact)}
            assert set(acknowledged) <= kept
            assert all(store.ledger.find(name) for name in acknowledged)
            # At most the one write that was under way when the signal came is there as well.
            assert len(kept) <= len(acknowledged) + 1
        if database_url.startswith("sqlite"):
            assert whole(Path(database_url.removeprefix("sqlite:///")))


def test_full_disk_says_so_and_damages_nothing(sqlite_file: Path) -> None:
    url = f"sqlite:///{sqlite_file}"
    with Store.open(url) as store:
        project = store.create_project(Domain(name="law"))
    done = subprocess.run(
        [sys.executable, "-c", FILLER, url], capture_output=True, text=True, check=True
    )
    acknowledged = set(done.stdout.split())
    assert acknowledged
    assert done.stderr.startswith(f"DistillerError: {sqlite_file} cannot grow: the disk is full")
    assert len(done.stderr.splitlines()) == 1
    assert whole(sqlite_file)
    with Store.open(url) as store:
        assert {fact.id for fact in store.items(project.id, Fact)} == acknowledged
        assert store.add(project.id, [Fact(id="f-new", fact="there is room again")])


def test_file_that_is_no_database(sqlite_file: Path) -> None:
    sqlite_file.parent.mkdir()
    sqlite_file.write_text("query,document,is_relevant\n" * 100)
    before = sqlite_file.read_bytes()
    with pytest.raises(InputError, match=r"distiller\.db is not a database; choose another"):
        Store.open(f"sqlite:///{sqlite_file}")
    assert sqlite_file.read_bytes() == before


def test_folder_in_place_of_the_file(sqlite_file: Path) -> None:
    sqlite_file.mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be opened"):
        Store.open(f"sqlite:///{sqlite_file}")


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file")
    with pytest.raises(InputError, match="workspace cannot be written"):
        Store.open(f"sqlite:///{tmp_path}/workspace/distiller.db")


@pytest.mark.parametrize("there_already", [False, True])
def test_read_only_folder(sqlite_file: Path, there_already: bool) -> None:
    if there_already:
        Store.open(f"sqlite:///{sqlite_file}").close()
    else:
        sqlite_file.parent.mkdir()
    for path in (*sqlite_file.parent.iterdir(), sqlite_file.parent):
        path.chmod(stat.S_IREAD | (stat.S_IEXEC if path.is_dir() else 0))
    program = (
        "import os, sys; from distiller.store import Store; "
        # Root may write everywhere, so give up being root first.
        "os.geteuid() or (os.setegid(65534), os.seteuid(65534))\n"
        "from distiller.schema.errors import InputError\n"
        "try: Store.open(sys.argv[1])\n"
        "except InputError as error: print(error)"
    )
    for folder in sqlite_file.parents:  # pytest keeps its folders to their owner
        if os.geteuid() == 0 and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    done = subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{sqlite_file}"],
        capture_output=True,
        text=True,
        check=True,
    )
    sqlite_file.parent.chmod(0o700)
    assert done.stdout.strip() == (
        f"{sqlite_file.parent} cannot be written (Permission denied); "
        "choose a workspace folder that is yours"
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("not a url", "cannot be read"),
        ("", "cannot be read"),
        ("mysql://root@localhost/x", "mysql is not supported"),
        ("oracle+nonsense://x", "oracle is not supported"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_unusable_urls(url: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Store.open(url)


def test_server_that_is_not_there_is_named_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(DistillerError, match="check that the server runs") as raised:
        Store.open("postgresql://ada:secret@127.0.0.1:1/distiller")
    message = str(raised.value)
    assert "secret" not in message
    assert "\n" not in message


def test_writer_that_blocks_the_file_too_long(
    sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.store.database.BUSY_TIMEOUT_S", 0.1)
    with Store.open(f"sqlite:///{sqlite_file}") as store:
        other = sqlite3.connect(sqlite_file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DistillerError, match="busy with another process"):
            store.create_project(Domain(name="law"))
        assert store.projects() == []  # reading goes on meanwhile
        other.execute("ROLLBACK")
        other.close()
        assert store.create_project(Domain(name="law")).name == "law"
