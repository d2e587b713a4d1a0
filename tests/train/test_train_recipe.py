"""Steps, cadence and the regulariser's ramp."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from distiller.train.callbacks import SteeringCallback
from distiller.train.recipe import PRESETS, Recipe, plan, ramp_weight
from distiller.train.sparsity import Side, Steering


def test_many_rows_take_the_epochs_that_were_asked_for() -> None:
    # 2,000 rows / 8 = 250 steps an epoch; 3 epochs = 750; 6 evaluations, one every 125 steps,
    # rounded up to 4 saves of 32 steps = 128; 6 × 128 = 768 steps.
    schedule = plan(Recipe(epochs=3, batch_size=8, evaluations=6), 2000)
    assert (schedule.steps, schedule.evaluate_every, schedule.save_every) == (768, 128, 32)
    assert schedule.warmup_steps == 76  # a tenth, rounded down
    assert schedule.ramp_steps == 256  # a third


def test_a_dozen_rows_take_the_least_number_of_steps() -> None:
    schedule = plan(Recipe(epochs=3, batch_size=8, min_steps=60, evaluations=6), 14)
    assert (schedule.steps, schedule.batch_size) == (60, 8)
    assert (schedule.evaluate_every, schedule.save_every) == (10, 10)
    assert plan(Recipe(batch_size=8), 3).batch_size == 3


@given(
    rows=st.integers(1, 100_000),
    epochs=st.floats(0.1, 20),
    least=st.integers(1, 500),
    batch=st.integers(1, 128),
    evaluations=st.integers(1, 50),
)
def test_the_last_step_is_measured_and_every_measured_step_is_saved(
    rows: int, epochs: float, least: int, batch: int, evaluations: int
) -> None:
    recipe = Recipe(epochs=epochs, min_steps=least, batch_size=batch, evaluations=evaluations)
    schedule = plan(recipe, rows)
    assert schedule.steps >= max(least, epochs * rows / min(batch, rows))
    assert schedule.steps % schedule.evaluate_every == 0
    assert schedule.evaluate_every % schedule.save_every == 0
    assert schedule.steps / schedule.evaluate_every <= evaluations
    assert 1 <= schedule.ramp_steps <= schedule.steps


@pytest.mark.parametrize(
    ("step", "weight"),
    [(0, 0.0), (1, 6e-4 / 16), (2, 6e-4 / 4), (3, 6e-4 * 9 / 16), (4, 6e-4), (11, 6e-4)],
)
def test_the_ramp_is_the_square_of_the_step(step: int, weight: float) -> None:
    assert ramp_weight(step, 4, 6e-4) == pytest.approx(weight, rel=1e-12)


def test_the_trainer_ramps_as_the_formula_says() -> None:
    schedule = plan(Recipe(min_steps=30, evaluations=1, ramp=1 / 3), 8)
    steering = Steering(Side(1e-3, None), Side(6e-4, None), schedule.ramp_steps)
    callback = SteeringCallback(steering)
    for step in range(schedule.steps):
        callback.on_step_begin(None, SimpleNamespace(global_step=step), None)
        expected = [ramp_weight(step, schedule.ramp_steps, full) for full in (1e-3, 6e-4)]
        actual = [side.weight(steering.ramp) for side in (steering.query, steering.passage)]
        assert actual == pytest.approx(expected, rel=1e-9)


def test_accumulated_batches_make_fewer_steps() -> None:
    one, two = (
        plan(Recipe(min_steps=1, batch_size=8, accumulation=n, evaluations=1), 2000) for n in (1, 2)
    )
    assert (one.steps, two.steps) == (752, 376)  # 750 and 375, rounded up to four saves


@pytest.mark.parametrize("shares", [(0.0,), (0.5, 1.0), (-0.5,)])
def test_shares_of_the_way_lie_between_start_and_tuned(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="between 0 and 1"):
        Recipe(interpolations=shares)


def test_presets_are_named_for_themselves_and_say_why() -> None:
    assert list(PRESETS) == ["quick", "balanced", "thorough", "instant"]
    for name, recipe in PRESETS.items():
        assert recipe.name == name
        assert recipe.evidence.endswith(".")
        assert recipe.words.endswith(".")
    steps = [plan(recipe, 500).steps for recipe in list(PRESETS.values())[:3]]
    assert steps == sorted(steps)


@pytest.mark.parametrize("field", ["epochs", "min_steps", "batch_size", "learning_rate", "ramp"])
def test_nonsense_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Recipe.model_validate({field: 0})


@pytest.mark.parametrize("recipe", [Recipe(), *PRESETS.values()], ids=lambda one: one.name)
def test_a_recipe_that_was_read_again_is_of_the_same_training(recipe: Recipe) -> None:
    # Its text decides that, and so whether a training goes on at its checkpoint.
    again = Recipe.model_validate_json(recipe.model_dump_json())
    assert json.dumps(again.model_dump()) == json.dumps(recipe.model_dump())


def test_presets_load_no_torch() -> None:
    code = "import sys, distiller.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
