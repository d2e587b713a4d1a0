"""How fast near-duplicates are found, and whether all that were planted are.

    python benchmarks/duplicates.py [--queries 100000] [--passages 100000] [--repeats 3]

Queries are words of the example project in seeded orders, passages its sentences mixed; one in
fifty is a copy of another with one word changed. Times are wall clock, the median of the repeats;
peak memory is the process's. Compared with it: datasketch used plainly, one text at a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from datasketch import MinHash, MinHashLSH

from distiller.dataset import read
from distiller.quality.duplicates import PASSAGE_SHINGLE, near_duplicates, near_queries, shared
from distiller.quality.texts import words

EXAMPLE = Path(__file__).parent.parent / "examples" / "tenancy" / "dataset.json"
ONE_IN = 50


def texts(kind: str, count: int, chance: random.Random) -> tuple[dict[str, str], set[str]]:
    """Texts by key, and the keys of those that copy another one."""
    examples = read(EXAMPLE)
    if kind == "query":
        parts = sorted({word for e in examples for word in words(e.query)})
        size = (6, 12)
        numbers = 9_000
    else:
        passages = [p.text for e in examples for p in [*e.positives, *e.negatives]]
        parts = sorted({s.strip() for text in passages for s in text.split(". ") if len(s) > 30})
        size = (3, 6)
        numbers = 1_000_000
    made: dict[str, str] = {}
    copies: set[str] = set()
    for number in range(count):
        if number % ONE_IN == ONE_IN - 1:
            copied = made[f"{chance.randrange(number - ONE_IN + 1, number):07}"].split()
            at = chance.randrange(len(copied))
            if kind == "query":
                copied.insert(at, "the")
            else:
                copied[at] = "altered"
            made[f"{number:07}"] = " ".join(copied)
            copies.add(f"{number:07}")
            continue
        chosen = chance.choices(parts, k=chance.randint(*size))
        joint = " " if kind == "query" else ". "
        made[f"{number:07}"] = joint.join(chosen) + f" {chance.randrange(numbers)}"
    return made, copies


def plainly(given: dict[str, str]) -> int:
    """Datasketch as its documentation shows it; returns the pairs that it proposes."""
    index = MinHashLSH(threshold=0.8, num_perm=128)
    pairs = 0
    for key, text in given.items():
        sketch = MinHash(num_perm=128)
        for word in set(words(text)):
            sketch.update(word.encode())
        pairs += len(index.query(sketch))
        index.insert(key, sketch)
    return pairs


def timed(run: Callable[[], object], repeats: int) -> tuple[float, object]:
    times, result = [], None
    for _ in range(repeats):
        begun = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    chance = random.Random(13)
    queries, same_queries = texts("query", options.queries, chance)
    passages, same_passages = texts("passage", options.passages, chance)
    print(f"Python {platform.python_version()}, datasketch {version('datasketch')}, ", end="")
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f} at the start\n")
    print("| What | Texts | Seconds | Copies found | Other pairs |")
    print("|---|---|---|---|---|")

    def row(
        name: str, count: int, run: Callable[[], list[tuple[str, ...]]], same: set[str]
    ) -> None:
        seconds, pairs = timed(run, options.repeats)
        assert isinstance(pairs, list)
        found = {key for pair in pairs for key in pair[:2]} & same
        others = sum(not same & set(pair[:2]) for pair in pairs)
        print(f"| {name} | {count:,} | {seconds:.1f} | {len(found) / len(same):.1%} | {others:,} |")

    row("queries, by stems", len(queries), lambda: near_queries(queries, "en"), same_queries)
    row(
        "passages, by runs of three words",
        len(passages),
        lambda: near_duplicates(passages, PASSAGE_SHINGLE),
        same_passages,
    )
    tests = {f"t{key}": text for key, text in list(passages.items())[: len(passages) // 10]}
    seconds, found = timed(lambda: shared(passages, tests, PASSAGE_SHINGLE), 1)
    assert isinstance(found, dict)
    print(
        f"| passages against a collection of a tenth | {len(passages):,} | {seconds:.1f} ", end=""
    )
    print(f"| {sum(key in found for key in list(passages)[: len(tests)]) / len(tests):.1%} | |")
    seconds, pairs = timed(lambda: plainly(queries), 1)
    print(f"| queries, datasketch used plainly | {len(queries):,} | {seconds:.1f} | | {pairs:,} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"\nPeak memory {peak:.1f} GiB, load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
