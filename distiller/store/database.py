"""Connections, transactions, and database errors in words."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pydantic_core
from filelock import FileLock, Timeout
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Engine,
    MappingResult,
    String,
    Table,
    any_,
    bindparam,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from distiller.schema.errors import DistillerError, InputError
from distiller.store.types import storable

BUSY_TIMEOUT_S = 30.0
"""How long a write waits for another process's write to end."""

Rows = MappingResult
Insert = sqlite.Insert | postgresql.Insert


def to_json(value: Any) -> str:
    """JSON text that every database takes: NaN and infinities become null, lone surrogates U+FFFD."""
    try:
        return pydantic_core.to_json(value, inf_nan_mode="null").decode()
    except (UnicodeEncodeError, pydantic_core.PydanticSerializationError):
        return to_json(json.loads(storable(json.dumps(value, ensure_ascii=False))))


class Database:
    """An engine with the two kinds of transaction: `read` and `write`."""

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        self.file = Path(self._url.database or "") if self.is_sqlite else None
        self._engine = _engine(self._url)
        # SQLite lets one write at a time through; queueing here is fairer than its own retries.
        self._one_writer: AbstractContextManager[Any] = (
            threading.Lock() if self.is_sqlite else nullcontext()
        )

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """The database as messages show it, without a password."""
        return str(self.file) if self.file else self._url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and changes nothing."""
        with self._clear_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable once the block ends; an error undoes all of it."""
        with self._clear_errors(), self._one_writer, self._engine.connect() as connection:
            writing = connection.execution_options(writes=True)
            with writing.begin():
                yield writing

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Make the folder and keep other processes from opening the same file meanwhile."""
        if self.file is None:
            yield
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.file}.lock", timeout=BUSY_TIMEOUT_S * 10):
                with self._clear_errors(), self._engine.connect() as connection:
                    connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
                yield
        except Timeout as error:
            raise DistillerError(
                f"{self.name} is being opened by another process; try again when it is done"
            ) from error
        except OSError as error:
            raise InputError(
                f"{self.file.parent} cannot be written ({error.strerror or error}); "
                "choose a workspace folder that is yours"
            ) from error

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def one_of(self, column: Column[Any], values: Collection[str]) -> ColumnElement[bool]:
        """Whether a text column has one of any number of values, as a single parameter."""
        if self.is_sqlite:
            listed = func.json_each(json.dumps(list(values))).table_valued("value")
            return column.in_(select(listed.c.value))
        return column == any_(bindparam(None, list(values), type_=ARRAY(String)))

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._explained(error) from error

    def _explained(self, error: DBAPIError) -> DistillerError:
        problem = " ".join(str(error.orig).split())
        if isinstance(error, IntegrityError):
            return InputError(f"{self.name} refuses this ({problem}); nothing was changed")
        for part, kind, words in _EXPLANATIONS:
            if part in problem:
                return kind(f"{self.name} {words}")
        if error.connection_invalidated or not self.is_sqlite:
            return DistillerError(f"{self.name}: {problem}; check that the server runs, try again")
        return DistillerError(f"{self.name}: {problem}")


_FULL = "cannot grow: the disk is full or a limit is reached; free space, then run again (what was saved is safe)"
_EXPLANATIONS: tuple[tuple[str, type[DistillerError], str], ...] = (
    ("is full", DistillerError, _FULL),
    ("disk I/O error", DistillerError, _FULL),
    ("No space left", DistillerError, _FULL),
    ("file is not a database", InputError, "is not a database; choose another workspace"),
    ("malformed", InputError, "is damaged; restore it from a copy"),
    ("readonly database", InputError, "cannot be written; choose a workspace that is yours"),
    ("unable to open database", InputError, "cannot be opened; choose a workspace that is yours"),
    ("database is locked", DistillerError, "is busy with another process; try again"),
    ("append-only", DistillerError, "keeps events and ledger entries as they were written"),
)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except ArgumentError as error:
        raise InputError(
            "the database URL cannot be read; write sqlite:///path or postgresql://user@host/name"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise InputError(f"{backend} is not supported; use sqlite:///path or postgresql://…")
    if not parsed.database or parsed.database == ":memory:":
        raise InputError("the database must be a file; write sqlite:///path")
    return parsed


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {
        "json_serializer": to_json,
        "json_deserializer": pydantic_core.from_json,
    }
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True, **options)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InputError(
            "PostgreSQL needs its driver; run: pip install 'domain-distiller[postgres]'"
        ) from error
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where Python guesses
    lower: Callable[[str | None], str | None] = lambda words: words and words.lower()  # noqa: E731
    connection.create_function("lower", 1, lower, deterministic=True)  # beyond ASCII as well
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A write takes its lock at once: one that begins by reading could not wait for it later.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
