"""What the terminal shows: progress, stage lines, result tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from distiller.schema.base import Status

if TYPE_CHECKING:
    from distiller.dataset import ValidationSummary
    from distiller.generate import Planned
    from distiller.schema.corpus import Document
    from distiller.schema.dataset import DatasetSnapshot
    from distiller.schema.domain import Project
    from distiller.schema.jobs import Failure, OnProgress, StageReport
    from distiller.schema.jobs import Progress as StageProgress
    from distiller.schema.retrieval import EvaluationReport
    from distiller.schema.usage import Forecast, Usage
    from distiller.search import Explanation, Match, QueryTerm

SHOWN_TERMS = 12
SHOWN_FIXES = 50
SHOWN_CONCEPTS = 10
SHOWN_CHARACTERS = 400
QUARTERS = 4
"""Where stderr is no terminal, a stage says where it is at each quarter."""


@contextmanager
def progress_bars() -> Iterator[OnProgress]:
    """A bar per stage on stderr; plain lines where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[message]}"),
        console=Console(stderr=True),
    )
    tasks: dict[str, TaskID] = {}

    def update(progress: StageProgress) -> None:
        if progress.stage not in tasks:
            tasks[progress.stage] = bars.add_task(progress.stage, total=progress.total, message="")
        bars.update(
            tasks[progress.stage],
            completed=progress.done,
            total=progress.total,
            message=progress.message[:60],
        )

    with bars:
        yield update


def _plain_lines() -> OnProgress:
    said: dict[str, int] = {}

    def update(progress: StageProgress) -> None:
        quarter = QUARTERS * progress.done // max(progress.total, 1)
        if said.get(progress.stage) != quarter:
            said[progress.stage] = quarter
            message = f" {progress.message}" if progress.message else ""
            sys.stderr.write(f"{progress.stage}: {progress.done}/{progress.total}{message}\n")
            sys.stderr.flush()

    return update


def forecast_line(forecast: Forecast) -> str:
    """One line that says what a stage will ask for if nothing is there yet."""
    tokens = forecast.prompt_tokens + forecast.completion_tokens
    cost = f", ${forecast.cost:.2f}" if forecast.cost else ""
    cost = cost if forecast.priced else ", price unknown"
    return (
        f"forecast: {forecast.stage}: up to about {forecast.completions:,} completions, "
        f"{tokens:,} tokens{cost}, {duration(forecast.seconds)}"
    )


def stage_line(report: StageReport) -> str:
    """One line that says what a stage did, what it cost and how long it took."""
    parts = [f"{report.made} made"]
    if report.present:
        parts.append(f"{report.present} already there")
    if report.failed:
        parts.append(f"{report.failed} failed")
    if report.usage.completions:
        tokens = report.usage.prompt_tokens + report.usage.completion_tokens
        parts.append(f"{report.usage.completions} completions, {tokens:,} tokens")
    if report.usage.cost:
        parts.append(f"${report.usage.cost:.4f}")
    line = f"{report.stage:<10} {', '.join(parts)}, {duration(report.seconds)}"
    return "\n".join([line, *(f"{'':<10} {note}" for note in report.notes)])


def duration(seconds: float) -> str:
    """`7 s`, `3 min 20 s`, `1 h 02 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def evaluation_tables(reports: Sequence[EvaluationReport]) -> None:
    """Print each report as a table, with what the comparison says in words."""
    from distiller.evaluate.table import table

    console = Console()
    for report in reports:
        console.print(table(report))


def validation_table(summary: ValidationSummary) -> None:
    """Print how many of what was checked failed, and what the queries cover."""
    from distiller.quality import MEASURES

    table = Table("check", "what fails it", "harm", "checked", "failed", title="Validation")
    for name, check in summary.checks.items():
        numbers = f"{check.checked:,}", f"{check.failed:,}"
        table.add_row(name.replace("_", " "), check.title, check.severity, *numbers)
    console = Console()
    console.print(table)
    known = {name: value for name, value in summary.measures.items() if value is not None}
    figures = Table("coverage and variety", "", title="The queries as a whole")
    for name, value in known.items():
        figures.add_row(MEASURES[name], f"{value:.2f}")
    console.print(figures)
    if summary.uncovered:
        more = len(summary.uncovered) - SHOWN_CONCEPTS
        names = ", ".join(summary.uncovered[:SHOWN_CONCEPTS])
        console.print(
            f"no query is about: {names}{f' and {more:,} more' if more > 0 else ''}", markup=False
        )
    console.print(
        f"{summary.passed} of {summary.examples} examples passed every check that an example "
        "has to pass"
    )


def fixes_table(planned: Planned) -> None:
    """Print what would be mended, and how."""
    table = Table("check", "text", "what was found", "what would be done", title="Repairs")
    for fix in planned.fixes[:SHOWN_FIXES]:
        name = fix.finding.check.replace("_", " ")
        table.add_row(name, escape(fix.old[:80]), escape(fix.finding.reason), escape(fix.words))
    console = Console()
    console.print(table)
    console.print(f"{len(planned.fixes):,} repairs")
    for reason, count in planned.skipped.items():
        console.print(f"{count:,} findings left: {reason}")


def status_table(
    project: Project,
    counts: Mapping[str, Mapping[str, int]],
    usage: Usage,
    failures: Sequence[Failure],
    documents: Sequence[Document] = (),
    frozen: Sequence[DatasetSnapshot] = (),
) -> None:
    """Print what a project holds and what it has cost."""
    table = Table("kind", *(status.value for status in Status), title=project.domain.name)
    for kind, by_status in counts.items():
        table.add_row(
            kind.replace("_", " "), *(f"{by_status.get(status, 0):,}" for status in Status)
        )
    console = Console()
    console.print(table)
    console.print(
        f"{usage.completions:,} completions, {usage.prompt_tokens:,} prompt and "
        f"{usage.completion_tokens:,} completion tokens, ${usage.cost:.4f}"
    )
    if documents:
        console.print(f"{len(documents):,} documents of the team")
    for snapshot in frozen:
        size = snapshot.counts
        console.print(
            f"frozen {snapshot.created:%Y-%m-%d %H:%M} UTC: {size.get('train', 0):,} queries to "
            f"train, {size.get('val', 0):,} dev and {size.get('test', 0):,} test queries, "
            f"{snapshot.ranked_among}"
        )
    for document in documents:
        if document.problem:
            console.print(f"not read: {document.name}: {document.problem}", markup=False)
    for failure in failures:
        console.print(f"failed: {failure.stage} {failure.key}: {failure.reason}", markup=False)


def explanation_table(found: Explanation) -> None:
    """Print the query's terms, then each hit with what its score is made of."""
    console = Console()
    console.print(f"{found.model} reads: " + "  ".join(_term(t) for t in found.terms[:SHOWN_TERMS]))
    for rank, hit in enumerate(found.hits, 1):
        console.print(f"\n[bold]{rank}. {escape(hit.passage_id)}[/bold]  {hit.score:.2f}")
        console.print(hit.text[:SHOWN_CHARACTERS], markup=False)
        console.print("  ".join(_match(match) for match in hit.matches[:SHOWN_TERMS]))
    console.print("\n[dim]+term: the model added it to what was typed[/dim]")


def _term(term: QueryTerm) -> str:
    return f"{'' if term.typed else '+'}{escape(term.term)} {term.weight:.2f}"


def _match(match: Match) -> str:
    return f"{'' if match.typed else '+'}{escape(match.term)} {match.contribution:.2f}"
