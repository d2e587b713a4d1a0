"""Adapters learn in a model's place, and nobody needs peft for what comes out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SparseEncoder

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import StageFailed
from distiller.schema.jobs import Progress
from distiller.splade import SpladeEncoder, StartModel
from distiller.splade.head import is_installed
from distiller.train import Recipe, train
from distiller.train.adapters import add, are_in, merged, wanted_rank
from distiller.train.callbacks import BYSTANDER
from distiller.train.recipe import plan
from distiller.train.rows import training_rows
from distiller.train.task import Task

TEXTS = ["banana window", "The rules about tax and every window are written down here."]


@pytest.fixture
def adapted(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"adapter_rank": 4, "adapter_rate": 3e-3})


@pytest.fixture
def task(tiny: StartModel, learnable: DatasetSnapshot, adapted: Recipe, tmp_path: Path) -> Task:
    """Without a dev split, so that the last step is what is kept."""
    rows = training_rows(learnable.examples, adapted.negatives_per_query, adapted.seed)
    return Task(
        source=tiny.source,
        rows=rows,
        recipe=adapted,
        plan=plan(adapted, len(rows)),
        folder=tmp_path,
        keeps_best=False,
        device="cpu",
    )


def encoded(model: SparseEncoder | str | Path) -> np.ndarray:
    return SpladeEncoder(model).encode_passages(TEXTS).toarray()


def test_only_adapters_learn(task: Task) -> None:
    start = dict(task.load().state_dict())
    model = task.trainee(task.load())
    np.testing.assert_array_equal(encoded(model), encoded(task.load()))
    task.lead(model, BYSTANDER)
    moved, kept = [], []
    for name, value in model.state_dict().items():
        if "lora_" in name:
            moved.append(name)
            assert "lora_A" in name or value.abs().max() > 0
        else:
            kept.append(name.replace(".base_layer", ""))
            torch.testing.assert_close(value, start[kept[-1]], rtol=0, atol=0)
    assert sorted(kept) == sorted(start)
    assert len(moved) == 2 * 13  # six linear layers in each of two blocks, one after them
    assert {n for n, p in model.named_parameters() if p.requires_grad} == set(moved)
    assert np.abs(encoded(model) - encoded(task.load())).max() > 1e-2


def test_a_merged_model_is_the_adapted_one_without_adapters(task: Task, tmp_path: Path) -> None:
    model = task.trainee(task.load())
    task.lead(model, BYSTANDER)
    before = encoded(model)
    assert are_in(model)
    plain = merged(model, task.load())
    assert not are_in(plain)
    assert is_installed(plain)
    assert all(parameter.requires_grad for parameter in plain.parameters())
    np.testing.assert_allclose(encoded(plain), before, atol=1e-5)
    loaded = task.load(tmp_path / f"checkpoint-{task.plan.steps}")
    assert not are_in(loaded)
    np.testing.assert_allclose(encoded(loaded), before, atol=1e-5)


def test_adapters_are_trained_resumed_promoted_and_saved_as_a_plain_model(
    learnable: DatasetSnapshot, tiny: StartModel, adapted: Recipe, output: Path
) -> None:
    expected = train(learnable, adapted, tiny, output.with_name("whole"))
    assert expected.promoted

    def interrupt(progress: Progress) -> None:
        if progress.done == 8:
            raise InterruptedError

    with pytest.raises(StageFailed, match="goes on at the last checkpoint"):
        train(learnable, adapted, tiny, output, on_progress=interrupt)
    told: list[int] = []
    trained = train(
        learnable, adapted, tiny, output, on_progress=lambda progress: told.append(progress.done)
    )
    assert told[:2] == [0, 6]
    assert trained.promotion == expected.promotion
    assert trained.recipe["adapter_rank"] == 4
    np.testing.assert_allclose(encoded(trained.path), encoded(expected.path), atol=1e-5)
    without = (
        "import sys; sys.modules['peft'] = None\n"
        "from sentence_transformers import SparseEncoder\n"
        f"model = SparseEncoder({trained.path!r})\n"
        f"print(model.encode({TEXTS!r}, convert_to_sparse_tensor=False).sum().item())"
    )
    said = subprocess.run(
        [sys.executable, "-c", without], check=False, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert float(said.stdout.split()[-1]) == pytest.approx(
        float(encoded(trained.path).sum()), rel=1e-4
    )
    assert not list(output.rglob("adapter*"))


def test_without_a_dev_split_what_is_saved_has_no_adapters(
    learnable: DatasetSnapshot, tiny: StartModel, adapted: Recipe, output: Path
) -> None:
    small = learnable.model_copy(update={"examples": learnable.examples[:6]})
    short = adapted.model_copy(update={"min_steps": 4, "evaluations": 1})
    train(small, short, tiny, output)
    assert not list(output.rglob("adapter*"))
    assert np.abs(encoded(output) - encoded(tiny.source)).max() > 1e-3


def test_a_query_table_learns_beside_adapters(task: Task) -> None:
    both = replace(task, recipe=task.recipe.model_copy(update={"query_table": True}))
    model = both.trainee(both.load())
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name for name in learning if "lora_" not in name} == {"0.sub_modules.query.0.weight"}
    assert len(learning) == 2 * 13 + 1


def test_large_start_models_are_adapted_unless_the_recipe_says_otherwise(task: Task) -> None:
    model = task.load()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert wanted_rank(model, Recipe()) == 0
    assert wanted_rank(model, Recipe(adapters_from=parameters)) == 16
    assert wanted_rank(model, Recipe(adapters_from=parameters + 1)) == 0
    assert wanted_rank(model, Recipe(adapters_from=1, adapter_rank=0)) == 0
    assert wanted_rank(model, Recipe(adapter_rank=8)) == 8


def test_without_peft_it_says_what_to_install(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(StageFailed, match=r"domain-distiller\[adapters\].*adapter_rank to 0"):
        add(task.load(), 4, seed=1)
