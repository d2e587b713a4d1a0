"""The kept results of `grounded_study.py`, and the page that is made of them."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from distiller.evaluate.significance import compare, corrected, interval
from distiller.schema.base import Record
from distiller.schema.retrieval import Comparison, Interval, SystemResult

MEASURES = ("ndcg@10", "recall@100")
BM25, START = "bm25", "tiny"
WORDS = "words"
"""The variant that adds to no other."""


class Cell(Record):
    """One variant of one collection with one seed, as measured."""

    collection: str
    variant: str
    seed: int
    measures: dict[str, float | None]
    intervals: dict[str, Interval]
    per_query: dict[str, dict[str, float]]
    query_dims: float | None = None
    passage_dims: float | None = None
    details: dict[str, Any]

    @classmethod
    def of(
        cls, collection: str, variant: str, seed: int, found: SystemResult, details: dict[str, Any]
    ) -> Cell:
        return cls(
            collection=collection,
            variant=variant,
            seed=seed,
            measures={name: found.measures.get(name) for name in MEASURES},
            intervals={name: found.intervals[name] for name in MEASURES},
            per_query={name: found.per_query[name] for name in MEASURES},
            query_dims=found.query_dims,
            passage_dims=found.passage_dims,
            details=details,
        )

    def save(self, path: Path) -> None:
        """Whole or not at all, so that a run that was killed leaves no half result."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        draft.replace(path)


def cells_in(work: Path) -> list[Cell]:
    return [
        Cell.model_validate_json(path.read_text(encoding="utf-8"))
        for path in sorted((work / "cells").glob("*.json"))
    ]


class Results:
    """Cells by collection and variant; several seeds are averaged query by query."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        for cell in cells:
            self.cells[cell.collection, cell.variant].append(cell)

    def per_query(self, collection: str, variant: str, measure: str) -> dict[str, float]:
        """query_id → mean over the seeds; empty where nothing was measured."""
        found = [cell.per_query[measure] for cell in self.cells[collection, variant]]
        return {id_: mean(values[id_] for values in found) for id_ in (found[0] if found else {})}

    def compared(
        self, collections: Sequence[str], baseline: str, other: str, measure: str
    ) -> dict[str, Comparison]:
        """Per collection where both were measured, Holm-corrected over these."""
        found = {}
        for name in collections:
            first = self.per_query(name, baseline, measure)
            second = self.per_query(name, other, measure)
            if first and second:
                found[name] = compare(baseline, other, measure, (first, second))
        return dict(zip(found, corrected(list(found.values())), strict=True))


WRITTEN = "## What it says"
"""Heading from which on a report is written by hand."""


def write_report(
    cells: Sequence[Cell],
    collections: Sequence[str],
    variants: Sequence[str],
    problems: Mapping[tuple[str, str], str],
    options: argparse.Namespace,
) -> None:
    results = Results(cells)
    columns = [BM25, START, *variants]
    lines = [*_head(options)]
    for measure in MEASURES:
        lines += ["", f"## {measure}", "", *_values(results, collections, columns, measure)]
    lines += ["", "## What each part earned", "", *_earned(results, collections, variants)]
    lines += ["", "## Against the targets", "", *_targets(results, collections, variants)]
    lines += ["", "## The data and the models", "", *_data(results, collections, variants)]
    lines += ["", "## Missing", "", *_missing(results, collections, columns, problems, options)]
    lines += _conclusions(options.output)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _conclusions(report: Path) -> list[str]:
    """What people wrote below the tables of an earlier run; it is theirs to keep true."""
    before = report.read_text(encoding="utf-8") if report.exists() else ""
    return ["", before[before.index(WRITTEN) :].rstrip()] if WRITTEN in before else []


def _head(options: argparse.Namespace) -> list[str]:
    seeds = " and ".join(map(str, options.seed))
    return [
        "# What documents, mined negatives, teachers and repair are worth",
        "",
        "Each collection is used as a corpus, without its queries and qrels: queries are written "
        "by the packaged 1.5B language model, the start model is tuned on them, and the "
        "collection's human queries and judgments measure the result. "
        f"Up to {options.queries} queries from documents ({options.words_queries} from words), "
        f"preset {options.preset}, split and training seeds {seeds} on the same generated data. "
        "`bm25` and `tiny`, the start model, are not trained; `words` knows only a line about the "
        "field; `grounded` has queries written from passages and no negatives but those of the "
        "batch; each column after it adds one part, `+met` that the start model meets the corpus "
        "before it is trained ([decision 27](../decisions/0027-meeting-the-corpus.md)).",
        "",
        "```",
        "python benchmarks/grounded_study.py COLLECTIONS_DIR --work DIR",
        "```",
        "",
        "Values are means over queries and seeds, with 95 % bootstrap intervals over queries. "
        "Differences are paired by query, in points (hundredths); verdicts by randomization test, "
        "Holm-corrected over the collections of a line. Fewer than 50 queries are never "
        "conclusive.",
    ]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _header(names: Sequence[str]) -> list[str]:
    return [_row(names), "|" + "---|" * len(names)]


def _values(
    results: Results, collections: Sequence[str], columns: Sequence[str], measure: str
) -> list[str]:
    lines = _header(["collection", *columns])
    for name in collections:
        lines.append(
            _row([name, *(_value(results, name, variant, measure) for variant in columns)])
        )
    means = []
    for variant in columns:
        found = [results.per_query(name, variant, measure) for name in collections]
        whole = all(found)
        means.append(f"{mean(mean(v.values()) for v in found):.3f}" if whole else "–")
    return [*lines, _row(["mean", *means])]


def _value(results: Results, name: str, variant: str, measure: str) -> str:
    values = results.per_query(name, variant, measure)
    bounds = interval(list(values.values()))
    return f"{bounds.value:.3f} ({bounds.low:.3f}–{bounds.high:.3f})" if bounds else "–"


def _steps(variants: Sequence[str]) -> list[tuple[str, str]]:
    """What is compared to tell what each part earned: each variant with the one before it."""
    chain = [START, *(name for name in variants if name != WORDS)]
    return [*([(START, WORDS)] if WORDS in variants else []), *pairwise(chain)]


def _earned(results: Results, collections: Sequence[str], variants: Sequence[str]) -> list[str]:
    lines = _header(["from", "to", *collections, "mean"])
    for baseline, other in _steps(variants):
        found = results.compared(collections, baseline, other, MEASURES[0])
        cells = [_difference(found[name]) if name in found else "–" for name in collections]
        whole = len(found) == len(collections)
        average = mean(c.difference.value for c in found.values()) if whole else None
        cells.append(f"{100 * average:+.1f}" if average is not None else "–")
        lines.append(_row([baseline, other, *cells]))
    return lines


def _difference(found: Comparison) -> str:
    low, high = 100 * found.difference.low, 100 * found.difference.high
    return f"{100 * found.difference.value:+.1f} ({low:+.1f} to {high:+.1f}), {found.verdict}"


def _targets(results: Results, collections: Sequence[str], variants: Sequence[str]) -> list[str]:
    """What the study was asked: points over the start model, and losses against BM25 or it."""
    lines = _header(
        ["variant", "mean points over the start model", "worse than it on", "worse than BM25 on"]
    )
    for variant in variants:
        over = results.compared(collections, START, variant, MEASURES[0])
        bm25 = results.compared(collections, BM25, variant, MEASURES[0])
        if not over:
            continue
        points = f"{100 * mean(c.difference.value for c in over.values()):+.1f}"
        if len(over) < len(collections):
            points += f" (of {len(over)} collections)"
        lines.append(_row([variant, points, _worse(over), _worse(bm25)]))
    return lines


def _worse(found: Mapping[str, Comparison]) -> str:
    return ", ".join(name for name, c in found.items() if c.verdict == "worse") or "none"


def _data(results: Results, collections: Sequence[str], variants: Sequence[str]) -> list[str]:
    lines = _header(
        [
            "collection",
            "variant",
            "train / val / test queries",
            "passages",
            "query / passage dims",
            "promoted",
        ]
    )
    for name in collections:
        for variant in variants:
            found = results.cells[name, variant]
            if not found:
                continue
            counts = found[0].details.get("counts", {})
            sizes = " / ".join(str(counts.get(part, 0)) for part in ("train", "val", "test"))
            dims = [mean(cell.query_dims or 0 for cell in found)]
            dims.append(mean(cell.passage_dims or 0 for cell in found))
            shown = " / ".join(f"{value:.0f}" for value in dims)
            promoted = sum(bool(cell.details.get("promoted")) for cell in found)
            passages = str(counts.get("passages", 0))
            lines.append(
                _row([name, variant, sizes, passages, shown, f"{promoted} of {len(found)}"])
            )
    return lines


def _missing(
    results: Results,
    collections: Sequence[str],
    columns: Sequence[str],
    problems: Mapping[tuple[str, str], str],
    options: argparse.Namespace,
) -> list[str]:
    lines = []
    for name in collections:
        for variant in columns:
            wanted = 1 if variant in (BM25, START) else len(options.seed)
            have = len(results.cells[name, variant])
            if have < wanted:
                why = problems.get((name, variant)) or problems.get((name, "all"))
                lines.append(
                    f"- {name}, {variant}: {have} of {wanted} measured; {why or 'not run yet'}."
                )
    return lines or ["Nothing: every variant was measured on every collection with every seed."]
