"""Collections, runs and what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from distiller.schema.base import Record, now

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Qrels = dict[str, dict[str, int]]
"""Judgments: query_id → passage_id → grade. What is absent is unjudged."""

Run = dict[str, dict[str, float]]
"""One system's ranking: query_id → passage_id → score, higher first."""


@dataclass(frozen=True)
class Collection:
    """A corpus, queries and qrels.

    `corpus` maps passage_id to the searchable text (title and text joined by a space, as in BEIR);
    only queries that have judgments are in `queries`.
    """

    name: str
    corpus: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Qrels
    language: str = "en"
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """query_id → what is known of the query (`type`, `complexity`), for slices of a report."""
    notes: Sequence[str] = ()
    """What a reader of its figures has to know, such as judgments that had to be left out."""
    held_out: bool = False
    """Whether it is a split kept aside from training, and not a collection of its own."""


class SparseEncoder(Protocol):
    """What `retrieve` and `evaluate` need of a model; `splade` provides it."""

    name: str

    def encode_queries(self, texts: Sequence[str]) -> csr_matrix:
        """Term weights, float32, shape (len(texts), vocabulary)."""

    def encode_passages(self, texts: Sequence[str]) -> csr_matrix:
        """Term weights, float32, shape (len(texts), vocabulary)."""


class Retriever(Protocol):
    """Anything that ranks a whole corpus for a query."""

    name: str

    def retrieve(self, queries: Mapping[str, str], k: int) -> Run:
        """The k best passages of the corpus for each query_id → text; score ties broken by passage_id."""


class Interval(Record):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


class SystemResult(Record):
    """One system on one collection. A measure that is undefined is None, never 0."""

    name: str
    measures: dict[str, float | None]
    """Means over all queries: `ndcg@10`, `recall@100`, `mrr@10`, `map`, `judged@10`."""
    intervals: dict[str, Interval] = Field(default_factory=dict)
    """Bootstrap intervals of those means, over queries."""
    per_query: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Measure → query_id → value."""
    flops: float | None = None
    """Expected active dimensions that a query and a passage share; None for BM25."""
    query_dims: float | None = None
    passage_dims: float | None = None
    """Mean active dimensions per text; None for BM25."""
    seconds: float = 0.0
    rankings: dict[str, list[tuple[str, float]]] = Field(default_factory=dict)
    """query_id → the first (passage_id, score); of very many queries not for all."""


class Shown(Record):
    """A query of a report with what its rankings name, so that they can be looked at later."""

    query: str
    facts: dict[str, str] = Field(default_factory=dict)
    """`type`, `complexity`, where known."""
    grades: dict[str, int] = Field(default_factory=dict)
    """passage_id → grade, of passages that a ranking names and of relevant ones that none does."""


class Comparison(Record):
    """`other` minus `baseline` on the same queries."""

    baseline: str
    other: str
    measure: str
    difference: Interval
    p_value: float
    """Paired randomization test, two-sided, Holm-corrected over the comparisons of a report."""
    wins: int
    losses: int
    ties: int
    verdict: str
    """`better`, `worse`, `no difference shown`, or `inconclusive` (too few queries)."""


class EvaluationReport(Record):
    """Systems side by side on one collection.

    Lists of reports do without what is by query: `per_query`, `rankings`, `shown` and
    `passages_shown` are empty there.
    """

    id: str
    collection: str
    queries: int
    passages: int
    systems: list[SystemResult]
    comparisons: list[Comparison] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    held_out: bool = False
    """Whether its queries are a split kept aside from training."""
    model: str | None = None
    """The trained model among the systems, by id."""
    shown: dict[str, Shown] = Field(default_factory=dict)
    """query_id → the query."""
    passages_shown: dict[str, str] = Field(default_factory=dict)
    """passage_id → the beginning of its text."""
    created: datetime = Field(default_factory=now)


class TrainedModel(Record):
    """A model folder and how it came to be."""

    id: str
    project_id: str | None
    path: str
    """Folder that plain `SparseEncoder(path)` loads."""
    base: str
    """Name of the start model; `recipe` has the SHA-256 of its weights as `start_weights`."""
    base_license: str = "unknown"
    snapshot_hash: str
    recipe: dict[str, Any]
    metrics: list[dict[str, Any]] = Field(default_factory=list)
    """Measured on the dev split, oldest first, step 0 included."""
    best_step: int = 0
    created: datetime = Field(default_factory=now)

    @property
    def promoted(self) -> bool:
        """Whether it may take its start model's place. What was trained before this was asked is
        taken at its dev measure's word.
        """
        return bool(self._promotion.get("promoted", self.best_step > 0))

    @property
    def promotion(self) -> str:
        """Why, or why not; empty where nobody asked."""
        return str(self._promotion.get("why", ""))

    @property
    def interpolation(self) -> float:
        """Share of the tuned weights in the saved model; the rest is the start model's."""
        return float(self._promotion.get("interpolation", 1.0))

    @property
    def recommended(self) -> str:
        """What to use: this model's folder, or the start model where it was not promoted."""
        return self.path if self.promoted else self.start

    @property
    def start(self) -> str:
        """What the start model is loaded by: its folder, where it was one and that is known; else
        `base`, which of a folder is only the last part.
        """
        return str(self.recipe.get("start_folder") or self.base)

    @property
    def _promotion(self) -> dict[str, Any]:
        return dict(self.recipe.get("promotion") or {})
