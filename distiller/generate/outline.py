"""What a corpus is about: its passages in clusters, and an order in which they cover it.

Passages are clustered by their words (TF-IDF, reduced by a truncated SVD as in latent semantic
analysis, Deerwester et al. 1990; k-means in mini-batches, Sculley 2010), so that a few of them
stand for all. The result depends on texts, identifiers and seed, not on the order of reading.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from distiller.generate.grounding import USABLE
from distiller.packs.languages import language
from distiller.quality.texts import is_stopword, length, stems, words
from distiller.schema.domain import Project
from distiller.schema.examples import Origin, Passage
from distiller.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

IN_CORPUS = {"origin": Origin.CORPUS.value, "stale": False}
"""Stale ones stood in an older version of their document."""
PAGE = 2_000
"""Passages in memory at once while they are read."""
FEATURES = 2**16
COMPONENTS = 64
SAMPLE = 20_000
"""Passages that the reduction is learned from; the others are projected."""
MAX_CLUSTERS = 256

SHORT_WORDS, LEAST_WORDS = 25, 6
LETTERS = 0.65
"""Share of letters among the signs of a text, below which it is a table or a list of numbers."""
VARIED = 0.25
"""Share of distinct words, below which a text repeats itself."""
PROSE = 0.12
"""Share of stop words, below which a text of some length is a list and tells nothing."""
_LEADERS = re.compile(r"(?:\.\s?){4,}|…\s*\d+|_{4,}")
"""The dots of a table of contents, the lines of a form."""
LISTED = 3
"""So many of them make a table of contents or a form."""

GOOD, SHORT, EMPTY = 2, 1, 0


def substance(text: str, tag: str) -> int:
    """`GOOD` for a text that tells something, `SHORT` for a few words, `EMPTY` for boilerplate."""
    signs = [sign for sign in text if not sign.isspace()]
    found = words(text)
    size = length(text, tag)
    if size < LEAST_WORDS or sum(map(str.isalpha, signs)) < LETTERS * len(signs):
        return EMPTY
    if len(_LEADERS.findall(text)) >= LISTED:
        return EMPTY
    if not language(tag).spaced:
        return GOOD if size >= SHORT_WORDS else SHORT
    if size < SHORT_WORDS:
        return SHORT
    if len(set(found)) < VARIED * min(len(found), 200):
        return EMPTY
    common = sum(is_stopword(word, tag) for word in found)
    return GOOD if common >= PROSE * len(found) or not language(tag).stopwords else EMPTY


@dataclass(frozen=True)
class Outline:
    """Passages by position, sorted by identifier."""

    ids: list[str]
    documents: list[str]
    substance: NDArray[np.int8]
    cluster: NDArray[np.int32]
    distance: NDArray[np.float32]
    """To the middle of the cluster, between 0 and 2."""
    seed: int

    def covering(self, used: Collection[str] = ()) -> Iterator[str]:
        """Identifiers in an order of which every beginning covers the corpus; each comes once.

        Clusters take turns in proportion to their size (Sainte-Laguë's rule), and within one the
        document that gave fewest so far; short passages come after all others, and those without
        content only where there is nothing else. Passages that were `used` count as given.
        """
        taken = {at for at, id_ in enumerate(self.ids) if id_ in set(used)}
        given = Counter(int(self.cluster[at]) for at in taken)
        sources = Counter(self.documents[at] for at in taken)
        told = [GOOD, SHORT] if (self.substance > EMPTY).any() else [EMPTY]
        for level in told:
            sizes = Counter(self.cluster[self.substance == level].tolist())
            queues = self._queues([at for at in self._of(level) if at not in taken], sources)
            turns = [(-sizes[label] / (2 * given[label] + 1), label) for label in queues]
            heapq.heapify(turns)
            while turns:
                _, label = heapq.heappop(turns)
                at = queues[label].next()
                given[label] += 1
                if queues[label]:
                    heapq.heappush(turns, (-sizes[label] / (2 * given[label] + 1), label))
                yield self.ids[at]

    def representatives(self, label: int, count: int, turn: int = 0) -> list[str]:
        """The `turn`-th so many passages of a cluster, the most central ones of each document."""
        inside = [at for at in np.flatnonzero(self.cluster == label) if self.substance[at] > EMPTY]
        inside.sort(key=lambda at: (-self.substance[at], self.distance[at], self.ids[at]))
        before: Counter[str] = Counter()
        ranked = []
        for place, at in enumerate(inside):
            document = self.documents[at]
            ranked.append((-self.substance[at], before[document], place, at))
            before[document] += 1
        return [self.ids[at] for *_, at in sorted(ranked)][turn * count : (turn + 1) * count]

    @property
    def labels(self) -> list[int]:
        """Clusters that have content, the largest first."""
        sizes = Counter(self.cluster[self.substance > EMPTY].tolist())
        return sorted(sizes, key=lambda label: (-sizes[label], label))

    def _of(self, level: int) -> list[int]:
        return np.flatnonzero(self.substance == level).tolist()

    def _queues(self, places: Iterable[int], given: Counter[str]) -> dict[int, _Queue]:
        by_cluster: dict[int, dict[str, list[tuple[str, int]]]] = {}
        for at in places:
            documents = by_cluster.setdefault(int(self.cluster[at]), {})
            entry = (_shuffled(self.seed, self.ids[at]), at)
            documents.setdefault(self.documents[at], []).append(entry)
        return {label: _Queue(found, given) for label, found in sorted(by_cluster.items())}


class _Queue:
    """Places of one cluster; the next is of the document that gave fewest in all clusters."""

    def __init__(self, documents: dict[str, list[tuple[str, int]]], given: Counter[str]) -> None:
        self._left = {name: sorted(entries, reverse=True) for name, entries in documents.items()}
        self._given = given
        self._heap = [self._entry(name) for name in documents]
        heapq.heapify(self._heap)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def next(self) -> int:
        while True:
            count, _, name = heapq.heappop(self._heap)
            if count == self._given[name]:
                break
            heapq.heappush(self._heap, self._entry(name))  # it gave more since, elsewhere
        _, at = self._left[name].pop()
        self._given[name] += 1
        if self._left[name]:
            heapq.heappush(self._heap, self._entry(name))
        return at

    def _entry(self, name: str) -> tuple[int, str, str]:
        return self._given[name], self._left[name][-1][0], name


def _shuffled(seed: int, id_: str) -> str:
    return hashlib.sha256(f"{seed}/{id_}".encode()).hexdigest()


def has_corpus(store: Store, project: Project) -> bool:
    """Whether the project has passages of the user's own documents."""
    return store.count(project.id, Passage, status=USABLE, where=IN_CORPUS) > 0


def corpus_outline(
    store: Store, project: Project, *, clusters: int | None = None, seed: int = 13
) -> Outline | None:
    """The outline of a project's corpus passages that were not rejected; None where it has none."""
    if not has_corpus(store, project):
        return None
    return outline(_pages(store, project), project.domain.language, clusters=clusters, seed=seed)


def _pages(store: Store, project: Project) -> Iterator[list[Passage]]:
    offset = 0
    while page := store.items(
        project.id, Passage, status=USABLE, where=IN_CORPUS, limit=PAGE, offset=offset
    ):
        yield page
        offset += PAGE


def outline(
    pages: Iterable[Sequence[Passage]], tag: str, *, clusters: int | None = None, seed: int = 13
) -> Outline:
    """Cluster passages that come in pages; texts are not kept.

    Args:
        pages: at least one passage in all.
        tag: language of the texts.
        clusters: how many; None chooses by the number of passages.
        seed: of reduction, clusters and order.
    """
    from scipy.sparse import vstack  # noqa: PLC0415
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415

    hashing = HashingVectorizer(
        analyzer=partial(stems, tag=tag),
        n_features=FEATURES,
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )
    ids: list[str] = []
    documents: list[str] = []
    told: list[int] = []
    blocks = []
    for page in pages:
        ids += [passage.id for passage in page]
        documents += [_document(passage) for passage in page]
        told += [substance(passage.text, tag) for passage in page]
        blocks.append(hashing.transform(f"{passage.title} {passage.text}" for passage in page))
    order = sorted(range(len(ids)), key=ids.__getitem__)
    wanted = clusters or min(MAX_CLUSTERS, max(1, round((len(ids) / 2) ** 0.5)))
    labels, distances = _clustered(vstack(blocks, format="csr")[order], wanted, seed)
    return Outline(
        ids=[ids[at] for at in order],
        documents=[documents[at] for at in order],
        substance=np.array([told[at] for at in order], np.int8),
        cluster=labels,
        distance=distances,
        seed=seed,
    )


def _document(passage: Passage) -> str:
    span = passage.provenance.span
    return span.document if span else passage.id


def _clustered(
    counts: Any, clusters: int, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Cluster and distance to its middle of every row of a sparse matrix of counts."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415
    from sklearn.preprocessing import normalize  # noqa: PLC0415

    rows = counts.shape[0]
    clusters = min(clusters, rows)
    if clusters < 2:
        return np.zeros(rows, np.int32), np.zeros(rows, np.float32)
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    reduction = TruncatedSVD(min(COMPONENTS, rows - 1), n_iter=3, random_state=seed)
    reduction.fit(weighted[:: -(-rows // SAMPLE)])
    points = np.vstack(
        [reduction.transform(weighted[at : at + PAGE]) for at in range(0, rows, PAGE)]
    )
    points = normalize(points).astype(np.float32)
    means = MiniBatchKMeans(clusters, random_state=seed, n_init=3, batch_size=2_048).fit(points)
    labels = means.labels_.astype(np.int32)
    distances = np.linalg.norm(points - means.cluster_centers_[labels], axis=1)
    return labels, distances.astype(np.float32)
