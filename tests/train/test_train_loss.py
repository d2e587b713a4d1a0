"""The loss, worked out by hand from the model's own weights."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.losses import CachedSpladeLoss, SpladeLoss

from distiller.train.recipe import Recipe, plan
from distiller.train.rows import TrainingRow
from distiller.train.trainer import splade_loss

ROWS = [
    TrainingRow("rent deposit", "The deposit is returned.", ("A deposit of clay.",)),
    TrainingRow("who repairs the roof", "The landlord repairs the roof.", ("Roof gardens.",)),
]
RECIPE = Recipe(query_lambda=0.02, passage_lambda=0.03, negatives_per_query=1)


def columns() -> list[list[str]]:
    return [
        [row.query for row in ROWS],
        [row.positive for row in ROWS],
        [row.negatives[0] for row in ROWS],
    ]


@pytest.fixture
def model(tiny) -> SparseEncoder:
    """In training mode, with nothing left to chance."""
    loaded = SparseEncoder(tiny.source, device="cpu").train()
    for module in loaded.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return loaded


def value_and_gradient(loss: SpladeLoss, model: SparseEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    model.zero_grad()
    total = torch.stack(list(loss([model.preprocess(c) for c in columns()]).values())).sum()
    total.backward()
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return total.detach(), torch.cat(gradients)


def test_the_loss_is_infonce_plus_weighted_flops(model: SparseEncoder) -> None:
    loss = splade_loss(model, RECIPE, plan(RECIPE, 2), ROWS)
    assert type(loss) is SpladeLoss
    total, _ = value_and_gradient(loss, model)
    queries, positives, negatives = (
        model.encode(texts, convert_to_sparse_tensor=False) for texts in columns()
    )
    scores = queries @ torch.cat([positives, negatives]).T  # no temperature: scale 1
    infonce = torch.stack([row.logsumexp(0) - row[i] for i, row in enumerate(scores)]).mean()
    passages = torch.cat([positives, negatives])
    expected = infonce + 0.02 * (queries.mean(0) ** 2).sum() + 0.03 * (passages.mean(0) ** 2).sum()
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_large_steps_are_computed_in_parts_with_the_same_gradient(model: SparseEncoder) -> None:
    plain = splade_loss(model, RECIPE, plan(RECIPE, 2), ROWS)
    wide = [TrainingRow(row.query, row.positive, row.negatives * 600) for row in ROWS]
    parts = splade_loss(model, RECIPE, plan(RECIPE, 2), wide)
    assert isinstance(parts, CachedSpladeLoss)
    value, gradient = value_and_gradient(plain, model)
    value_in_parts, gradient_in_parts = value_and_gradient(parts, model)
    assert value_in_parts.item() == pytest.approx(value.item(), rel=1e-5)
    # float32 sums in another order; gradients are up to about 1
    torch.testing.assert_close(gradient_in_parts, gradient, rtol=1e-3, atol=1e-5)
