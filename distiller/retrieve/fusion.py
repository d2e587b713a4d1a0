"""Several rankings made one, by rank alone, so that their scores need not be comparable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from distiller.retrieve.ranking import check_depth
from distiller.schema.errors import InputError
from distiller.schema.retrieval import Retriever, Run

RRF_K = 60
"""The constant of Cormack et al. 2009, https://doi.org/10.1145/1571941.1572114."""


def reciprocal_rank_fusion(runs: Sequence[Run], k: int = 1000) -> Run:
    """Score each passage by the sum over runs of 1 / (60 + rank), rank counted from 1.

    Ties within a run and in the fused run are broken by passage_id.

    Raises:
        InputError: `k` is below 1.
    """
    check_depth(k)
    fused: Run = {}
    for run in runs:
        for query_id, ranking in run.items():
            scores = fused.setdefault(query_id, {})
            for rank, passage_id in enumerate(_ranked(ranking), start=1):
                scores[passage_id] = scores.get(passage_id, 0.0) + 1 / (RRF_K + rank)
    return {
        query_id: {passage_id: scores[passage_id] for passage_id in _ranked(scores)[:k]}
        for query_id, scores in fused.items()
    }


def _ranked(ranking: Mapping[str, float]) -> list[str]:
    return sorted(ranking, key=lambda passage_id: (-ranking[passage_id], passage_id))


class Fusion:
    """Several retrievers as one: the hybrid that search engines run."""

    def __init__(self, retrievers: Sequence[Retriever], name: str | None = None) -> None:
        """Join retrievers over the same corpus.

        Raises:
            InputError: Fewer than two retrievers.
        """
        if len(retrievers) < 2:
            raise InputError("a fusion needs at least two systems, such as bm25+tiny")
        self.retrievers = list(retrievers)
        self.name = name or "+".join(retriever.name for retriever in retrievers)

    def retrieve(self, queries: Mapping[str, str], k: int = 1000) -> Run:
        """Rank by each retriever to depth k, and fuse.

        Raises:
            InputError: `k` is below 1.
        """
        return reciprocal_rank_fusion(
            [retriever.retrieve(queries, k) for retriever in self.retrievers], k
        )
