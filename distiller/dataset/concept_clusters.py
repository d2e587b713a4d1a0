"""Key concepts that are asked about together, as clusters of bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from scipy.cluster.hierarchy import DisjointSet

from distiller.quality.texts import fold

_RELATED_WEIGHT = 2
"""An expert's word that two terms are related counts as much as two queries that name both."""


def concept_clusters(
    queries: Iterable[Sequence[str]], related: Mapping[str, Sequence[str]], cap: int
) -> dict[str, str]:
    """Folded concept → name of its cluster, which is the least of its concepts.

    Concepts are joined by falling number of queries that name both, as long as the joined cluster
    is the first concept of no more than `cap` queries. Without the cap the chain of shared
    concepts would tie most fields into one cluster.

    Args:
        queries: the key concepts of each query.
        related: term → related terms, as the knowledge base knows them.
        cap: most queries of a cluster, unless a single concept has more.
    """
    load: Counter[str] = Counter()
    weights: Counter[tuple[str, str]] = Counter()
    for named in queries:
        terms = list(dict.fromkeys(filter(None, map(fold, named))))
        load.update(terms[:1])
        load.update(dict.fromkeys(terms[1:], 0))
        weights.update(combinations(sorted(terms), 2))
    for term, others in related.items():
        for other in others:
            pair = sorted((fold(term), fold(other)))
            if pair[0] != pair[1] and pair[0] in load and pair[1] in load:
                weights[(pair[0], pair[1])] += _RELATED_WEIGHT
    sets = DisjointSet(load)
    for first, second in sorted(weights, key=lambda pair: (-weights[pair], pair)):
        roots = sets[first], sets[second]
        if roots[0] != roots[1] and load[roots[0]] + load[roots[1]] <= cap:
            sets.merge(first, second)
            load[sets[first]] = sum(load[root] for root in roots)
    return {term: least for group in sets.subsets() for least in [min(group)] for term in group}


def main_cluster(named: Sequence[str], clusters: Mapping[str, str]) -> str | None:
    """The cluster of most of a query's concepts; among equals that of the first. None without any."""
    counts = Counter(clusters[term] for term in map(fold, named) if term in clusters)
    return counts.most_common(1)[0][0] if counts else None
