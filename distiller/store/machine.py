"""Judgments that a machine gives and takes back: mined negatives and teachers' scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, or_, select

from distiller.schema.base import Status
from distiller.schema.errors import InputError
from distiller.schema.examples import Judgment, JudgmentSource, Strategy
from distiller.store.database import Database
from distiller.store.kinds import kind_of
from distiller.store.stale import mark
from distiller.store.tables import judgments

_REWRITTEN = ("grade", "strategy", "score", "explanation", "stale", "provenance", "run_id")


class Written(NamedTuple):
    """How many judgments were new, and how many were there and changed."""

    new: int
    changed: int


class MachineJudgments:
    """Write, rewrite and retire what no reviewer decided about."""

    _database: Database

    def put_judgments(self, project_id: str, given: Sequence[Judgment]) -> Written:
        """Write mined negatives or teachers' scores, all in one transaction.

        One that is there already (the same query, passage and source) is rewritten, unless it says
        the same, is not a machine's of this kind, or somebody decided about it.

        Raises:
            InputError: A judgment of another kind, or of something that the project lacks.
        """
        wrong = [one for one in given if not (is_mined(one) or _is_taught(one))]
        if wrong:
            raise InputError("only mined negatives and teachers' scores are written this way")
        if not given:
            return Written(0, 0)
        kind, columns = kind_of(Judgment), judgments.c
        insert = self._database.insert(judgments)
        fresh = insert.excluded
        says = ("grade", "score", "explanation", "strategy")
        changes = or_(
            columns.stale, *(columns[name].is_distinct_from(fresh[name]) for name in says)
        )
        ours = or_(
            columns.source == JudgmentSource.TEACHER.value,
            and_(columns.strategy == Strategy.MINED.value, columns.origin_source == "corpus"),
        )
        written = insert.on_conflict_do_update(
            index_elements=["project_id", "natural_key"],
            set_={
                **{name: fresh[name] for name in _REWRITTEN},
                "version": columns.version + 1,
            },
            where=and_(columns.status == Status.PROPOSED.value, ours, changes),
        ).returning(columns.version)
        rows = [kind.row(one, project_id) for one in given]
        with self._database.write() as connection:
            versions = connection.execute(written, rows).scalars().all()
        new = sum(version == 1 for version in versions)
        return Written(new, len(versions) - new)

    def retire_mined(
        self, project_id: str, query_ids: Collection[str], keep: Collection[tuple[str, str]]
    ) -> int:
        """Mark stale the queries' mined negatives but those to keep; returns how many.

        Those that a reviewer graded or decided about stay as they are; nothing is deleted.
        `keep` names pairs of query and passage.
        """
        columns, graded = judgments.c, judgments.alias("graded")
        decided = exists(
            select(1)
            .select_from(graded)
            .where(
                graded.c.project_id == columns.project_id,
                graded.c.passage_id == columns.passage_id,
                graded.c.query_id == columns.query_id,
                graded.c.source == JudgmentSource.REVIEWER.value,
                graded.c.status == Status.APPROVED.value,
            )
        )
        which = (
            columns.project_id == project_id,
            self._database.one_of(columns.query_id, query_ids),
            columns.source == JudgmentSource.GENERATOR.value,
            columns.strategy == Strategy.MINED.value,
            columns.origin_source == "corpus",
            columns.status == Status.PROPOSED.value,
            columns.stale.is_(False),
            ~decided,
        )
        reason = "a later round of mining chose other passages"
        return self._retire(project_id, which, keep, who="mining", reason=reason)

    def retire_taught(self, project_id: str, keep: Collection[tuple[str, str]]) -> int:
        """Mark stale all teachers' scores but those of the pairs to keep; returns how many."""
        columns = judgments.c
        which = (
            columns.project_id == project_id,
            columns.source == JudgmentSource.TEACHER.value,
            columns.stale.is_(False),
        )
        reason = "the pair was not among those scored last"
        return self._retire(project_id, which, keep, who="teacher", reason=reason)

    def _retire(
        self,
        project_id: str,
        which: Sequence[ColumnElement[bool]],
        keep: Collection[tuple[str, str]],
        *,
        who: str,
        reason: str,
    ) -> int:
        """Mark the judgments stale that are meant, but those of the pairs to keep."""
        columns, kept = judgments.c, set(keep)
        with self._database.write() as connection:
            found = connection.execute(
                select(columns.id, columns.query_id, columns.passage_id).where(*which)
            )
            old = [row.id for row in found if (row.query_id, row.passage_id) not in kept]
            gone = self._database.one_of(columns.id, old)
            return mark(
                connection, project_id, "judgment", gone, stale=True, who=who, reason=reason
            )


def is_mined(judgment: Judgment) -> bool:
    """Whether a search of the corpus gave it, which may take it back."""
    return (
        judgment.source is JudgmentSource.GENERATOR
        and judgment.strategy is Strategy.MINED
        and judgment.provenance.source == "corpus"
    )


def _is_taught(judgment: Judgment) -> bool:
    return judgment.source is JudgmentSource.TEACHER
