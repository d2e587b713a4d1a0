"""A start model meets the corpus that it will search, before it learns from any query.

Imports torch: import it inside functions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from sentence_transformers import SparseEncoder

from distiller.train.adapters import wanted_rank
from distiller.train.corpus_fit import can_fit, fit_to_corpus
from distiller.train.rarity import can_reweigh, reweigh
from distiller.train.recipe import Recipe, corpus_steps

_FEWEST_PASSAGES = 50
"""Under which nothing can be said of how rare a word is."""
_MOST_PASSAGES = 4_000
"""Of more, a sample is counted in."""


def acquaint(
    model: SparseEncoder,
    passages: Sequence[str],
    recipe: Recipe,
    on_step: Callable[[int, int], None],
) -> bool:
    """Tell a start model, in place, how rare the corpus's words are.

    One that reads the corpus's language has its weights multiplied (`rarity`), another one learns
    from counting alone (`corpus_fit`).

    Args:
        model: Any; not all are of a kind for which this can be done.
        passages: All of the corpus, or a sample of it, in an order that does not change.
        recipe: How, and how much.
        on_step: Told of the steps that are done, and of how many there are.

    Returns:
        Whether that was done. If not, the model given is not to be used.

    Raises:
        StageFailed: Learning diverged.
    """
    if len(passages) < _FEWEST_PASSAGES:
        return False
    if len(passages) > _MOST_PASSAGES:
        passages = random.Random(recipe.seed).sample(passages, _MOST_PASSAGES)  # noqa: S311
    if recipe.reads:
        if not (recipe.counts_rarity and can_reweigh(model)):
            return False
        on_step(0, 1)
        reweigh(model, passages, recipe.rarity_power)
        on_step(1, 1)
        return True
    total = corpus_steps(recipe, len(passages))
    if not total or wanted_rank(model, recipe) or not can_fit(model):
        return False
    return fit_to_corpus(model, passages, recipe, lambda step: on_step(step, total))
