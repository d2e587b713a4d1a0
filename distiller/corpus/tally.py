"""What a run over many documents did, in numbers and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distiller.schema.jobs import StageReport

_PROBLEMS_NAMED = 20
_KINDS_NAMED = 5


@dataclass
class Tally:
    """Passages and documents, counted while they are read."""

    made: int = 0
    present: int = 0
    folded: int = 0
    gone: int = 0
    """Passages that became stale."""
    unchanged: int = 0
    """Documents that were read before."""
    read_anew: int = 0
    problems: list[str] = field(default_factory=list)
    """Documents that could not be read, and why."""
    remarks: list[str] = field(default_factory=list)
    """What was left out of the others."""

    def report(self, stage: str, others: Sequence[Path]) -> StageReport:
        """What the run did, in numbers and words."""
        notes = [f"documents: {self.read_anew} read, {self.unchanged} as before"]
        if self.folded:
            notes.append(f"folded, for they are there in nearly the same words: {self.folded}")
        if self.gone:
            notes.append(f"stale, for they are not in their documents any more: {self.gone}")
        if others:
            kinds = Counter(path.suffix or path.name for path in others).most_common(_KINDS_NAMED)
            named = ", ".join(kind for kind, _ in kinds)
            notes.append(f"files of other kinds passed over: {len(others)} ({named})")
        listed = [*self.problems, *self.remarks]
        notes += listed[:_PROBLEMS_NAMED]
        if listed[_PROBLEMS_NAMED:]:
            notes.append(f"… and {len(listed) - _PROBLEMS_NAMED} more; see the list of documents")
        return StageReport(
            stage=stage,
            made=self.made,
            present=self.present,
            failed=len(self.problems),
            notes=notes,
        )
