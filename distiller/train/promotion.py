"""Whether a tuned model may be handed over in place of the model that it started from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import Field

from distiller.schema.base import Record
from distiller.schema.retrieval import TrainedModel
from distiller.train.measure import CRITERION, worth
from distiller.train.recipe import Recipe

_NOT_MEASURES = {"step", "loss"}
"""What stands beside the measures in an entry of a training's metrics."""


class Candidate(Record):
    """One model between start and tuned, as it was measured."""

    share: float
    """How far from the start model's weights towards the tuned ones: 1 is the tuned model, 0 the start
    model that has met the corpus, if it has."""
    measured: dict[str, float]
    """On the dev split; see `measure`."""
    canary: float | None = None
    """nDCG@10 on the canary collection; None where it was not measured."""


class Promotion(Record):
    """The verdict on a training, in words and with what it rests on."""

    promoted: bool
    why: str
    """For people who do not read numbers for a living."""
    interpolation: float
    """Share of the tuned weights in the saved model; 0 where the start model is what is saved: as it
    was given, or, if promoted, as it is since it has met the corpus."""
    tried: list[Candidate] = Field(default_factory=list)
    """Every share that was measured, in the order of shares."""
    canary: str = ""
    """Name of the out-of-domain collection; empty where none was given."""
    canary_start: float | None = None
    canary_saved: float | None = None
    """nDCG@10 on it, of the start model and of the model that was saved."""

    @property
    def saved(self) -> float | None:
        """Share of the tuned weights in what is saved; None where that is the start model as given."""
        return self.interpolation if self.promoted or self.interpolation else None


@dataclass(frozen=True)
class Trial:
    """How to measure a model that stands a share of the way between start and tuned."""

    dev: Callable[[float], dict[str, float]]
    canary: Callable[[float | None], float] | None
    """nDCG@10 on the canary, without a share that of the start model as it was given; None where no
    collection was given."""
    queries: int
    """In the dev split."""
    canary_name: str = ""
    met: bool = False
    """Whether the start model has met the corpus, so that it is another one than was given."""


def decide(
    recipe: Recipe, start: dict[str, float], tuned: dict[str, float], trial: Trial
) -> Promotion:
    """Choose the share that ranks the dev split best and has not forgotten too much.

    A gain counts that is more than chance on so few queries: `least_gain`, and what so many of the
    dev queries can make as `deciding_queries` says (decision 30). Of equal shares the one nearer to
    the start model wins. The canary is asked in the order of dev worth, until a share passes.

    A start model that has met the corpus is what tuned weights have to beat, unless it is worse than
    it was by more than those queries can make: it has not learned from what it is compared on, and
    a dev split of a few dozen queries written from passages often cannot tell (decision 27).

    Args:
        recipe: The limits, and the shares to try besides 1.
        start: What the start model measured on the dev split.
        tuned: What the best checkpoint measured on it.
        trial: Measures the others.
    """
    shares = [*([0.0] if trial.met else []), *recipe.interpolations]
    tried = [Candidate(share=share, measured=trial.dev(share)) for share in shares]
    known = {name: value for name, value in tuned.items() if name not in _NOT_MEASURES}
    tried = sorted([*tried, Candidate(share=1.0, measured=known)], key=lambda one: one.share)
    chance = recipe.deciding_queries / max(1, trial.queries)
    least, before = max(recipe.least_gain, chance), start[CRITERION]
    met = [one for one in tried if not one.share and _worth(recipe, one) >= before - chance]
    bar = least + max([before, *(_worth(recipe, one) for one in met)])
    ranked = sorted(tried, key=lambda one: (-_worth(recipe, one), one.share))
    better = [one for one in ranked if one.share and _worth(recipe, one) > bar] + met
    if not better:
        why = _no_gain(start, max(0.0, _worth(recipe, ranked[0])), least, trial.queries)
        return Promotion(promoted=False, why=why, interpolation=0.0, tried=tried)
    if trial.canary is None:
        why = (
            _gain(start, better[0], trial.queries)
            + "; no canary collection was given, so what it may have"
        )
        why += " forgotten of other fields is not known"
        promotion = Promotion(promoted=True, why=why, interpolation=better[0].share, tried=tried)
    else:
        promotion = _guarded(recipe, start, better, tried, trial)
    if better[0] is not ranked[0]:
        promotion.why += _chance(ranked[0], better[0], trial.queries)
    return promotion


def _guarded(
    recipe: Recipe,
    start: dict[str, float],
    better: Sequence[Candidate],
    tried: list[Candidate],
    trial: Trial,
) -> Promotion:
    """The best that has not forgotten; where all have, the best that was tuned, unpromoted."""
    assert trial.canary is not None
    before = trial.canary(None)
    chosen = None
    for candidate in better:
        candidate.canary = trial.canary(candidate.share)
        if before - candidate.canary <= recipe.most_forgotten:
            chosen = candidate
            break
    saved = chosen or better[0]
    assert saved.canary is not None
    why = _gain(start, saved, trial.queries) + _kept(before, saved.canary, trial.canary_name)
    if chosen is None:
        why += (
            f", more than the {100 * recipe.most_forgotten:.1f} points that are allowed: it has"
            " forgotten too much; keep using the start model, or train fewer epochs, or raise"
            " self_distillation or general_weight"
        )
    return Promotion(
        promoted=chosen is not None,
        why=why,
        interpolation=saved.share,
        tried=tried,
        canary=trial.canary_name,
        canary_start=before,
        canary_saved=saved.canary if chosen or saved.share else before,
    )


def verdict(model: TrainedModel) -> str:
    """The verdict on a trained model as one line."""
    if model.promoted:
        part = f", with {model.interpolation:g} of the tuned weights" * (model.interpolation < 1)
        if not model.interpolation:
            part = ", the start model with the corpus's words counted in and no tuned weights"
        return f"promoted{part}: {model.promotion}"
    return f"not promoted, use {model.recommended} instead: {model.promotion}"


def unproven() -> Promotion:
    """The verdict where there was no dev split to compare on."""
    return Promotion(
        promoted=False,
        why="there was no dev split, so nobody knows whether it is better than the start model;"
        " give a dev split, or measure it on a collection",
        interpolation=1.0,
    )


def _worth(recipe: Recipe, candidate: Candidate) -> float:
    return worth(candidate.measured, recipe.fewest_query_dims)


def _gain(start: dict[str, float], candidate: Candidate, queries: int) -> str:
    before, after = start[CRITERION], candidate.measured[CRITERION]
    if not candidate.share and after <= before:
        measured = f"{before:.3f} both" if after == before else f"{before:.3f} to {after:.3f}"
        return (
            f"{_dev(queries)} cannot tell it from the start model (nDCG@10 {measured}),"
            " and on collections that people judged, counting the corpus's words in has gained or"
            " changed nothing"
        )
    return (
        f"on the dev split it gains {100 * (after - before):.1f} points of nDCG@10"
        f" ({before:.3f} to {after:.3f})"
    )


def _chance(best: Candidate, met: Candidate, queries: int) -> str:
    more = 100 * (best.measured[CRITERION] - met.measured[CRITERION])
    return f"; tuned weights have {more:.1f} points more, which may be chance on {_dev(queries)}"


def _dev(queries: int) -> str:
    return f"{queries:,} dev {'query' if queries == 1 else 'queries'}"


def _kept(before: float, after: float, name: str) -> str:
    verb = "loses" if after < before else "gains"
    return (
        f", and on {name}, another field, it {verb} {100 * abs(after - before):.1f}"
        f" ({before:.3f} to {after:.3f})"
    )


def _no_gain(start: dict[str, float], best: float, least: float, queries: int) -> str:
    before = start[CRITERION]
    if best > before:
        return (
            f"what gains most on the dev split, {100 * (best - before):.1f} points of nDCG@10"
            f" ({before:.3f} to {best:.3f}), gains no more than the {100 * least:.1f} that may be"
            f" chance on {_dev(queries)}; keep using the start model, and add training data:"
            " with more of it the dev split has more queries too"
        )
    return (
        "nothing between the start model and the tuned one ranks the dev split better"
        f" (nDCG@10 {before:.3f} before, {best:.3f} at best); keep using the start model, and add"
        " or mend training data"
    )
