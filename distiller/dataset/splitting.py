"""The leak-free split into training, validation and test data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scipy.cluster.hierarchy import DisjointSet

from distiller.dataset.concept_clusters import concept_clusters, main_cluster
from distiller.dataset.texts import digest
from distiller.quality.duplicates import (
    PASSAGE_SHINGLE,
    QUERY_SHINGLE,
    groups,
    near_duplicates,
)
from distiller.quality.texts import fold
from distiller.schema.base import Record
from distiller.schema.dataset import Example, SplitName
from distiller.schema.errors import InputError

FRACTIONS = (0.8, 0.1, 0.1)
ENOUGH_DEV = 30
"""Dev queries that a project of a hundred queries or more gets, at the cost of training queries:
with half of them, chance chooses the checkpoint."""
_FROM = 100
_MOST_DEV = 0.2
_ORDER: dict[SplitName, int] = {"train": 0, "val": 1, "test": 2}


def usual_fractions(queries: int) -> tuple[float, float, float]:
    """80, 10 and 10 percent, or more for dev where a tenth of 100 or more would be few.

    >>> usual_fractions(150)
    (0.7, 0.2, 0.1)
    """
    train, val, test = FRACTIONS
    if queries >= _FROM:
        wanted = round(min(max(val, ENOUGH_DEV / queries), _MOST_DEV), 3)
        train, val = round(train + val - wanted, 3), wanted
    return train, val, test


class Leak(Record):
    """Two texts of different splits that are the same or nearly so."""

    kind: str
    """`query`, `passage` or `document`."""
    first: str
    """Identifier; `second` is of another split."""
    second: str
    splits: tuple[SplitName, SplitName]


def split(
    examples: Iterable[Example],
    *,
    seed: int = 13,
    fractions: Sequence[float] = FRACTIONS,
    related: Mapping[str, Sequence[str]] | None = None,
) -> list[Example]:
    """Assign every example a concept cluster and a split, so that nothing leaks.

    Examples that share a positive, or whose queries or positives are near-duplicates, are never
    parted, nor are those whose positives stand in one document of a team; a document with more
    examples than a split could take is parted into runs of neighbouring passages. Beyond that, queries about the same concepts stay together as far as the fractions
    allow. A hard negative that another split holds too stays where it is a positive, or else where
    it stands most often, so that no text stands in two splits. The result depends on texts,
    concepts, seed and fractions only, not on order or identifiers. There is a validation example
    from two clusters and a test example from three clusters on.

    Args:
        examples: in any order; the order is kept.
        seed: chooses the clusters of each split.
        fractions: of the queries, for training, validation and test; their sum is 1.
        related: term → related terms of the knowledge base.

    Raises:
        InputError: the fractions are not three shares of 1.
    """
    _check_fractions(fractions)
    examples = list(examples)
    if not examples:
        return []
    alike = _passage_groups(examples)
    clusters = _clusters(examples, alike, related or {}, _cap(len(examples), fractions))
    splits = _deal(examples, clusters, seed, fractions)
    assigned = [
        example.model_copy(update={"cluster": cluster, "split": splits[cluster]})
        for example, cluster in zip(examples, clusters, strict=True)
    ]
    return _without_shared_negatives(assigned, alike)


def leaks(examples: Iterable[Example], fractions: Sequence[float] = FRACTIONS) -> list[Leak]:
    """Every query and passage that stands in two splits, also as a near-duplicate.

    A document is one where its positives stand in two splits though one split could hold them.
    """
    examples = list(examples)
    queries: list[_Placed] = []
    passages: list[_Placed] = []
    for example in examples:
        queries.append(_Placed(example.split, example.query_id, example.query))
        passages += [
            _Placed(example.split, passage.passage_id, passage.text)
            for passage in [*example.positives, *example.negatives]
        ]
    found = _crossing("query", queries, QUERY_SHINGLE) + _parted_documents(examples, fractions)
    return found + _crossing("passage", passages, PASSAGE_SHINGLE)


def _parted_documents(examples: Sequence[Example], fractions: Sequence[float]) -> list[Leak]:
    found = []
    for places in _documents(examples).values():
        splits = sorted({examples[at].split for _, at in places}, key=_ORDER.__getitem__)
        if len(splits) > 1 and len(places) <= _cap(len(examples), fractions):
            ids = [
                next(examples[at].query_id for _, at in places if examples[at].split == split)
                for split in splits[:2]
            ]
            found.append(
                Leak(kind="document", first=ids[0], second=ids[1], splits=(splits[0], splits[1]))
            )
    return found


def _documents(examples: Sequence[Example]) -> dict[str, list[tuple[int, int]]]:
    """Document → where in it a positive begins, and the example, each example once."""
    first: dict[str, dict[int, int]] = defaultdict(dict)
    for at, example in enumerate(examples):
        for positive in example.positives:
            if positive.span is not None:
                places = first[positive.span.document]
                places[at] = min(positive.span.start, places.get(at, positive.span.start))
    return {name: sorted((start, at) for at, start in p.items()) for name, p in first.items()}


def _neighbours(examples: Sequence[Example], cap: int) -> Iterable[list[int]]:
    """Examples of one document, or of one run of neighbouring passages of a large one."""
    for places in _documents(examples).values():
        parts = -(-len(places) // cap)
        size = -(-len(places) // parts)
        for start in range(0, len(places), size):
            yield [at for _, at in places[start : start + size]]


class _Placed(NamedTuple):
    split: SplitName
    id: str
    text: str


def _crossing(kind: str, placed: Iterable[_Placed], size: int) -> list[Leak]:
    keyed = {f"{at:09}": text for at, text in enumerate(dict.fromkeys(placed))}
    pairs = set(near_duplicates({key: at.text for key, at in keyed.items()}, size))
    # Near-duplicates come as chains from one text to its likes; follow them to every other split.
    same = DisjointSet(keyed)
    for first, second in pairs:
        same.merge(first, second)
    by_id: dict[str, str] = {}
    for key, at in keyed.items():
        same.merge(key, by_id.setdefault(at.id, key))
    found = {}
    for group in same.subsets():
        members = [keyed[key] for key in sorted(group)]
        for other in members[1:]:
            if other.split != members[0].split:
                splits = members[0].split, other.split
                found[splits, members[0].id, other.id] = Leak(
                    kind=kind, first=members[0].id, second=other.id, splits=splits
                )
    return list(found.values())


def _check_fractions(fractions: Sequence[float]) -> None:
    if len(fractions) != 3 or abs(sum(fractions) - 1) > 1e-6:
        raise InputError(f"fractions {tuple(fractions)} must be three that sum to 1: 0.8, 0.1, 0.1")
    if min(fractions) < 0 or fractions[0] <= 0:
        raise InputError(f"fractions {tuple(fractions)} must leave something for training")


def _cap(count: int, fractions: Sequence[float]) -> int:
    """Most queries of a concept cluster: half the smallest split, so that splits can be filled."""
    return max(1, int(count * min(fraction for fraction in fractions if fraction > 0) / 2))


def _passage_groups(examples: Sequence[Example]) -> dict[str, str]:
    """Text → name of its group of near-duplicates; passages of one identifier are one group."""
    texts: dict[str, str] = {}
    same: DisjointSet[tuple[str, str]] = DisjointSet()
    for example in examples:
        for passage in [*example.positives, *example.negatives]:
            texts[passage.text] = passage.text
            named, worded = ("id", passage.passage_id), ("text", passage.text)
            same.add(named)
            same.add(worded)
            same.merge(named, worded)
    for text, least in groups(texts, PASSAGE_SHINGLE).items():
        same.merge(("text", text), ("text", least))
    return {text: " ".join(same["text", text]) for text in texts}


def _clusters(
    examples: Sequence[Example],
    alike: Mapping[str, str],
    related: Mapping[str, Sequence[str]],
    cap: int,
) -> list[str]:
    """The cluster of each example: its concept cluster, or that of the examples it is tied to."""
    ties: DisjointSet[str | int] = DisjointSet(range(len(examples)))
    by_query = groups({str(at): e.query for at, e in enumerate(examples)}, QUERY_SHINGLE)
    ids: dict[str, int] = {}
    for at, example in enumerate(examples):
        ties.merge(at, int(by_query[str(at)]))
        ties.merge(at, ids.setdefault(example.query_id, at))
        for positive in example.positives:
            group = f"passage {alike[positive.text]}"
            ties.add(group)
            ties.merge(at, group)
    for neighbours in _neighbours(examples, cap):
        for at in neighbours[1:]:
            ties.merge(neighbours[0], at)
    concepts = concept_clusters((example.key_concepts for example in examples), related, cap)
    names = [""] * len(examples)
    for subset in ties.subsets():
        tied = sorted(
            (at for at in subset if isinstance(at, int)), key=lambda at: fold(examples[at].query)
        )
        votes = Counter(main_cluster(examples[at].key_concepts, concepts) for at in tied)
        best = max(votes, key=lambda name: (name is not None, votes[name], name or ""))
        name = best if best is not None else f"query {fold(examples[tied[0]].query)[:80]}"
        for at in tied:
            names[at] = name
    return names


def _deal(
    examples: Sequence[Example], clusters: Sequence[str], seed: int, fractions: Sequence[float]
) -> dict[str, SplitName]:
    """Cluster → split, in an order that the seed and the queries of each cluster decide."""
    queries: dict[str, list[str]] = defaultdict(list)
    for example, cluster in zip(examples, clusters, strict=True):
        queries[cluster].append(fold(example.query))
    keys = {cluster: digest(str(seed), *sorted(asked)) for cluster, asked in queries.items()}
    order = sorted(queries, key=keys.__getitem__)
    chosen = _choose([len(queries[cluster]) for cluster in order], fractions)
    return dict(zip(order, chosen, strict=True))


def _choose(sizes: Sequence[int], fractions: Sequence[float]) -> list[SplitName]:
    """A split for each cluster, given their sizes in the seeded order."""
    chosen: list[SplitName] = ["train"] * len(sizes)
    free = list(range(len(sizes)))
    for part, name in ((1, "val"), (2, "test")):
        if not fractions[part] or len(free) < 2:
            continue
        target = max(1, round(sum(sizes) * fractions[part]))
        picked, filled = [], 0
        for at in free:
            if filled + sizes[at] <= target:
                picked.append(at)
                filled += sizes[at]
        later = 2 if name == "val" and fractions[2] and len(free) > 2 else 1
        picked = picked[: len(free) - later]
        smallest = min((at for at in free if at not in picked), key=sizes.__getitem__)
        overshoot = filled + sizes[smallest] - target
        if not picked or (overshoot < target - filled and len(free) - len(picked) > later):
            picked.append(smallest)
        for at in picked:
            chosen[at] = "val" if name == "val" else "test"
        free = [at for at in free if at not in picked]
    return chosen


def _without_shared_negatives(
    examples: Sequence[Example], alike: Mapping[str, str]
) -> list[Example]:
    """Leave each text to one split: where it is a positive, or else where it stands most often.

    Most often costs the fewest labels; among equals the test data keeps it.
    """
    holders: dict[str, Counter[SplitName]] = defaultdict(Counter)
    owner: dict[str, SplitName] = {}
    for example in examples:
        for passage in example.positives:
            owner[alike[passage.text]] = example.split
        for passage in example.negatives:
            holders[alike[passage.text]][example.split] += 1
    for group, counts in holders.items():
        owner.setdefault(group, max(counts, key=lambda part: (counts[part], _ORDER[part])))
    kept = []
    for example in examples:
        stay = [p for p in example.negatives if owner[alike[p.text]] == example.split]
        update = {"negatives": stay} if len(stay) < len(example.negatives) else {}
        kept.append(example.model_copy(update=update))
    return kept
