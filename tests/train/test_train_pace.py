"""How long a training takes, by a trial on this computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import InputError
from distiller.schema.jobs import Progress
from distiller.schema.retrieval import TrainedModel
from distiller.splade import StartModel
from distiller.train import PRESETS, Recipe, rows
from distiller.train.pace import (
    ENCODING,
    Pace,
    calibrate,
    changed,
    expected_seconds,
    of_training,
)
from distiller.train.recipe import plan


def test_the_time_is_that_of_all_texts_and_all_measurings():
    recipe = Recipe(
        epochs=2,
        min_steps=1,
        batch_size=5,
        negatives_per_query=3,
        evaluations=2,
        interpolations=(0.3, 0.6),
        rarity_power=0,
    )
    steps = plan(recipe, 50).steps
    pace = Pace(seconds_per_text=0.1, seconds_to_measure=7)
    assert steps == 20
    assert expected_seconds(recipe, 50, pace) == pytest.approx(20 * 5 * (2 + 3) * 0.1 + 5 * 7)


def test_measuring_takes_longer_among_more_passages():
    recipe = Recipe(evaluations=2, interpolations=(0.5,), rarity_power=0)
    pace = Pace(seconds_per_text=0.1, seconds_to_measure=7, passages=100)
    usual = expected_seconds(recipe, 50, pace)
    assert expected_seconds(recipe, 50, pace, 100) == pytest.approx(usual)
    assert expected_seconds(recipe, 50, pace, 300) == pytest.approx(usual + 4 * 7 * 2)
    unknown = pace.model_copy(update={"passages": 0})
    more = expected_seconds(recipe, 50, unknown, 300) - expected_seconds(recipe, 50, unknown)
    assert more == pytest.approx(4 * (300 * 0.1 * ENCODING - 7))


def test_meeting_the_corpus_takes_its_time():
    pace = Pace(seconds_per_text=0.1, seconds_to_measure=7, passages=100)
    never = Recipe(rarity_power=0)
    counted = expected_seconds(Recipe(), 50, pace) - expected_seconds(never, 50, pace)
    assert counted == pytest.approx(2 * 7)
    unread = Recipe(reads=False)
    learned = expected_seconds(unread, 50, pace) - expected_seconds(never, 50, pace)
    assert learned == pytest.approx(50 * 32 * 0.1 / 2 + 7)
    assert expected_seconds(Recipe(query_table=True), 50, pace) < expected_seconds(
        Recipe(), 50, pace
    )


@pytest.mark.parametrize("changes", [{}, {"rarity_power": 0}, {"reads": False}])
def test_the_pace_of_a_training_gives_its_own_time_again(changes: dict[str, float]):
    recipe = Recipe(**changes)
    met = recipe.counts_rarity or not recipe.reads
    shares = [*([0.0] if met else []), *recipe.interpolations, 1.0]
    model = TrainedModel(
        id="m",
        project_id=None,
        path="p",
        base="tiny",
        snapshot_hash="h",
        recipe=recipe.model_dump()
        | {"plan": plan(recipe, 50).model_dump(), "identity": "i"}
        | {"promotion": {"tried": [{"share": share} for share in shares]}},
        metrics=[{"step": n * 10} for n in range(recipe.evaluations)]
        + [{"step": plan(recipe, 50).steps}],
        best_step=0,
    )
    pace = of_training(model, 600, 1000)
    assert pace is not None
    assert expected_seconds(recipe, 50, pace, 1000) == pytest.approx(600)
    assert of_training(model.model_copy(update={"metrics": []}), 600, 1000) is None


def test_more_careful_presets_take_longer():
    pace = Pace(seconds_per_text=0.01, seconds_to_measure=1)
    times = [
        expected_seconds(PRESETS[name], 1_000, pace) for name in ("quick", "balanced", "thorough")
    ]
    assert times == sorted(times)


def test_a_trial_measures_and_leaves_nothing(
    learnable: DatasetSnapshot, tiny: StartModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made: list[DatasetSnapshot] = []

    class Counted(rows._Sampling):
        def __init__(self, snapshot: DatasetSnapshot) -> None:
            made.append(snapshot)
            super().__init__(snapshot)

    monkeypatch.setattr(rows, "_Sampling", Counted)
    told: list[Progress] = []
    pace = calibrate(learnable, tiny, tmp_path, on_progress=told.append)
    assert 0 < pace.seconds_per_text < 10
    assert 0 < pace.seconds_to_measure < 100
    assert pace.passages == learnable.counts["passages"]
    assert {progress.stage for progress in told} == {"calibrate"}
    assert list(tmp_path.iterdir()) == []
    assert len(made) == 1, "the dev set of a large snapshot takes long to make"


def test_own_settings_have_a_name_of_their_own_and_are_checked():
    balanced = PRESETS["balanced"]
    assert changed(balanced, {}) == balanced == changed(balanced, {"epochs": balanced.epochs})
    longer = changed(balanced, {"epochs": 9, "batch_size": 4})
    assert (longer.epochs, longer.batch_size) == (9, 4)
    assert longer.name.startswith("balanced-")
    assert longer.name != changed(balanced, {"epochs": 10}).name
    for wrong in ({"epochs": 0}, {"batch_size": 0.5}, {"nothing": 1}, {"learning_rate": -1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            changed(balanced, wrong)
