"""How long the checks take on a large project, and how much memory, where all or little is new.

    python benchmarks/checks.py [--queries 10000] [--passages 40000]

Passages are five sentences of the example project each, as those of documents; queries its words
shuffled, each with one passage that answers and four that do not. Seeded. Measured are a first run,
one after five queries were changed, and one where nothing was: seconds of processor, and the most
memory that the process had until then.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

from distiller.corpus.ranks import KeptRanks
from distiller.dataset import check_project, open_example
from distiller.schema.base import Provenance, SourceSpan
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, Origin, Passage, Query, Strategy
from distiller.schema.knowledge import Concept
from distiller.settings import Settings
from distiller.store import Store

NEGATIVES = 4
AT_ONCE = 2_000
PER_DOCUMENT = 40
CHANGED = 5


def fill(store: Store, queries: int, passages: int) -> Project:
    chance = random.Random(13)
    example = open_example(store)
    words = [query.query.split() for query in store.items(example.id, Query)]
    texts = [passage.text for passage in store.items(example.id, Passage)]
    sentences = [part.strip() for text in texts for part in text.split(". ") if len(part) > 30]
    concepts = store.items(example.id, Concept)
    project = store.create_project(Domain(name="seeded"), name="seeded")
    store.add(project.id, concepts)
    for start in range(0, passages, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, passages))
        store.add(project.id, [_passage(n, sentences, chance) for n in numbers])
    for start in range(0, queries, AT_ONCE):
        items: list[Query | Judgment] = []
        for n in range(start, min(start + AT_ONCE, queries)):
            mixed = chance.choice(words) + chance.choice(words)
            chance.shuffle(mixed)
            about = [concept.term for concept in chance.sample(concepts, 2)]
            items.append(Query(id=f"q{n}", query=f"{' '.join(mixed)} {n}", key_concepts=about))
            chosen = chance.sample(range(passages), 1 + NEGATIVES)
            items += [_judgment(n, place, at) for place, at in enumerate(chosen)]
        store.add(project.id, items)
    return project


def _passage(n: int, sentences: list[str], chance: random.Random) -> Passage:
    text = ". ".join(chance.choices(sentences, k=5)) + f" {chance.randrange(1_000_000)}."
    span = SourceSpan(document=f"d{n // PER_DOCUMENT}", start=0, end=len(text))
    made = Provenance(source="corpus", span=span)
    return Passage(id=f"c{n}", text=text, origin=Origin.CORPUS, provenance=made)


def _judgment(query: int, place: int, passage: int) -> Judgment:
    return Judgment(
        id=f"j{query}-{place}",
        query_id=f"q{query}",
        passage_id=f"c{passage}",
        grade=0 if place else 3,
        strategy=Strategy.MINED if place else Strategy.POSITIVE,
        provenance=Provenance(source="corpus" if place else "model"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--passages", type=int, default=40_000)
    chosen = parser.parse_args()
    print("| Run | Seconds of processor | Findings | Memory, MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(workspace=Path(folder))
        with Store.open(settings.database) as store:
            project = fill(store, chosen.queries, chosen.passages)
            ranker = KeptRanks(settings, project)

            def row(name: str) -> None:
                begun = time.process_time()
                done = check_project(store, project, ranker=ranker)
                used = time.process_time() - begun
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"| {name} | {used:.1f} | {len(done.findings):,} | {peak:,.0f} |", flush=True)

            row("everything is new")
            for query in store.items(project.id, Query, limit=CHANGED):
                changed = query.model_copy(update={"query": f"{query.query} anew"})
                store.edit(changed, who="benchmark", project_id=project.id)
            row(f"{CHANGED} queries were changed")
            row("nothing was changed")


if __name__ == "__main__":
    main()
