"""What a dataset takes in memory before the first step of a training, by part.

    python benchmarks/training_memory.py [--queries 20000] [--negatives 3] [--characters 600]
    python benchmarks/training_memory.py --peaks 5000 20000 50000 200000 [--most-read 50000]

Made-up texts, each other than all others. Resident memory (Linux) is read after each part, and what
it has grown by is divided by the queries. The parts are what `distiller.train` makes of a dataset.

With `--peaks`, a Parquet file of so many queries is made, and all that a training makes of it
before its first step, in a process of its own: read into memory, and mapped. The peak is of memory
that belongs to the process alone; pages of a mapped file are the system's to take back.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

from distiller.dataset.formats.parquet import write_parquet
from distiller.dataset.large import large_snapshot
from distiller.schema.dataset import Example, LabelledPassage
from distiller.train.batches import LengthBuckets
from distiller.train.columns import on_disk
from distiller.train.files import snapshot_of_files
from distiller.train.mapped import MappedRows
from distiller.train.rows import dev_set, each_row, training_rows
from distiller.train.supervision import supervision

PAGE = 4096


def resident() -> float:
    """Memory of this process, in KB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1000


def example(number: int, negatives: int, characters: int, chance: random.Random) -> Example:
    def passage(part: int, grade: int) -> LabelledPassage:
        text = f"{number} {part} " + "".join(chance.choices("abcdefgh ", k=characters))
        return LabelledPassage(passage_id=f"{number}-{part}", text=text, grade=grade, score=0.5)

    return Example(
        query_id=str(number),
        query=f"{number} " + "".join(chance.choices("abcdefgh ", k=50)),
        positives=[passage(0, 3)],
        negatives=[passage(part + 1, 0) for part in range(negatives)],
    )


def own_memory() -> float:
    """Memory that is this process's alone, in MB."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1000


class Peak:
    """The most that this process alone had from here on, in MB."""

    def __init__(self) -> None:
        self.megabytes = self.start = own_memory()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.megabytes = max(self.megabytes, own_memory())
            time.sleep(0.02)


def prepare(way: str, file: Path, negatives: int) -> None:
    """All that a training makes of a dataset before its first step; prints peak and seconds."""
    peak, begin = Peak(), time.monotonic()
    with tempfile.TemporaryDirectory(dir=file.parent) as name:
        folder = Path(name)
        if way == "read":
            snapshot = snapshot_of_files(file, seed=1)
            rows = training_rows(snapshot.examples, negatives, seed=1)
        else:
            snapshot = large_snapshot(file, None, folder, seed=1)
            each = each_row(snapshot.examples, negatives, seed=1)
            rows = MappedRows.write(each, folder / "rows.arrow")
        dev = dev_set(snapshot)
        known = supervision(rows)
        columns = on_disk(rows, [], folder / "columns.arrow")
        lengths = [len(row.positive) for row in rows]
        batches = len(list(LengthBuckets(known, lengths, batch_size=32, seed=1)))
        assert len(columns) == len(rows)
        assert dev.qrels
        spent = time.monotonic() - begin
    print(f"{peak.megabytes - peak.start:.0f} {spent:.0f} {snapshot.content_hash[:12]} {batches}")


def peaks(options: argparse.Namespace) -> None:
    """A table of peaks by number of queries."""
    print("| queries | texts, MB | read: peak, MB | s | mapped: peak, MB | s |")
    print("|---|---|---|---|---|---|")
    for count in options.peaks:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "data.parquet"
            write_parquet(marked(count, options), [], file)
            found = {}
            for way in ("read", "mapped"):
                if way == "mapped" or count <= options.most_read:
                    command = [sys.executable, __file__, "--prepare", way, str(file)]
                    command += ["--negatives", str(options.negatives)]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    found[way] = done.stdout.split()
        assert len({tuple(told[2:]) for told in found.values()}) == 1  # the same data and batches
        texts = count * (60 + (1 + options.negatives) * (options.characters + 10)) / 1e6
        read = found.get("read", ["not tried", "", ""])
        mapped = found["mapped"]
        print(f"| {count:,} | {texts:.0f} | {read[0]} | {read[1]} | {mapped[0]} | {mapped[1]} |")


def marked(count: int, options: argparse.Namespace):
    """Examples one after the other, a tenth of them held out, at most 2,000."""
    chance = random.Random(1)
    for number in range(count):
        one = example(number, options.negatives, options.characters, chance)
        held_out = number % 10 == 0 and number < 20_000
        yield one.model_copy(update={"split": "val" if held_out else "train"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--negatives", type=int, default=3)
    parser.add_argument("--characters", type=int, default=600)
    parser.add_argument("--peaks", type=int, nargs="+", metavar="QUERIES")
    parser.add_argument("--most-read", type=int, default=50_000)
    parser.add_argument("--prepare", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare[0], Path(options.prepare[1]), options.negatives)
        return
    if options.peaks:
        peaks(options)
        return
    chance = random.Random(1)
    print(f"datasets {version('datasets')}, torch {version('torch')}")
    print("| part | KB per query |\n|---|---|")
    seen = [resident()]

    def tell(part: str) -> None:
        seen.append(resident())
        print(f"| {part} | {(seen[-1] - seen[-2]) / options.queries:.1f} |")

    texts = (50 + (1 + options.negatives) * options.characters) / 1000
    print(f"| the texts themselves | {texts:.1f} |")
    examples = [
        example(number, options.negatives, options.characters, chance)
        for number in range(options.queries)
    ]
    tell("examples of the snapshot (first process only)")
    rows = training_rows(examples, options.negatives, seed=1)
    tell("training rows")
    known = supervision(rows)
    tell("numbers, weights and teacher scores")
    with tempfile.TemporaryDirectory() as folder:
        columns = on_disk(rows, [], Path(folder) / "rows.arrow")
        tell("columns that the trainer reads, on disk")
        assert len(columns) == len(known.queries)


if __name__ == "__main__":
    main()
