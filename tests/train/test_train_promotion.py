"""Only a model that is better and has not forgotten is promoted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_examples import SLANG, THINGS, example, snapshot

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.retrieval import Collection, TrainedModel
from distiller.splade import SpladeEncoder, StartModel
from distiller.store import Store
from distiller.train import Recipe, train
from distiller.train.interpolation import interpolated
from distiller.train.measure import CRITERION, measure
from distiller.train.promotion import Trial, decide, verdict

RECIPE = Recipe(interpolations=(0.25, 0.5))
TEXTS = ["banana window", "The rules about tax and every window are written down here."]


def measured(ndcg: float, dims: float = 50.0) -> dict[str, float]:
    return {"ndcg@10": ndcg, "query_dims": dims, "passage_dims": dims}


def trial(dev: dict[float, float], canary: dict[float | None, float] | None = None) -> Trial:
    asked = canary
    return Trial(
        dev=lambda share: measured(dev[share]),
        canary=asked.__getitem__ if asked else None,
        queries=500,
        canary_name="cooking" if asked else "",
    )


def test_the_best_share_of_the_way_is_chosen_and_the_nearer_of_equals() -> None:
    verdict = decide(RECIPE, measured(0.5), measured(0.6), trial({0.25: 0.55, 0.5: 0.65}))
    assert (verdict.promoted, verdict.interpolation) == (True, 0.5)
    assert [one.share for one in verdict.tried] == [0.25, 0.5, 1.0]
    assert "gains 15.0 points of nDCG@10 (0.500 to 0.650)" in verdict.why
    assert "not known" in verdict.why
    verdict = decide(RECIPE, measured(0.5), measured(0.6), trial({0.25: 0.55, 0.5: 0.6}))
    assert verdict.interpolation == 0.5


def test_part_of_the_way_may_help_where_all_of_it_hurts() -> None:
    verdict = decide(RECIPE, measured(0.5), measured(0.4), trial({0.25: 0.52, 0.5: 0.5}))
    assert (verdict.promoted, verdict.interpolation) == (True, 0.25)


def test_no_gain_is_no_promotion() -> None:
    verdict = decide(RECIPE, measured(0.5), measured(0.5), trial({0.25: 0.5, 0.5: 0.49}))
    assert (verdict.promoted, verdict.interpolation) == (False, 0.0)
    assert "keep using the start model" in verdict.why
    strict = RECIPE.model_copy(update={"least_gain": 0.1})
    verdict = decide(strict, measured(0.5), measured(0.6), trial({0.25: 0.55, 0.5: 0.58}))
    assert not verdict.promoted
    assert "10.0 points of nDCG@10 (0.500 to 0.600), gains no more than the 10.0" in verdict.why


def test_a_gain_that_one_query_can_make_is_no_promotion() -> None:
    few = replace(trial({0.25: 0.55, 0.5: 0.5}), queries=4)
    refused = decide(RECIPE, measured(0.5), measured(0.75), few)
    assert not refused.promoted
    assert "gains no more than the 25.0 that may be chance on 4 dev queries" in refused.why
    assert decide(RECIPE, measured(0.5), measured(0.76), few).interpolation == 1.0
    more = replace(few, queries=21)
    assert decide(RECIPE, measured(0.5), measured(0.5), more).interpolation == 0.25
    bold = RECIPE.model_copy(update={"deciding_queries": 0})
    assert decide(bold, measured(0.5), measured(0.51), few).interpolation == 0.25


def test_tuned_weights_have_to_beat_what_met_the_corpus() -> None:
    known = replace(trial({0.0: 0.58, 0.25: 0.62, 0.5: 0.6}), met=True, queries=20)
    refused = decide(RECIPE, measured(0.5), measured(0.6), known)
    assert refused.interpolation == 0.0
    assert refused.why.endswith("have 4.0 points more, which may be chance on 20 dev queries")
    passed = decide(RECIPE, measured(0.5), measured(0.64), known)
    assert passed.interpolation == 1.0
    assert "chance" not in passed.why
    # a worse one is no bar, and is not taken
    worse = replace(trial({0.0: 0.4, 0.25: 0.5, 0.5: 0.5}), met=True, queries=20)
    assert decide(RECIPE, measured(0.5), measured(0.56), worse).interpolation == 1.0
    assert not decide(RECIPE, measured(0.5), measured(0.55), worse).promoted
    # where what was tuned has forgotten, it is the next
    forgot = replace(known, canary={None: 0.4, 0.0: 0.39, 1.0: 0.3}.__getitem__)
    assert decide(RECIPE, measured(0.5), measured(0.64), forgot).interpolation == 0.0


def test_a_start_model_that_has_met_the_corpus_is_chosen_where_nothing_is_better() -> None:
    def chosen(met: float, canary: dict[float | None, float] | None = None):
        known = replace(trial({0.0: met, 0.25: 0.5, 0.5: 0.502}, canary), met=True)
        return decide(RECIPE, measured(0.5), measured(0.49), known)

    assert (chosen(0.5).promoted, chosen(0.5).interpolation) == (True, 0.0)
    assert "500 dev queries cannot tell it from the start model" in chosen(0.5).why
    assert "gains 0.3 points" in chosen(0.503).why
    assert (chosen(0.499).promoted, chosen(0.499).interpolation) == (True, 0.0)
    assert "cannot tell it from the start model (nDCG@10 0.500 to 0.499)" in chosen(0.499).why
    assert not chosen(0.497).promoted
    forgot = chosen(0.5, {None: 0.5, 0.0: 0.4})
    assert (forgot.promoted, forgot.interpolation, forgot.canary_saved) == (False, 0.0, 0.5)
    assert chosen(0.5, {None: 0.5, 0.0: 0.49}).promoted


def test_what_met_the_corpus_is_one_of_the_shares() -> None:
    known = replace(trial({0.0: 0.65, 0.25: 0.6, 0.5: 0.65}), met=True)
    found = decide(RECIPE, measured(0.5), measured(0.6), known)
    assert (found.promoted, found.interpolation) == (True, 0.0)
    assert [one.share for one in found.tried] == [0.0, 0.25, 0.5, 1.0]


def test_a_collapsed_model_is_not_promoted_whatever_it_measures() -> None:
    verdict = decide(RECIPE, measured(0.5), measured(0.9, dims=2.0), trial({0.25: 0.4, 0.5: 0.4}))
    assert not verdict.promoted


def test_the_best_that_has_not_forgotten_is_promoted() -> None:
    canary = {None: 0.40, 1.0: 0.30, 0.5: 0.39}
    verdict = decide(RECIPE, measured(0.5), measured(0.7), trial({0.25: 0.55, 0.5: 0.6}, canary))
    assert (verdict.promoted, verdict.interpolation) == (True, 0.5)
    assert (verdict.canary, verdict.canary_start, verdict.canary_saved) == ("cooking", 0.40, 0.39)
    assert "on cooking, another field, it loses 1.0 (0.400 to 0.390)" in verdict.why


def test_where_all_have_forgotten_the_best_is_kept_but_not_promoted() -> None:
    canary = {None: 0.40, 1.0: 0.30, 0.5: 0.31, 0.25: 0.35}
    verdict = decide(RECIPE, measured(0.5), measured(0.7), trial({0.25: 0.55, 0.5: 0.6}, canary))
    assert (verdict.promoted, verdict.interpolation) == (False, 1.0)
    assert "has forgotten too much; keep using the start model" in verdict.why
    lax = RECIPE.model_copy(update={"most_forgotten": 0.2})
    assert decide(lax, measured(0.5), measured(0.7), trial({0.25: 0.5, 0.5: 0.5}, canary)).promoted


def test_weights_between_start_and_tuned() -> None:
    start = {"w": torch.tensor([0.0, 2.0]), "positions": torch.tensor([1, 2])}
    tuned = {"w": torch.tensor([4.0, 4.0]), "positions": torch.tensor([1, 2])}
    between = interpolated(start, tuned, 0.25)
    assert between["w"].tolist() == [1.0, 2.5]
    assert between["positions"].tolist() == [1, 2]
    assert interpolated(start, tuned, 0.0)["w"].tolist() == [0.0, 2.0]
    assert interpolated(start, tuned, 1.0)["w"].tolist() == [4.0, 4.0]


def canary() -> Collection:
    """What the jargon meant before: its words stand in the passages that answer."""
    words = [(slang, thing) for slang in sorted(SLANG) for thing in THINGS[:4]]
    corpus = {f"p{n}": f"One more {s} was eaten by the {t}." for n, (s, t) in enumerate(words)}
    corpus |= {f"r{n}": f"The rules about {SLANG[s]} and {t}." for n, (s, t) in enumerate(words)}
    return Collection(
        name="zoo",
        corpus=corpus,
        queries={f"q{n}": f"{s} {t}" for n, (s, t) in enumerate(words)},
        qrels={f"q{n}": {f"p{n}": 1} for n in range(len(words))},
    )


def dense(path: str | Path) -> np.ndarray:
    return SpladeEncoder(path).encode_passages(TEXTS).toarray()


@pytest.fixture(scope="module")
def forgetful(
    learnable: DatasetSnapshot,
    recipe: Recipe,
    tiny: StartModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> TrainedModel:
    """Trained so hard on the jargon that it has lost what the words meant."""
    hard = recipe.model_copy(update={"learning_rate": 5e-4, "interpolations": ()})
    folder = tmp_path_factory.mktemp("forgetful") / "tuned"
    return train(learnable, hard, tiny, folder, canary=canary())


def test_a_forgetful_model_is_refused(forgetful: TrainedModel, tiny: StartModel) -> None:
    assert not forgetful.promoted
    assert forgetful.recommended == tiny.name
    verdict = forgetful.recipe["promotion"]
    # what is said was measured on what was saved
    for measured, model in {"canary_start": tiny.source, "canary_saved": forgetful.path}.items():
        encoder = SpladeEncoder(model, passage_length=32)
        assert measure(encoder, canary())[CRITERION] == pytest.approx(verdict[measured])
    assert verdict["canary_start"] - verdict["canary_saved"] > 0.02
    assert np.abs(dense(forgetful.path) - dense(tiny.source)).max() > 1e-2
    card = (Path(forgetful.path) / "README.md").read_text()
    assert "**Not promoted:** on the dev split it gains" in card
    assert "has forgotten too much" in card
    assert f"Use `{tiny.name}` instead" in card


def test_the_verdict_is_kept_with_the_model(forgetful: TrainedModel, store: Store) -> None:
    kept = forgetful.model_copy(update={"project_id": None})
    store.save_model(kept)
    assert store.models(None) == [kept]
    assert store.models(None)[0].promotion == forgetful.promotion


def test_part_of_the_way_may_be_what_has_not_forgotten(
    learnable: DatasetSnapshot, recipe: Recipe, tiny: StartModel, output: Path
) -> None:
    allowed = recipe.model_copy(
        update={"learning_rate": 5e-4, "interpolations": (0.1, 0.3), "most_forgotten": 0.2}
    )
    trained = train(learnable, allowed, tiny, output, canary=canary())
    assert trained.promoted
    assert 0 < trained.interpolation < 1
    verdict = trained.recipe["promotion"]
    assert verdict["canary_start"] - verdict["canary_saved"] <= 0.2
    card = (output / "README.md").read_text()
    assert "**Promoted:** on the dev split it gains" in card
    assert f"{trained.interpolation:g} of the tuned weights" in card


def test_a_worse_model_is_refused_and_the_start_model_is_what_is_saved(
    learnable: DatasetSnapshot, recipe: Recipe, tiny: StartModel, output: Path
) -> None:
    """What it learns is the opposite of what the dev split asks."""
    misled = [example(number, "train") for number in range(16)]
    for one in misled:
        one.positives, one.negatives = (
            [one.negatives[0].model_copy(update={"grade": 3})],
            [one.positives[0].model_copy(update={"grade": 0})],
        )
    data = snapshot([*misled, *learnable.examples[16:]])
    trained = train(data, recipe, tiny, output)
    assert not trained.promoted
    assert trained.best_step == 0
    assert trained.interpolation == 0.0
    assert "keep using the start model" in trained.promotion
    np.testing.assert_allclose(dense(trained.path), dense(tiny.source), atol=1e-6)
    assert "**Not promoted:**" in (output / "README.md").read_text()


def test_the_verdict_is_one_line(forgetful: TrainedModel) -> None:
    line = verdict(forgetful)
    assert line.startswith("not promoted, use tiny instead: on the dev split it gains")
    assert "\n" not in line
    half = {"promoted": True, "why": "it gains 3", "interpolation": 0.5}
    promoted = forgetful.model_copy(update={"recipe": {"promotion": half}})
    assert verdict(promoted) == "promoted, with 0.5 of the tuned weights: it gains 3"


def test_what_was_trained_before_anybody_asked_has_no_verdict() -> None:
    old = TrainedModel(
        id="m", project_id=None, path="p", base="tiny", snapshot_hash="h", recipe={}, best_step=5
    )
    assert (old.promoted, old.promotion, old.interpolation) == (True, "", 1.0)
    assert not old.model_copy(update={"best_step": 0}).promoted
