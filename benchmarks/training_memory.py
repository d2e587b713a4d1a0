"""What a dataset takes in memory before the first step of a training, by part.

    python benchmarks/training_memory.py [--queries 20000] [--negatives 3] [--characters 600]

Made-up texts, each other than all others. Resident memory (Linux) is read after each part, and what
it has grown by is divided by the queries. The parts are what `distiller.train` makes of a dataset.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from importlib.metadata import version
from pathlib import Path

from distiller.schema.dataset import Example, LabelledPassage
from distiller.train.columns import on_disk
from distiller.train.rows import training_rows
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--negatives", type=int, default=3)
    parser.add_argument("--characters", type=int, default=600)
    options = parser.parse_args()
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
