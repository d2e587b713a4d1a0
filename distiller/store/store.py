"""The store: one door to everything that is kept."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from distiller.store.database import Database
from distiller.store.documents import Documents
from distiller.store.findings import Findings
from distiller.store.grades import Grades
from distiller.store.items import Items
from distiller.store.jobs import Jobs
from distiller.store.ledger import DatabaseLedger
from distiller.store.machine import MachineJudgments
from distiller.store.merging import Merging
from distiller.store.migrate import migrate
from distiller.store.pairs import Pairs
from distiller.store.projects import Projects
from distiller.store.proposals import Proposals
from distiller.store.results import Results
from distiller.store.work import Work


class Store(
    Projects,
    Items,
    Documents,
    Merging,
    Grades,
    MachineJudgments,
    Pairs,
    Proposals,
    Work,
    Jobs,
    Results,
    Findings,
):
    """Everything that a workspace keeps. May be shared by threads; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ledger = DatabaseLedger(database)

    @classmethod
    def open(cls, database_url: str) -> Self:
        """Open the database at a SQLAlchemy URL, made and migrated as needed.

        Raises InputError when it cannot be: not writable, not a database, of a newer version.
        """
        database = Database(database_url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
