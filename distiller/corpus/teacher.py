"""Teacher scores: how well each passage that is trained on fits its query, softly.

Soft scores teach more than labels (GPL, https://arxiv.org/abs/2112.07577: 46.3 with hard labels,
51.5 with the same negatives and soft scores). A teacher is one of these, or several joined by `+`:

    dense                 the packaged all-MiniLM-L6-v2; `dense:MODEL` another dense model
    bm25                  BM25 over the corpus and all passages that are trained on
    cross-encoder:MODEL   a cross-encoder from a folder or the hub
    judge                 the soft score of the language model that judged the pair
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from distiller.corpus.index import (
    CorpusIndex,
    RowCache,
    corpus_texts,
    key_of,
    model_fingerprint,
    searchable,
)
from distiller.dataset.assembly import gather, put_together
from distiller.quality.pairs import Pair
from distiller.schema.base import Provenance, new_id
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import POSITIVE_GRADE, Judgment, JudgmentSource
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.settings import Settings
from distiller.splade.dense import MINILM, CrossScorer, DenseEncoder, minilm_folder
from distiller.store import Store

STAGE = "teach"
DEFAULT = "dense+bm25"
"""Works offline and costs nothing."""
AT_ONCE = 256
"""Queries whose scores against all passages are in memory at once."""
WRITE_AT_ONCE = 2_000
_NAMES = ("dense", "bm25", "cross-encoder", "judge")
_DIGITS = 4

Floats = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """One of the models whose scores are mixed."""

    kind: str
    model: str = ""

    @property
    def name(self) -> str:
        """As the user writes it."""
        return f"{self.kind}:{self.model}" if self.model else self.kind


def parts_of(teacher: str) -> list[Part]:
    """The parts of a teacher such as `dense+bm25`.

    Raises:
        InputError: A part that there is not, or twice, or a cross-encoder without a name.
    """
    found = [Part(*part.strip().split(":", 1)) for part in teacher.split("+")]
    for part in found:
        if part.kind not in _NAMES or (part.model and part.kind in ("bm25", "judge")):
            raise InputError(
                f"no teacher {part.name!r}; give dense, bm25, cross-encoder:MODEL or judge, or "
                f"several joined by +, such as {DEFAULT}"
            )
        if part.kind == "cross-encoder" and not part.model:
            raise InputError(
                "a cross-encoder needs its name, such as "
                "cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2"
            )
    if len(set(found)) < len(found):
        raise InputError(f"{teacher}: names a teacher twice; name each once")
    return found


def teach(
    store: Store,
    project: Project,
    settings: Settings,
    *,
    teacher: str = DEFAULT,
    on_progress: OnProgress = lambda _: None,
) -> StageReport:
    """Score every query and passage that would be trained on now, and keep the scores.

    What was encoded or scored once is not computed again. Scores of pairs that are not trained on
    any more become stale.

    Raises:
        InputError: No such teacher, or nothing to train on yet.
        ModelUnavailable: A model that cannot be loaded.
    """
    parts = parts_of(teacher)
    material = gather(store, project, trust_mined=settings.trust_mined)
    pairs = put_together(material).pairs
    if not pairs:
        raise InputError("nothing to score yet; generate, import or mine examples first")
    work = _Work(store, project, settings, pairs, on_progress)
    raw = {part: work.scores(part) for part in parts}
    scores = mixed([calibrated(given.scaled, work.asked) for given in raw.values()], work.asked)
    judgments = [
        _judgment(pair, float(score), teacher, _explained(raw, at))
        for at, (pair, score) in enumerate(zip(pairs, scores, strict=True))
        if not np.isnan(score)
    ]
    new = changed = 0
    for start in range(0, len(judgments), WRITE_AT_ONCE):
        written = store.put_judgments(project.id, judgments[start : start + WRITE_AT_ONCE])
        new, changed = new + written.new, changed + written.changed
    store.retire_taught(project.id, [(one.query_id, one.passage_id) for one in judgments])
    return StageReport(
        stage=STAGE,
        made=new + changed,
        present=len(judgments) - new - changed,
        failed=len(pairs) - len(judgments),
        notes=_notes(teacher, pairs, scores),
    )


@dataclass(frozen=True)
class Scores:
    """What one part says of each pair; NaN where it says nothing."""

    raw: Floats
    """In its own unit, for people to read."""
    scaled: Floats
    """In units of the query's spread over all passages, where the part ranks them all."""


class _Work:
    """The pairs to score, their texts, each once, and what scores them."""

    def __init__(
        self,
        store: Store,
        project: Project,
        settings: Settings,
        pairs: Sequence[Pair],
        on_progress: OnProgress,
    ) -> None:
        self._store = store
        self._project = project
        self._pairs = pairs
        self._on_progress = on_progress
        self._index = CorpusIndex.of(settings.workspace, project)
        queries = {pair.query.id: pair.query.query for pair in pairs}
        self._texts = {
            pair.passage.id: searchable(pair.passage.title, pair.passage.text) for pair in pairs
        }
        self._queries = list(queries.values())
        self._passages = list(self._texts)
        query_at = {id_: at for at, id_ in enumerate(queries)}
        passage_at = {id_: at for at, id_ in enumerate(self._passages)}
        self.asked = np.array([query_at[pair.query.id] for pair in pairs])
        """Each pair's query, as a number. Shape (pairs,)."""
        self._shown = np.array([passage_at[pair.passage.id] for pair in pairs])

    def scores(self, part: Part) -> Scores:
        """What a part says of all pairs."""
        if part.kind == "judge":
            return self._judged()
        if part.kind == "cross-encoder":
            return self._crossed(part.model)
        return self._against_all(self._dense(part) if part.kind == "dense" else self._bm25())

    def _against_all(self, rank: Callable[[slice], Floats]) -> Scores:
        """Scores in units of how much they vary over all passages that are trained on.

        `rank` gives the scores of some queries for all passages, shape (queries, passages).
        """
        raw, scaled = np.empty(len(self._pairs)), np.empty(len(self._pairs))
        for start in range(0, len(self._queries), AT_ONCE):
            block = rank(slice(start, start + AT_ONCE))
            mine = np.flatnonzero((self.asked >= start) & (self.asked < start + AT_ONCE))
            rows = self.asked[mine] - start
            spread = np.maximum(block.std(axis=1), 1e-9)
            raw[mine] = block[rows, self._shown[mine]]
            scaled[mine] = (raw[mine] - block.mean(axis=1)[rows]) / spread[rows]
            self._tell(min(start + AT_ONCE, len(self._queries)), len(self._queries), "comparing")
        return Scores(raw, scaled)

    def _bm25(self) -> Callable[[slice], Floats]:
        corpus = corpus_texts(self._store, self._project)
        index = self._index.bm25({**corpus, **self._texts})
        return lambda block: index.score(self._queries[block], self._passages).astype(np.float64)

    def _dense(self, part: Part) -> Callable[[slice], Floats]:
        model = part.model or MINILM
        folder = minilm_folder() if model == MINILM else Path(model)
        cache = f"dense-{_fingerprint(model, folder)}"
        encoder = _Lazy(lambda: DenseEncoder(model))
        texts = [*self._queries, *self._texts.values()]

        def encode(missing: list[str]) -> NDArray[np.float32]:
            return encoder.loaded.encode(missing)

        vectors = self._kept(cache, list(map(key_of, texts)), texts, encode, "encoding")
        asked, shown = vectors[: len(self._queries)], vectors[len(self._queries) :]
        return lambda block: asked[block] @ shown.T

    def _crossed(self, model: str) -> Scores:
        scorer = _Lazy(lambda: CrossScorer(model))
        texts = list(self._texts.values())
        pairs = [
            (self._queries[asked], texts[shown])
            for asked, shown in zip(self.asked, self._shown, strict=True)
        ]

        def score(missing: list[tuple[str, str]]) -> NDArray[np.float32]:
            return scorer.loaded.scores(missing).reshape(-1, 1)

        cache = f"cross-{_fingerprint(model, Path(model))}"
        keys = [key_of("\0".join(pair)) for pair in pairs]
        raw = self._kept(cache, keys, pairs, score, "scoring").reshape(-1)
        return Scores(raw, raw)

    def _judged(self) -> Scores:
        """Log-odds of the judge's Yes: probabilities near 1 differ more than they seem to."""
        given = [pair.judgments.get(JudgmentSource.JUDGE) for pair in self._pairs]
        raw = np.array(
            [
                np.nan if one is None or one.score is None or one.stale else one.score
                for one in given
            ]
        )
        held = np.clip(raw, 1e-4, 1 - 1e-4)
        return Scores(raw, np.log(held / (1 - held)))

    def _kept(
        self,
        cache: str,
        keys: Sequence[bytes],
        made_of: Sequence[T],
        make: Callable[[list[T]], NDArray[np.float32]],
        doing: str,
    ) -> Floats:
        """Rows of numbers, one per key, computed only where the workspace has them not."""
        with self._index.alone():
            rows = RowCache(self._index.folder / cache)
            rows.fill(keys, made_of, make, lambda done, total: self._tell(done, total, doing))
            rows.compact()
            return rows.of(keys).toarray().astype(np.float64)

    def _tell(self, done: int, total: int, doing: str) -> None:
        self._on_progress(Progress(stage=STAGE, done=done, total=total, message=doing))


class _Lazy(Generic[T]):
    """A model that is loaded when something is missing, and not before."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load

    @cached_property
    def loaded(self) -> T:
        return self._load()


def _fingerprint(model: str, folder: Path) -> str:
    return model_fingerprint(folder) if folder.is_dir() else key_of(model).hex()[:20]


def calibrated(scores: Floats, asked: NDArray[np.intp]) -> Floats:
    """Scores around 0 for each query, in units of their usual spread within a query.

    The usual one, and not each query's own: a teacher that sees hardly any difference between a
    query's passages must not be made to say that there is a large one. A query of which a passage
    has no score gets none at all, for its passages could not be compared.

    Args:
        scores: NaN where unknown. Shape (pairs,).
        asked: Each pair's query, counted from 0. Shape (pairs,).
    """
    count = np.bincount(asked)
    total = np.bincount(asked, weights=scores)  # NaN for a query with one that is unknown
    centred = scores - (total / np.maximum(count, 1))[asked]
    known = centred[~np.isnan(centred)]
    usual = float(np.sqrt(np.mean(known**2))) if len(known) else 0.0
    calibrated: Floats = centred / usual if usual > 1e-9 else centred * 0.0
    return calibrated


def mixed(parts: Sequence[Floats], asked: NDArray[np.intp]) -> Floats:
    """The mean of calibrated scores, of those parts that know all passages of the query.

    Args:
        parts: Calibrated scores, each of shape (pairs,); at least one.
        asked: Each pair's query. Shape (pairs,).
    """
    assert all(len(part) == len(asked) for part in parts)
    stacked = np.stack(parts)
    known = (~np.isnan(stacked)).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


def _explained(raw: dict[Part, Scores], at: int) -> str:
    told = ((part.name, given.raw[at]) for part, given in raw.items())
    return ", ".join(f"{name} {value:.2f}" for name, value in told if not np.isnan(value))


def _judgment(pair: Pair, score: float, teacher: str, explanation: str) -> Judgment:
    effective = pair.effective
    assert effective is not None, "only pairs with a valid judgment are trained on"
    return Judgment(
        id=new_id("j"),
        query_id=pair.query.id,
        passage_id=pair.passage.id,
        grade=effective.grade,
        strategy=(pair.intended or effective).strategy,
        explanation=explanation,
        source=JudgmentSource.TEACHER,
        score=round(score, _DIGITS),
        provenance=Provenance(source="model", model=teacher),
    )


def _notes(teacher: str, pairs: Sequence[Pair], scores: Floats) -> list[str]:
    """How far apart the teacher puts positives and negatives, and where it disagrees."""
    by_query: dict[str, tuple[list[float], list[float]]] = {}
    for pair, score in zip(pairs, scores, strict=True):
        if not np.isnan(score) and (judgment := pair.effective):
            sides = by_query.setdefault(pair.query.id, ([], []))
            sides[judgment.grade < POSITIVE_GRADE].append(float(score))
    both = [(max(yes), max(no), yes, no) for yes, no in by_query.values() if yes and no]
    notes = [f"{teacher}: {len(by_query)} queries scored"]
    if both:
        gaps = [float(np.mean(yes) - np.mean(no)) for _, _, yes, no in both]
        first = sum(best > rival for best, rival, _, _ in both) / len(both)
        low, high = np.percentile(gaps, [10, 90])
        notes.append(
            f"positives stand {np.mean(gaps):.2f} above negatives (one query in ten below "
            f"{low:.2f}, one in ten above {high:.2f}); {first:.0%} of queries have a positive first"
        )
    missing = int(np.isnan(scores).sum())
    if missing:
        notes.append(f"without a score: {missing} of {len(pairs)}; have the judge grade them first")
    return notes
