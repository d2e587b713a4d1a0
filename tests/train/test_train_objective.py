"""The whole loss, worked out from the model's own weights and beside the library's."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.losses import (
    SparseMultipleNegativesRankingLoss,
    SpladeLoss,
)

from distiller.splade.loading import load_model
from distiller.train.guard import general_texts, reference
from distiller.train.objective import CachedObjective, Objective
from distiller.train.recipe import Recipe, plan
from distiller.train.rows import TrainingRow
from distiller.train.supervision import supervision
from distiller.train.trainer import objective

ROWS = [
    TrainingRow("rent deposit", "The deposit is returned.", ("A deposit of clay.",)),
    TrainingRow("who repairs the roof", "The landlord repairs the roof.", ("Roof gardens.",)),
]
RECIPE = Recipe(query_lambda=0.02, passage_lambda=0.03, negatives_per_query=1, steered=False)
LABELS = torch.arange(2)


def columns(rows: list[TrainingRow] = ROWS) -> list[list[str]]:
    return [
        [row.query for row in rows],
        [row.positive for row in rows],
        *([row.negatives[index] for row in rows] for index in range(len(rows[0].negatives))),
    ]


@pytest.fixture
def model(tiny) -> SparseEncoder:
    """In training mode, with nothing left to chance."""
    loaded = SparseEncoder(tiny.source, device="cpu")
    for module in loaded.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return loaded


def built(
    model: SparseEncoder, recipe: Recipe = RECIPE, rows: list[TrainingRow] = ROWS
) -> Objective:
    """The loss at the full strength of its regularisers."""
    known = supervision(rows)
    drawn = recipe.general_texts if recipe.general_weight else 0
    start = reference(model, known, recipe, general_texts(model, drawn, 1))
    loss = objective(model, recipe, plan(recipe, len(rows)), known, start)
    loss.steering.step = loss.steering.ramp_steps
    model.train()
    return loss


def parts(
    loss: torch.nn.Module, model: SparseEncoder, texts: list[list[str]] | None = None
) -> dict[str, torch.Tensor]:
    return loss([model.preprocess(column) for column in texts or columns()], LABELS)


def gradient(loss: torch.nn.Module, model: SparseEncoder) -> tuple[float, torch.Tensor]:
    model.zero_grad()
    total = torch.stack(list(parts(loss, model).values())).sum()
    total.backward()
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return total.item(), torch.cat(gradients)


def encoded(model: SparseEncoder) -> list[torch.Tensor]:
    return [model.encode(texts, convert_to_sparse_tensor=False) for texts in columns()]


def test_the_loss_is_infonce_plus_weighted_flops(model: SparseEncoder) -> None:
    queries, positives, negatives = encoded(model)
    loss = built(model)
    assert type(loss) is Objective
    total, _ = gradient(loss, model)
    passages = torch.cat([positives, negatives])
    scores = queries @ passages.T  # no temperature: scale 1
    infonce = torch.stack([row.logsumexp(0) - row[i] for i, row in enumerate(scores)]).mean()
    expected = infonce + 0.02 * (queries.mean(0) ** 2).sum() + 0.03 * (passages.mean(0) ** 2).sum()
    assert total == pytest.approx(expected.item(), rel=1e-5)


def test_value_and_gradient_are_the_librarys_where_we_add_nothing(model: SparseEncoder) -> None:
    theirs = SpladeLoss(
        model,
        SparseMultipleNegativesRankingLoss(model),
        document_regularizer_weight=0.03,
        query_regularizer_weight=0.02,
    )
    value, our_gradient = gradient(built(model), model)
    their_value, their_gradient = gradient(theirs, model)
    assert value == pytest.approx(their_value, rel=1e-6)
    torch.testing.assert_close(our_gradient, their_gradient)


def test_large_steps_are_computed_in_parts_with_the_same_gradient(model: SparseEncoder) -> None:
    recipe = RECIPE.model_copy(update={"self_distillation": 0.5})
    whole = built(model, recipe)
    wide = [replace(row, negatives=row.negatives * 600) for row in ROWS]
    assert isinstance(built(model, recipe, wide), CachedObjective)
    in_parts = CachedObjective(model, recipe, whole.known, whole.start, whole.steering, part=1)
    value, plain = gradient(whole, model)
    value_in_parts, gradient_in_parts = gradient(in_parts, model)
    assert value_in_parts == pytest.approx(value, rel=1e-5)
    # float32 sums in another order; gradients are up to about 1
    torch.testing.assert_close(gradient_in_parts, plain, rtol=1e-3, atol=1e-5)


def test_without_logits_larger_steps_fit_in_one_piece(tiny, model: SparseEncoder) -> None:
    wide = [replace(row, negatives=row.negatives * 600) for row in ROWS]
    fast, _ = load_model(tiny.source, device="cpu")
    assert type(built(fast, rows=wide)) is Objective
    wider = [replace(row, negatives=row.negatives * 6000) for row in ROWS]
    assert type(built(fast, rows=wider)) is CachedObjective
    assert type(built(model, rows=wide)) is CachedObjective


def test_weights_share_the_gradient_out_among_the_rows(model: SparseEncoder) -> None:
    recipe = RECIPE.model_copy(update={"query_lambda": 0.0, "passage_lambda": 0.0})

    def of(first: float, second: float) -> torch.Tensor:
        rows = [replace(ROWS[0], weight=first), replace(ROWS[1], weight=second)]
        return gradient(built(model, recipe, rows), model)[1]

    one, other, both = of(1.0, 1e-9), of(1e-9, 1.0), of(1.0, 1.0)
    torch.testing.assert_close((one + other) / 2, both, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close((3 * one + other) / 4, of(3.0, 1.0), rtol=1e-3, atol=1e-4)
    assert (both - of(3.0, 1.0)).abs().max() > 1e-3


def test_the_teacher_speaks_on_the_models_scale(model: SparseEncoder) -> None:
    taught = [replace(row, scores=(100.0, 40.0)) for row in ROWS]
    recipe = RECIPE.model_copy(update={"kl_weight": 0.0, "margin_weight": 1.0})
    queries, positives, negatives = encoded(model)
    found = parts(built(model, recipe, taught), model)
    ours = torch.stack([(queries * positives).sum(1), (queries * negatives).sum(1)], dim=1)
    spread = ours.std(1, correction=0).mean()
    margins = ours[:, 0] - ours[:, 1]
    # z-scores of two candidates are 1 and -1, whatever the teacher's unit
    expected = ((margins - 2 * spread) ** 2).mean()
    assert found["teacher_loss"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert "teacher_loss" not in parts(built(model, recipe), model)


def test_the_guard_is_nothing_at_the_start_and_grows_as_the_model_moves(
    model: SparseEncoder,
) -> None:
    recipe = RECIPE.model_copy(update={"self_distillation": 1.0, "general_weight": 1.0})
    loss = built(model, recipe)
    texts = [*columns(), general_texts(model, recipe.general_texts, 1)[:2]]
    assert parts(loss, model, texts)["guard_loss"].item() == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.05)
    assert parts(loss, model, texts)["guard_loss"].item() > 0.1


def test_general_texts_are_words_of_the_models_own_vocabulary(model: SparseEncoder) -> None:
    texts = general_texts(model, 20, seed=3)
    assert texts == general_texts(model, 20, seed=3) != general_texts(model, 20, seed=4)
    vocabulary = model.tokenizer.get_vocab()
    assert all(word in vocabulary for text in texts for word in text.split())
    assert {len(text.split()) for text in texts} <= set(range(2, 13))
    assert general_texts(model, 0, seed=3) == []


def test_targets_are_the_start_models_own_dimensions_or_given(model: SparseEncoder) -> None:
    queries = encoded(model)[0]
    recipe = RECIPE.model_copy(update={"steered": True, "dims_ratio": 0.5, "passage_dims": 70.0})
    steering = built(model, recipe).steering
    own = (queries != 0).sum(1).float().mean().item()
    assert steering.query.target == pytest.approx(0.5 * own)
    assert steering.passage.target == 70.0
    assert built(model, RECIPE).steering.query.target is None
