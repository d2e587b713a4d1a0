"""Which of many texts say the same in nearly the same words.

MinHash with locality-sensitive hashing proposes pairs (Broder, "On the resemblance and containment
of documents", 1997), the exact Jaccard similarity of their shingles decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from datasketch import MinHash, MinHashLSH
from scipy.cluster.hierarchy import DisjointSet

from distiller.dataset.texts import fold, words

THRESHOLD = 0.8
"""Jaccard similarity of shingles from which two texts are near-duplicates."""

QUERY_SHINGLE = 1
PASSAGE_SHINGLE = 3
"""Words of a shingle: single words for queries, which are short, and threes for passages."""

_PROPOSED_FROM = 0.6
_PERMUTATIONS = 64
_BATCH = 5_000


def shingles(text: str, size: int) -> frozenset[str]:
    """The distinct runs of `size` words; a text of fewer words is one shingle."""
    found = words(text)
    if len(found) < size or not found:
        return frozenset([" ".join(found) or fold(text)])
    return frozenset(" ".join(found[at : at + size]) for at in range(len(found) - size + 1))


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Shared shingles over all shingles, 0 to 1."""
    return len(first & second) / (len(first | second) or 1)


def near_duplicates(
    texts: Mapping[str, str], size: int, threshold: float = THRESHOLD
) -> list[tuple[str, str]]:
    """Pairs of keys whose texts are near-duplicates, in an order that only the texts decide.

    Args:
        texts: key → text.
        size: words of a shingle, `QUERY_SHINGLE` or `PASSAGE_SHINGLE`.
        threshold: Jaccard similarity from which a pair counts, above 0.6.
    """
    same: dict[frozenset[str], list[str]] = {}
    for key, text in texts.items():
        same.setdefault(shingles(text, size), []).append(key)
    pairs = [(keys[0], key) for keys in same.values() for key in keys[1:]]
    pairs += [
        (same[first][0], same[second][0]) for first, second in _similar(list(same), threshold)
    ]
    return sorted((min(pair), max(pair)) for pair in pairs)


def _similar(
    sets: Sequence[frozenset[str]], threshold: float
) -> Iterable[tuple[frozenset[str], frozenset[str]]]:
    index = MinHashLSH(threshold=_PROPOSED_FROM, num_perm=_PERMUTATIONS)
    for start in range(0, len(sets), _BATCH):
        batch = sets[start : start + _BATCH]
        encoded = [[shingle.encode("utf-8", "surrogatepass") for shingle in s] for s in batch]
        hashes = MinHash.bulk(encoded, num_perm=_PERMUTATIONS)
        for at, hashed in enumerate(hashes, start):
            for other in index.query(hashed):
                if jaccard(sets[at], sets[other]) >= threshold:
                    yield sets[other], sets[at]
            index.insert(at, hashed)


def groups(texts: Mapping[str, str], size: int) -> dict[str, str]:
    """Key → the least key of its group of near-duplicates (itself where it has none)."""
    sets = DisjointSet(texts)
    for first, second in near_duplicates(texts, size):
        sets.merge(first, second)
    return {key: least for subset in sets.subsets() for least in [min(subset)] for key in subset}
