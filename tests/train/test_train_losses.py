"""Each loss by hand, and beside sentence-transformers' own where there is one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.losses import (
    FlopsLoss,
    SparseDistillKLDivLoss,
    SparseMarginMSELoss,
    SparseMultipleNegativesRankingLoss,
)
from torch import tensor

from distiller.train.losses import (
    active_dims,
    calibrated,
    flops,
    info_nce,
    listwise_kl,
    margin_mse,
    ranking_kl,
    spread,
)

NAN = float("nan")
NONE_MASKED = torch.zeros(2, 4, dtype=torch.bool)
ONES = torch.ones(2)


@pytest.fixture(scope="module")
def model(tiny) -> SparseEncoder:
    return SparseEncoder(tiny.source, device="cpu")


@pytest.fixture
def embeddings() -> list[torch.Tensor]:
    """A query, a positive and two negatives of three rows; weights as SPLADE's: none below 0."""
    draw = torch.Generator().manual_seed(1)
    return [torch.rand(3, 20, generator=draw, requires_grad=True) for _ in range(4)]


def own_scores(embeddings: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack([(embeddings[0] * passages).sum(1) for passages in embeddings[1:]], dim=1)


def test_infonce_by_hand() -> None:
    scores = tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 3.0, 0.0, 0.0]])
    loss = info_nce(scores, tensor([0, 1]), NONE_MASKED, ONES)
    first = math.log(math.exp(2) + 1 + math.exp(1) + 1) - 2
    second = math.log(1 + math.exp(3) + 1 + 1) - 3
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_infonce_leaves_out_what_answers_too() -> None:
    scores = tensor([[2.0, 9.0, 1.0, 0.0], [0.0, 3.0, 0.0, 0.0]], requires_grad=True)
    never = NONE_MASKED.clone()
    never[0, 1] = True
    loss = info_nce(scores, tensor([0, 1]), never, tensor([1.0, 0.0]))
    expected = (math.log(math.exp(2) + math.exp(1) + 1) - 2) / 2  # mean over two rows
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    loss.backward()
    assert scores.grad is not None
    assert scores.grad[0, 1] == 0


def test_infonce_is_the_librarys_where_nothing_is_masked_or_weighted(model, embeddings) -> None:
    theirs = SparseMultipleNegativesRankingLoss(model).compute_loss_from_embeddings(
        embeddings, None
    )
    scores = embeddings[0] @ torch.cat(embeddings[1:]).T
    ours = info_nce(
        scores, torch.arange(3), torch.zeros_like(scores, dtype=torch.bool), torch.ones(3)
    )
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_a_rows_weight_scales_its_gradient(weight: float) -> None:
    def gradient(weights: torch.Tensor) -> torch.Tensor:
        scores = tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 3.0, 0.0, 0.0]], requires_grad=True)
        info_nce(scores, tensor([0, 1]), NONE_MASKED, weights).backward()
        assert scores.grad is not None
        return scores.grad

    plain, weighted = gradient(ONES), gradient(tensor([1.0, weight]))
    torch.testing.assert_close(weighted[0], plain[0])
    torch.testing.assert_close(weighted[1], plain[1] * weight)
    assert plain[1].abs().sum() > 0


def test_listwise_kl_by_hand() -> None:
    teacher, student = tensor([[math.log(3.0), 0.0]]), tensor([[0.0, 0.0]])
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert listwise_kl(student, teacher, ONES[:1]).item() == pytest.approx(expected, rel=1e-5)


def test_listwise_kl_is_the_librarys(model, embeddings) -> None:
    teacher = tensor([[3.0, 1.0, 0.5], [2.0, 2.5, 0.0], [1.0, 0.0, 0.0]])
    theirs = SparseDistillKLDivLoss(model, temperature=1.0).compute_loss_from_embeddings(
        embeddings, teacher
    )
    ours = listwise_kl(own_scores(embeddings), teacher, torch.ones(3))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_margin_mse_is_the_librarys(model, embeddings) -> None:
    teacher = tensor([[3.0, 1.0, 0.5], [2.0, 2.5, 0.0], [1.0, 0.0, 0.0]])
    theirs = SparseMarginMSELoss(model).compute_loss_from_embeddings(embeddings, teacher)
    ours = margin_mse(own_scores(embeddings), teacher, torch.ones(3))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_margin_mse_by_hand_with_a_negative_that_nobody_scored() -> None:
    student = tensor([[5.0, 3.0, 1.0], [4.0, 4.0, 0.0]], requires_grad=True)
    teacher = tensor([[2.0, 1.0, NAN], [3.0, 1.0, 1.0]])
    loss = margin_mse(student, teacher, tensor([1.0, 3.0]))
    # margins 2 against 1, then 0 against 2 and 4 against 2, these weighted threefold
    assert loss.item() == pytest.approx((1 * 1 + 3 * 4 + 3 * 4) / 3)
    loss.backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert student.grad[0, 2] == 0


def test_kl_leaves_out_what_nobody_scored_and_rows_with_one_score() -> None:
    student = tensor([[5.0, 3.0, 1.0], [4.0, 4.0, 0.0]], requires_grad=True)
    teacher = tensor([[2.0, 1.0, NAN], [3.0, NAN, NAN]])
    loss = listwise_kl(student, teacher, ONES)
    alone = listwise_kl(tensor([[5.0, 3.0]]), tensor([[2.0, 1.0]]), ONES[:1])
    assert loss.item() == pytest.approx(alone.item(), rel=1e-6)
    loss.backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert student.grad[1].abs().sum() == 0


@pytest.mark.parametrize("loss", [listwise_kl, margin_mse])
def test_without_a_teacher_there_is_nothing_to_distil(loss) -> None:
    student = tensor([[5.0, 3.0]], requires_grad=True)
    value = loss(student, tensor([[NAN, NAN]]), ONES[:1])
    assert value.item() == 0
    value.backward()
    assert student.grad is not None
    assert student.grad.tolist() == [[0, 0]]


def test_the_guard_is_nothing_while_the_model_has_not_moved() -> None:
    scores = tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 3.0, 0.0, 0.0]])
    assert ranking_kl(scores, scores + 7.0, NONE_MASKED).item() == pytest.approx(0, abs=1e-6)
    never = NONE_MASKED.clone()
    never[0, 2] = True
    moved = scores.clone()
    moved[0, 2] = 50.0
    assert ranking_kl(moved, scores, never).item() == pytest.approx(0, abs=1e-6)
    assert ranking_kl(moved, scores, NONE_MASKED).item() > 1


def test_flops_and_dims_by_hand(model) -> None:
    weights = tensor([[1.0, 0.0, 3.0], [0.0, 0.0, 1.0]])
    assert flops(weights).item() == pytest.approx(0.5**2 + 2.0**2)
    assert flops(weights).item() == FlopsLoss(model).compute_loss_from_embeddings(weights).item()
    assert active_dims(weights) == 1.5


def test_spread_by_hand() -> None:
    values = spread(tensor([[1.0, 3.0, NAN], [2.0, NAN, NAN]]))
    assert values[0].item() == 1.0
    assert values[1].isnan()


@given(unit=st.floats(1e-3, 1e3), offset=st.floats(-100, 100))
def test_the_teachers_unit_does_not_count(unit: float, offset: float) -> None:
    scores = tensor([[0.9, 0.1, 0.5], [0.2, 0.4, NAN]], dtype=torch.float64)
    torch.testing.assert_close(
        calibrated(scores * unit + offset),
        calibrated(scores),
        rtol=1e-5,
        atol=1e-5,
        equal_nan=True,
    )


def test_calibrated_rows_have_mean_0_and_deviation_1_but_no_difference_is_made_up() -> None:
    scores = tensor([[0.9, 0.1, 0.5], [0.1, 0.9, 0.5], [0.5, 0.5, 0.501]])
    values = calibrated(scores)
    torch.testing.assert_close(values.mean(1), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(spread(values)[:2], torch.ones(2))
    assert spread(values)[2] < 0.01
