"""How many mined negatives are false: each rule of choice, on human-judged collections.

Each collection's passages become a project's corpus, each judged query a query with one known
positive: the judged passage of the highest grade. Four negatives are mined for each, by the four
best-ranked others ("naive"), and by `distiller mine` with several margins. A mined negative that
people judged relevant is false. Prints the share of false ones, how many negatives there are per
query, and how hard they are: their mean share of the positive's score.

    python benchmarks/mining.py COLLECTION… [--with bm25 --with tiny] [--json]
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from distiller.corpus.index import CorpusIndex, corpus_texts
from distiller.corpus.mining import Mining, mine
from distiller.corpus.searches import open_searches
from distiller.evaluate import load
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, Origin, Passage, Query, Strategy
from distiller.schema.retrieval import Collection, Retriever
from distiller.settings import Settings
from distiller.store import Store

NEGATIVES = 4
MARGINS = (1.0, 0.95, 0.9, 0.8)
RULES = {
    False: [(margin, True) for margin in MARGINS],
    True: [(0.95, False), *((margin, True) for margin in MARGINS)],
}
"""Margins, and whether all searches have to agree; by whether there are several searches."""


def fill(store: Store, collection: Collection) -> Project:
    """A project of the collection's passages, and of its queries with one positive each."""
    project = store.create_project(
        Domain(name=collection.name, language=collection.language), name=collection.name
    )
    corpus = {id_: text for id_, text in collection.corpus.items() if text.strip()}
    passages = [Passage(id=id_, text=text, origin=Origin.CORPUS) for id_, text in corpus.items()]
    known = {
        id_: max(sorted(grades), key=lambda one: grades[one])
        for id_, grades in collection.qrels.items()
        if max(grades.values(), default=0) > 0
    }
    known = {id_: positive for id_, positive in known.items() if positive in corpus}
    store.add(project.id, passages)
    store.add(project.id, [Query(id=id_, query=collection.queries[id_]) for id_ in known])
    store.add(
        project.id,
        [
            Judgment(
                id=f"j-{id_}",
                query_id=id_,
                passage_id=positive,
                grade=3,
                strategy=Strategy.POSITIVE,
            )
            for id_, positive in known.items()
        ],
    )
    return project


def naive(
    store: Store, project: Project, search: Retriever, collection: Collection
) -> dict[str, list[tuple[str, float]]]:
    """The best-ranked passages that are not the known positive, with their share of its score."""
    queries = {one.id: one.query for one in store.items(project.id, Query)}
    positives = {one.query_id: one.passage_id for one in store.judgments(project.id)}
    run = search.retrieve(queries, len(collection.corpus))
    return {
        id_: [
            (one, score / ranking[positives[id_]])
            for one, score in ranking.items()
            if one != positives[id_]
        ][:NEGATIVES]
        for id_, ranking in run.items()
        if positives[id_] in ranking
    }


def mined(store: Store, project: Project) -> dict[str, list[tuple[str, float]]]:
    """What is mined now, with its share of the positive's score."""
    found: dict[str, list[tuple[str, float]]] = {}
    for one in store.judgments(project.id):
        if one.strategy is Strategy.MINED and not one.stale:
            share = float(re.search(r", ([\d.]+) of", one.explanation)[1])  # type: ignore[index]
            found.setdefault(one.query_id, []).append((one.passage_id, share))
    return found


def row(
    name: str, search: str, rule: str, queries: int, collection: Collection, found: dict[str, Any]
) -> dict[str, Any]:
    chosen = [(id_, one, share) for id_, ones in found.items() for one, share in ones]
    false = sum(collection.qrels[id_].get(one, 0) > 0 for id_, one, _ in chosen)
    return {
        "collection": name,
        "search": search,
        "rule": rule,
        "per_query": len(chosen) / queries,
        "without": queries - len(found),
        "false": false / len(chosen),
        "share": fmean(share for _, _, share in chosen),
    }


def measure(folder: Path, names: Sequence[str], workspace: Path) -> list[dict[str, Any]]:
    collection = load(folder)
    settings = Settings(workspace=workspace)
    rows = []
    with Store.open(f"sqlite:///{workspace / f'{folder.name}.db'}") as store:
        project = fill(store, collection)
        queries = store.count(project.id, Query)
        texts = corpus_texts(store, project)
        index = CorpusIndex.of(workspace, project)
        searches = open_searches(index, texts, names, settings.cache_dir)
        for search in searches:
            found = naive(store, project, search, collection)
            rows.append(row(folder.name, search.name, "naive", queries, collection, found))
        for group in [[one] for one in searches] + ([searches] if len(searches) > 1 else []):
            called = "+".join(one.name for one in group)
            for margin, agree in RULES[len(group) > 1]:
                mine(
                    store,
                    project,
                    group,
                    texts,
                    mining=Mining(negatives=NEGATIVES, margin=margin, agree=agree),
                )
                found = mined(store, project)
                rows.append(
                    row(
                        folder.name,
                        called,
                        f"margin {margin}{', both' * (agree and len(group) > 1)}",
                        queries,
                        collection,
                        found,
                    )
                )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("collections", type=Path, nargs="+")
    parser.add_argument("--with", dest="names", action="append")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as workspace:
        rows = [
            found
            for folder in arguments.collections
            for found in measure(folder, arguments.names or ["bm25", "tiny"], Path(workspace))
        ]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| collection | search | rule | false | negatives per query | queries without | share |")
    print("|---|---|---|---|---|---|---|")
    for one in rows:
        print(
            f"| {one['collection']} | {one['search']} | {one['rule']} | {one['false']:.1%} "
            f"| {one['per_query']:.2f} | {one['without']} | {one['share']:.2f} |"
        )


if __name__ == "__main__":
    main()
