"""Products by the faster library, and the layers that use them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from distiller.splade import products
from distiller.splade.linear import Linear, hasten, restore


@pytest.mark.usefixtures("multiplied")
@pytest.mark.parametrize(("rows", "width", "columns"), [(1, 1, 1), (3, 7, 5), (200, 96, 130)])
def test_products_are_the_usual_ones(rows: int, width: int, columns: int) -> None:
    torch.manual_seed(0)
    left, right = torch.randn(rows, width), torch.randn(columns, width)
    bias = torch.randn(columns)
    usual = nn.functional.linear
    for one, other, added in (
        (left, right, bias),
        (left, right, None),
        (left, right.t().contiguous().t(), bias),
        (left.t().contiguous().t(), right, None),
    ):
        torch.testing.assert_close(
            products.linear(one, other, added), usual(one, other, added), rtol=1e-4, atol=1e-4
        )


def test_without_onednn_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    monkeypatch.delattr(torch, "_int_mm")
    for answer in (products._onednn_is_faster, products._integers_are_faster):
        assert not answer.__wrapped__(1)


def test_a_library_that_multiplies_wrongly_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_by_onednn", lambda rows, columns: rows @ columns.t() * 1.01)
    monkeypatch.setattr(
        torch, "_int_mm", lambda rows, columns: (rows.int() @ columns.int()).clamp(max=32_767)
    )
    for answer in (products._onednn_is_faster, products._integers_are_faster):
        assert not answer.__wrapped__(1)


def test_measuring_leaves_chance_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    products._onednn_is_faster.__wrapped__(1)
    products._integers_are_faster.__wrapped__(1)
    assert torch.equal(torch.rand(2), expected)


def test_other_kinds_of_numbers_go_the_usual_way() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        rows = torch.ones(2, 2, dtype=dtype)
        assert not products.hastens(rows)
        assert not products.integers_hasten(rows)


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 4, bias=False))


@pytest.mark.usefixtures("multiplied")
def test_layers_learn_the_same() -> None:
    plain, fast = network(), network()
    hasten(fast)
    assert [type(module) for module in fast.children()] == [Linear, nn.GELU, Linear]
    inputs = [torch.linspace(-1, 1, 60).view(2, 5, 6).requires_grad_() for _ in range(2)]
    for model, given in zip((plain, fast), inputs, strict=True):
        (model(given) ** 2).sum().backward()
    pairs = zip((*plain.parameters(), inputs[0]), (*fast.parameters(), inputs[1]), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(other.grad, one.grad)


@pytest.mark.usefixtures("multiplied")
def test_a_frozen_layer_hands_its_gradient_on() -> None:
    model = network()
    hasten(model)
    model.requires_grad_(requires_grad=False)
    given = torch.ones(3, 6, requires_grad=True)
    model(given).sum().backward()
    assert given.grad is not None
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.usefixtures("multiplied")
def test_autocast_reaches_the_layers() -> None:
    model = network()
    hasten(model)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(torch.ones(3, 6)).dtype == torch.bfloat16


def test_layers_are_given_back() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    hasten(model)
    hasten(model)
    restore(model)
    assert [type(module) for module in model.children()] == [nn.Linear, nn.GELU, nn.Linear]
    assert all(torch.equal(before[name], found) for name, found in model.state_dict().items())
