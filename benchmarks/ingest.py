"""What reading a corpus costs: seconds and peak memory, by number of passages.

Writes a BEIR corpus of made-up passages (120 words, drawn from 50,000 by Zipf's law, a tenth of
them near-duplicates of earlier ones) and a folder of Markdown files, reads each into a fresh
project in a process of its own, then reads it again, then one more file. Prints a table; memory is
the process's peak resident size, that of a process which has only imported the same modules first.

    python benchmarks/ingest.py [--passages 10000 100000] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from distiller.corpus.ingest import ingest
from distiller.schema.domain import Domain
from distiller.store import Store

WORDS, VOCABULARY, SEED = 120, 50_000, 13
PER_FILE = 40


def passages(count: int) -> list[str]:
    """Made-up passages, each tenth one an earlier one with two words replaced."""
    random = np.random.default_rng(SEED)
    ranks = np.minimum(random.zipf(1.2, size=(count, WORDS)), VOCABULARY)
    for at in range(10, count, 10):
        ranks[at] = ranks[random.integers(at)]
        ranks[at, random.integers(WORDS, size=2)] = VOCABULARY + 1
    return [" ".join(f"w{rank}" for rank in row) + "." for row in ranks]


def write_beir(folder: Path, count: int) -> Path:
    path = folder / "corpus.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for at, text in enumerate(passages(count)):
            file.write(json.dumps({"_id": str(at), "title": f"Title {at}", "text": text}) + "\n")
    return path


def write_markdown(folder: Path, count: int) -> Path:
    inside = folder / "markdown"
    inside.mkdir()
    texts = passages(count)
    for start in range(0, count, PER_FILE):
        parts = [
            f"## Section {at}\n\n{texts[at]}" for at in range(start, min(start + PER_FILE, count))
        ]
        (inside / f"{start:06d}.md").write_text(f"# File {start}\n\n" + "\n\n".join(parts))
    return inside


def peak_mb() -> float:
    # Not ru_maxrss, which a new process takes over from the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def measured(path: Path | None, database: str, told: Any) -> None:
    """Read a path into the project of a database, in this process."""
    if path is None:
        told.send({"peak_mb": peak_mb()})
        return
    with Store.open(database) as store:
        project = (
            store.projects()[0] if store.projects() else store.create_project(Domain(name="b"))
        )
        started = time.perf_counter()
        kept = Path(database.removeprefix("sqlite:///")).parent / "signatures.npz"
        report = ingest(store, project, [path], signatures=kept)
        seconds = time.perf_counter() - started
    told.send(
        {"seconds": seconds, "made": report.made, "present": report.present, "peak_mb": peak_mb()}
    )


def apart(path: Path | None, database: str) -> dict[str, float]:
    """`measured` in a process of its own, so that its peak is its own."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=measured, args=(path, database, theirs))
    process.start()
    found: dict[str, float] = mine.recv()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--passages", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [{"what": "imports only", **apart(None, "")}]
    for count in arguments.passages:
        for kind, write in (("BEIR", write_beir), ("Markdown", write_markdown)):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                path, database = write(folder, count), f"sqlite:///{folder / 'distiller.db'}"
                rows += [
                    {"what": f"{kind} {count:,}, {turn}", **apart(path, database)}
                    for turn in ("first", "again")
                ]
                more = folder / "more.md"
                more.write_text("# More\n\n" + "One more clause of the lease. " * 30)
                rows.append({"what": f"{kind} {count:,}, one more file", **apart(more, database)})
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| what | passages made | already there | seconds | peak memory, MB |")
    print("|---|---|---|---|---|")
    for row in rows:
        made, present = row.get("made", 0), row.get("present", 0)
        print(
            f"| {row['what']} | {made:,} | {present:,} | {row.get('seconds', 0):.1f} "
            f"| {row['peak_mb']:.0f} |"
        )


if __name__ == "__main__":
    main()
