"""What is measured while a model trains, and of which model is kept."""

from __future__ import annotations

from collections.abc import Mapping

from distiller.evaluate.measures import NDCG, RECALL, mean, per_query
from distiller.retrieve import SparseIndex
from distiller.schema.errors import StageFailed
from distiller.schema.retrieval import Collection, SparseEncoder
from distiller.train.rows import DevSet

CRITERION = NDCG.name
"""The measure that chooses the checkpoint."""
FEWEST_DIMS, MOST_DIMS = 5, 2000
"""Mean active dimensions beyond which a model has collapsed, or was never made sparse."""


def measure(encoder: SparseEncoder, dev: DevSet | Collection) -> dict[str, float]:
    """Rank the whole corpus for every query of a dev set, or of a canary collection.

    Returns:
        `query_dims` and `passage_dims` (mean active dimensions per text), and, where there
        are qrels, `ndcg@10` and `recall@100`.

    Raises:
        ModelUnavailable: The term weights are not finite: training diverged.
    """
    index = SparseIndex(encoder, dev.corpus)
    weights = index.encode_queries(list(dev.queries.values()))
    measured = {
        "query_dims": weights.nnz / max(1, weights.shape[0]),
        "passage_dims": index.passages.nnz / max(1, index.passages.shape[0]),
    }
    if dev.qrels:
        values = per_query(index.rank(list(dev.queries), weights), dev.qrels)
        means = {wanted.name: mean(values[wanted.name]) for wanted in (NDCG, RECALL)}
        measured |= {name: value for name, value in means.items() if value is not None}
    return measured


def worth(measured: Mapping[str, float], fewest_query: float = FEWEST_DIMS) -> float:
    """What the criterion is worth for choosing a checkpoint: −1 for a model that has collapsed."""
    try:
        check_dims(measured, 0, fewest_query)
    except StageFailed:
        return -1.0
    return measured[CRITERION]


def check_dims(measured: Mapping[str, float], step: int, fewest_query: float = FEWEST_DIMS) -> None:
    """Stop a training whose texts have too few or too many active dimensions.

    Args:
        measured: `query_dims` and `passage_dims`.
        step: For the message.
        fewest_query: Dimensions of a query under which it has collapsed; a table of query terms
            gives no more than the words that were typed.

    Raises:
        StageFailed: Says which side collapsed, and which weight of the recipe to change.
    """
    for side, fewest in (("query", fewest_query), ("passage", FEWEST_DIMS)):
        dims = measured[f"{side}_dims"]
        if dims < fewest:
            raise StageFailed(
                f"training stopped at step {step}: a {side} has {dims:.1f} active dimensions on"
                f" average, under {fewest:g}: the model collapsed; lower {side}_lambda or"
                " learning_rate"
            )
        if dims > MOST_DIMS:
            raise StageFailed(
                f"training stopped at step {step}: a {side} has {dims:.0f} active dimensions on"
                f" average, over {MOST_DIMS}: too dense to search; raise {side}_lambda, or start"
                " from a model that is sparse already"
            )
