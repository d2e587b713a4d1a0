"""The model card says what was measured, and no more."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from train_examples import example, snapshot

from distiller.schema.retrieval import TrainedModel
from distiller.train.card import render, verdict
from distiller.train.recipe import PRESETS, plan


def entry(step: int, ndcg: float | None) -> dict[str, Any]:
    measured = {} if ndcg is None else {"ndcg@10": ndcg, "recall@100": 0.75}
    return {"step": step, "query_dims": 21.25, "passage_dims": 180.0, **measured}


def trained(metrics: list[dict[str, Any]], best_step: int, **fields: Any) -> TrainedModel:
    recipe = PRESETS["balanced"]
    return TrainedModel.model_validate(
        {
            "id": "m-1",
            "project_id": None,
            "path": "/somewhere/private/tenancy",
            "base": "tiny",
            "base_license": "apache-2.0",
            "snapshot_hash": "ab" * 32,
            "recipe": recipe.model_dump()
            | {"identity": "x", "language": "en", "plan": plan(recipe, 100).model_dump()},
            "metrics": metrics,
            "best_step": best_step,
            **fields,
        }
    )


DATA = snapshot(
    [example(0, "train"), example(1, "val")],
    lineage={
        "models": ["qwen-1.5b"],
        "prompts": ["queries.write@1", "passages.positive@2"],
        "reviewers": {"Ada": 12},
        "cost": None,
    },
)
RISEN = trained([entry(0, 0.4), entry(10, 0.5), entry(20, 0.45)], 10)


def test_a_gain_is_told_with_its_caveats() -> None:
    said = verdict(RISEN, 80)
    assert "On 80 dev queries ndcg@10 went from 0.400 to 0.500" in said
    assert "chosen on these same queries" in said
    assert "inconclusive" not in said


def test_few_queries_are_inconclusive() -> None:
    assert "fewer than 50 queries the difference is inconclusive" in verdict(RISEN, 49)


def test_no_gain_and_no_measurement_are_not_dressed_up() -> None:
    assert "did not help" in verdict(trained([entry(0, 0.4), entry(10, 0.3)], 0), 80)
    assert "nobody knows" in verdict(trained([entry(0, None), entry(10, None)], 10), 0)


def test_the_table_shows_start_saved_and_last_step() -> None:
    card = render(RISEN, DATA, dev_queries=80)
    assert "| 0 | start model | 0.400 | 0.750 | 21.2 | 180.0 |" in card
    assert "| 10 | saved | 0.500 |" in card
    assert "| 20 | last step | 0.450 |" in card
    unmeasured = render(trained([entry(0, None), entry(9, None)], 9), DATA, dev_queries=0)
    assert "| 9 | last step, saved | – | – | 21.2 | 180.0 |" in unmeasured


def test_the_lineage_is_told() -> None:
    card = render(RISEN, DATA, dev_queries=80)
    assert "- Models: qwen-1.5b\n" in card
    assert "- Prompts: queries.write@1, passages.positive@2\n" in card
    assert "- Reviewers: Ada: 12\n" in card
    assert "Cost" not in card
    assert "1 train, 1 val and 0 test queries over 4 passages" in card
    assert "ab" * 32 in card


def test_no_path_of_the_machine_is_told() -> None:
    card = render(RISEN, DATA, dev_queries=80)
    assert "private" not in card
    assert 'SparseEncoder("tenancy")' in card


@pytest.mark.parametrize(
    ("base", "license_", "front", "said"),
    [
        ("tiny", "apache-2.0", {"license": "apache-2.0"}, "licence apache-2.0"),
        ("owner/model", "mit", {"license": "mit", "base_model": "owner/model"}, "licence mit"),
        ("folder", "unknown", {}, "find out before you share"),
        ("a/b", "cc-by-nc-sa-4.0", {"base_model": "a/b"}, "forbids commercial use"),
    ],
)
def test_the_licence_of_the_start_model_is_passed_on(
    base: str, license_: str, front: dict[str, str], said: str
) -> None:
    model = trained([entry(0, 0.4)], 0, base=base, base_license=license_)
    card = render(model, DATA, dev_queries=80)
    data = yaml.safe_load(card.split("---")[1])
    assert front.items() <= data.items()
    assert ("license" in data) == (license_ != "unknown")
    assert ("base_model" in data) == ("/" in base)
    assert said in card
