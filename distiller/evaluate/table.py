"""A report in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from distiller.evaluate.measures import MEASURES
from distiller.evaluate.reading import with_short_names
from distiller.evaluate.report import in_words
from distiller.schema.retrieval import EvaluationReport, SystemResult


def table(report: EvaluationReport) -> Group:
    """Systems as rows, nDCG with its 95 % interval, then comparisons and notes as sentences.

    The best value of each measure of quality is bold. A model folder is called by its last part.
    """
    report = with_short_names(report)
    grid = Table(
        title=Text(
            f"{report.collection}: {report.queries:,} queries, {report.passages:,} passages"
        ),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    grid.add_column("model", overflow="fold", min_width=12)
    for measure in MEASURES:
        grid.add_column(measure.name.replace("@", "\n@"), justify="right", no_wrap=True)
    for heading in ("flops", "query\ndims", "passage\ndims"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for result in report.systems:
        grid.add_row(
            Text(result.name),
            *(_cell(report, result, measure.name) for measure in MEASURES),
            _number(result.flops, 2),
            _number(result.query_dims, 0),
            _number(result.passage_dims, 0),
        )
    sentences = [Text(in_words(comparison)) for comparison in report.comparisons]
    notes = [Text(f"Note: {note}", style="dim") for note in report.notes]
    return Group(grid, *sentences, *notes)


def _cell(report: EvaluationReport, result: SystemResult, name: str) -> Text:
    value = result.measures.get(name)
    cell = Text(_number(value, 3))
    known = [v for system in report.systems if (v := system.measures.get(name)) is not None]
    if len(known) > 1 and value == max(known) and name != "judged@10":
        cell.stylize("bold")
    bounds = result.intervals.get(name)
    if bounds and name == MEASURES[0].name:
        cell.append(f"\n{bounds.low:.3f}–{bounds.high:.3f}", style="not bold dim")
    return cell


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
