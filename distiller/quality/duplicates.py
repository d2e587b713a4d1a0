"""Which of many texts say the same in nearly the same words.

Within one set of texts all pairs are found exactly (`overlap`). Across two sets, and among texts
that come one by one, MinHash with locality-sensitive hashing proposes (Broder, "On the resemblance
and containment of documents", 1997), and the exact Jaccard similarity of their shingles decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from datasketch import MinHash, MinHashLSH
from scipy.cluster.hierarchy import DisjointSet

from distiller.quality.overlap import Sets, alike
from distiller.quality.texts import fold, similarity, stems, words

THRESHOLD = 0.8
"""Jaccard similarity of shingles, or of stems, from which two texts are near-duplicates."""

SAME_WORDS = 0.5
"""Jaccard similarity of all words, stop words too, below which no two queries ask the same."""
REPLACED = 0.9
"""Jaccard similarity of stems from which two queries ask the same though each has a word of its own."""
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


def near_duplicates(
    texts: Mapping[str, str], size: int, threshold: float = THRESHOLD
) -> list[tuple[str, str]]:
    """Pairs of keys whose texts are near-duplicates, the earlier one first, in the order given.

    Of many texts with the same shingles each is paired with the first of them, not with all.

    Args:
        texts: key → text.
        size: words of a shingle, `QUERY_SHINGLE` or `PASSAGE_SHINGLE`.
        threshold: Jaccard similarity from which a pair counts.
    """
    return [pair[:2] for pair in _pairs(texts, lambda text: shingles(text, size), threshold)]


def near_queries(
    texts: Mapping[str, str], tag: str, threshold: float = THRESHOLD
) -> list[tuple[str, str, float]]:
    """Pairs of queries that ask the same, with their similarity, the likest first.

    See `asks_same` for what that means. Of many with the same stems each is paired with the first.
    """
    found = [
        (one, two, share)
        for one, two, share in _pairs(texts, lambda text: stems(text, tag), threshold)
        if asks_same(texts[one], texts[two], tag, threshold)
    ]
    return sorted(found, key=lambda pair: -pair[2])


def asks_same(one: str, two: str, tag: str, threshold: float = THRESHOLD) -> bool:
    """Whether two queries ask the same, as far as their words tell.

    Compared by stems, which see through inflection and filler; but some lists of stop words hold
    who, when and where, so that a good part of all words must be the same as well. And a word in
    place of another (a landlord's notice for a tenant's) asks for something else, however long
    the rest: then much more must be the same.
    """
    first, second = stems(one, tag), stems(two, tag)
    least = max(threshold, REPLACED) if first - second and second - first else threshold
    if similarity(first, second) < least:
        return False
    return similarity(shingles(one, QUERY_SHINGLE), shingles(two, QUERY_SHINGLE)) >= SAME_WORDS


def shared(
    ours: Mapping[str, str], theirs: Mapping[str, str], size: int, threshold: float = THRESHOLD
) -> dict[str, str]:
    """Key of ours → a key of theirs whose text is a near-duplicate of it; only those that have one.

    Memory holds the signatures of ours and one batch of theirs, so theirs may be large.
    """
    sets = list(_alike({key: shingles(text, size) for key, text in ours.items()}).items())
    index = _index()
    for at, (_, hashed) in enumerate(_hashed([found for found, _ in sets])):
        index.insert(at, hashed)
    nearest: dict[int, tuple[float, str]] = {}
    keys = list(theirs)
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        looked_up = _hashed([shingles(theirs[key], size) for key in batch])
        for key, (found, hashed) in zip(batch, looked_up, strict=True):
            for at in index.query(hashed):
                share = similarity(found, sets[at][0])
                if share >= threshold and share > nearest.get(at, (0.0, ""))[0]:
                    nearest[at] = share, key
    return {key: other for at, (_, other) in sorted(nearest.items()) for key in sets[at][1]}


def groups(texts: Mapping[str, str], size: int) -> dict[str, str]:
    """Key → the least key of its group of near-duplicates (itself where it has none)."""
    sets = DisjointSet(texts)
    for first, second in near_duplicates(texts, size):
        sets.merge(first, second)
    return {key: least for subset in sets.subsets() for least in [min(subset)] for key in subset}


def _alike(sets: Mapping[str, frozenset[str]]) -> dict[frozenset[str], list[str]]:
    same: dict[frozenset[str], list[str]] = {}
    for key, found in sets.items():
        same.setdefault(found, []).append(key)
    return same


def _pairs(
    texts: Mapping[str, str], cut: Callable[[str], frozenset[str]], threshold: float
) -> list[tuple[str, str, float]]:
    sets = Sets.of(texts, cut)
    pairs = [(keys[0], key, 1.0) for keys in sets.keys for key in keys[1:]]
    pairs += [
        (sets.keys[one][0], sets.keys[two][0], share)
        for one, two, share in alike(sets.members, threshold)
    ]
    place = {key: at for at, key in enumerate(texts)}
    ordered = [
        (one, two, share) if place[one] < place[two] else (two, one, share)
        for one, two, share in pairs
    ]
    return sorted(ordered, key=lambda pair: (place[pair[0]], place[pair[1]]))


def _index() -> MinHashLSH:
    return MinHashLSH(threshold=_PROPOSED_FROM, num_perm=_PERMUTATIONS)


def _hashed(sets: Sequence[frozenset[str]]) -> Iterable[tuple[frozenset[str], MinHash]]:
    for start in range(0, len(sets), _BATCH):
        batch = sets[start : start + _BATCH]
        encoded = [[shingle.encode("utf-8", "surrogatepass") for shingle in s] for s in batch]
        yield from zip(batch, MinHash.bulk(encoded, num_perm=_PERMUTATIONS), strict=True)


class Seen:
    """Texts seen so far, by their stems; finds duplicates and near-duplicates as they come.

    Stems see through inflection, which a writer that repeats itself varies; they need the
    language, which the texts of a file may not tell.
    """

    def __init__(self, tag: str, threshold: float = THRESHOLD) -> None:
        self._tag = tag
        self._threshold = threshold
        self._lsh = MinHashLSH(threshold=max(0.1, threshold - 0.15), num_perm=_PERMUTATIONS)
        self._texts: dict[str, frozenset[str]] = {}

    def add(self, text: str) -> bool:
        """Remember the text. False where it, or one very like it, was seen before."""
        key = " ".join(words(text))
        found = stems(text, self._tag)
        if not key or key in self._texts:
            return False
        sketch = MinHash(num_perm=_PERMUTATIONS)
        sketch.update_batch([stem.encode() for stem in sorted(found)])
        for candidate in self._lsh.query(sketch):
            if similarity(found, self._texts[candidate]) >= self._threshold:
                return False
        self._texts[key] = found
        self._lsh.insert(key, sketch)
        return True
