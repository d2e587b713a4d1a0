"""BM25 and the packaged start model on human-judged collections, before any training.

python benchmarks/start_models.py COLLECTIONS_DIR [--json FILE] [--system NAME]…
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import platformdirs
from rich.console import Console

from distiller.evaluate import evaluate, load, systems, to_json
from distiller.evaluate.table import table
from distiller.schema.retrieval import Comparison


def measured(folder: Path, names: list[str], cache_dir: Path) -> dict[str, Any]:
    """One collection's report as JSON, with the seconds of each part."""
    started = time.perf_counter()
    collection = load(folder)
    loaded = time.perf_counter()
    retrievers = systems(names, collection, cache_dir)
    indexed = time.perf_counter()
    report = evaluate(retrievers, collection, baseline=names[0])
    Console(width=100, stderr=True).print(table(report))
    return {
        **to_json(report),
        "language": collection.language,
        "load_s": loaded - started,
        "index_s": indexed - loaded,
        "evaluate_s": time.perf_counter() - indexed,
    }


def rows(report: dict[str, Any]) -> list[str]:
    """Lines of a Markdown table, one per system."""
    verdicts = {c["other"]: Comparison.model_validate(c) for c in report["comparisons"]}
    lines = []
    for name, found in report["models"].items():
        bounds = found["intervals"]["ndcg@10"]
        cells = [
            report["collection"],
            name,
            f"{found['ndcg@10']:.3f} ({bounds['low']:.3f}–{bounds['high']:.3f})",
            *(f"{found[measure]:.3f}" for measure in ("recall@100", "mrr@10", "map", "judged@10")),
            *(
                "–" if found[cost] is None else f"{found[cost]:.{digits}f}"
                for cost, digits in (("flops", 2), ("query_dims", 0), ("passage_dims", 0))
            ),
            against(verdicts.get(name)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def against(comparison: Comparison | None) -> str:
    """A cell: the difference in points with its interval, how sure that is, and the verdict."""
    if comparison is None:
        return "–"
    points = comparison.difference
    value, low, high = (f"{100 * part:+.1f}" for part in (points.value, points.low, points.high))
    return f"{value} ({low} to {high}), p {comparison.p_value:.3f}, {comparison.verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of collection folders")
    parser.add_argument("--json", type=Path, help="write the reports here")
    parser.add_argument("--system", action="append", help="the first is the baseline")
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.folder.glob("*/queries.jsonl*"))
    if not folders:
        sys.exit(f"no collection in {options.folder}")
    names = options.system or ["bm25", "tiny", "bm25+tiny"]
    cache_dir = Path(
        os.environ.get("DISTILLER_CACHE_DIR") or platformdirs.user_cache_path("domain-distiller")
    )
    reports = [measured(folder, names, cache_dir) for folder in folders]
    print(
        "| collection | system | ndcg@10 (95 %) | recall@100 | mrr@10 | map | judged@10 "
        "| flops | query dims | passage dims | ndcg@10 points against the first (95 %) |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for report in reports:
        print("\n".join(rows(report)))
    if options.json:
        options.json.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
