"""How long it takes, and how much memory, to find what a large corpus is about.

python benchmarks/corpus_outline.py COLLECTIONS_DIR [--passages 100000]

Passages are six sentences in a row of the collections' documents, drawn with a seed; fifty make a
document. Measured are reading and clustering, and the order of the first 10,000 of them.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from distiller.generate.outline import PAGE, outline
from distiller.schema.base import Provenance, SourceSpan
from distiller.schema.examples import Origin, Passage

SOURCES = ("med", "cranfield", "cacm", "liveqa_medquad", "legal_plain_english")


def sentences(folder: Path) -> list[str]:
    found = []
    for name in SOURCES:
        with gzip.open(folder / name / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                parts = json.loads(line)["text"].split(". ")
                found += [sentence for sentence in parts if len(sentence) > 30]
    return found


def pages(told: list[str], count: int) -> Iterator[list[Passage]]:
    draw = random.Random(3)
    for at in range(0, count, PAGE):
        page = []
        for number in range(at, min(count, at + PAGE)):
            first = draw.randrange(len(told) - 6)
            text = ". ".join(told[first : first + 6])
            span = SourceSpan(document=f"d-{number // 50}", start=0, end=len(text))
            page.append(
                Passage(
                    id=f"p-{draw.getrandbits(64):016x}",
                    text=text,
                    origin=Origin.CORPUS,
                    provenance=Provenance(source="corpus", span=span),
                )
            )
        yield page


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("collections", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    chosen = parser.parse_args()
    told = sentences(chosen.collections)
    before, started, used = megabytes(), time.perf_counter(), time.process_time()
    found = outline(pages(told, chosen.passages), "en")
    print(
        f"{chosen.passages:,} passages, {len(found.labels)} clusters: "
        f"{time.process_time() - used:.1f} s of processor, {time.perf_counter() - started:.1f} s, "
        f"{megabytes():.0f} MB at most ({before:.0f} MB before)"
    )
    used = time.process_time()
    count = sum(1 for _ in itertools.islice(found.covering(), 10_000))
    print(f"order of {count:,}: {time.process_time() - used:.2f} s")


if __name__ == "__main__":
    main()
