"""Learning with the fast head: losses, checkpointing, compilation, several processes."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.losses import (
    CachedSpladeLoss,
    SparseMultipleNegativesRankingLoss,
    SpladeLoss,
)
from splade_models import (
    ARCHITECTURES,
    TEXTS,
    assert_same_step,
    folder_of,
    plain_and_fast,
    step,
)
from torch import Tensor, nn

from distiller.splade import StartModel
from distiller.splade.loading import load_model


@pytest.fixture(scope="module", params=["bert, untied", "distilbert", "modernbert"])
def other(
    request: pytest.FixtureRequest, tiny: StartModel, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Folders of other makes than `small`, which is a tied BERT."""
    return folder_of(ARCHITECTURES[request.param](), tiny, tmp_path_factory.mktemp("model"))


def test_gradient_checkpointing_of_other_makes(other: str) -> None:
    test_gradient_checkpointing(other)


def test_other_makes_compiled(other: str) -> None:
    test_compiled(other, "aot_eager")


@pytest.mark.slow
def test_other_makes_in_two_processes(other: str, tmp_path: Path) -> None:
    test_two_processes(other, tmp_path)


def test_gradient_checkpointing(small: str) -> None:
    plain, fast = plain_and_fast(small)
    fast.gradient_checkpointing_enable()
    assert fast[0].model.is_gradient_checkpointing
    assert_same_step(step(plain), step(fast))


def test_tokens_of_a_weight_that_does_not_learn(small: str) -> None:
    plain, fast = plain_and_fast(small)
    for model in (plain, fast):
        model[0].model.get_output_embeddings().requires_grad_(False)
    assert_same_step(step(plain), step(fast))


def loss_of(model: SparseEncoder, cached: bool) -> tuple[float, dict[str, Tensor]]:
    ranking = SparseMultipleNegativesRankingLoss(model, scale=1.0)
    weights = {"document_regularizer_weight": 0.01, "query_regularizer_weight": 0.02}
    loss = (
        CachedSpladeLoss(model, ranking, mini_batch_size=2, **weights)
        if cached
        else SpladeLoss(model, ranking, **weights)
    )
    model.train()
    model.zero_grad()
    columns = [["rent", "deposit", "lease"], TEXTS[:3], ["notice in writing", "roof", TEXTS[3]]]
    value = sum(loss([model.preprocess(column) for column in columns]).values())
    value.backward()
    return value.item(), {
        name: p.grad for name, p in model.named_parameters() if p.grad is not None
    }


@pytest.mark.parametrize("cached", [False, True])
def test_the_losses_of_sentence_transformers(small: str, cached: bool) -> None:
    plain, fast = plain_and_fast(small)
    expected, actual = loss_of(plain, cached), loss_of(fast, cached)
    assert_same_step((torch.tensor(expected[0]), expected[1]), (torch.tensor(actual[0]), actual[1]))


@pytest.mark.parametrize(
    "backend", ["eager", "aot_eager", pytest.param("inductor", marks=pytest.mark.slow)]
)
def test_compiled(small: str, backend: str) -> None:
    plain, fast = plain_and_fast(small)
    torch._dynamo.reset()
    fast.compile(backend=backend)
    assert_same_step(step(plain), step(fast), tolerance=1e-4)
    torch._dynamo.reset()


def test_two_processes(small: str, tmp_path: Path) -> None:
    plain, _ = plain_and_fast(small)
    torch.multiprocessing.spawn(half_a_batch, (small, str(tmp_path)), nprocs=2)
    weights = [step(plain, TEXTS[rank::2])[0] for rank in range(2)]
    shares = [step(plain, TEXTS[rank::2])[1] for rank in range(2)]
    mean = {name: (shares[0][name] + shares[1][name]) / 2 for name in shares[0]}
    for rank in range(2):
        ours = torch.load(tmp_path / f"{rank}.pt")
        assert_same_step((weights[rank], mean), ours)


class Weights(nn.Module):
    """A model that gives nothing but weights, where DDP finds them."""

    def __init__(self, model: SparseEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.model(features)["sentence_embedding"]


def half_a_batch(rank: int, source: str, folder: str) -> None:
    """One of two processes: every second text, gradients averaged over both."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    model, _ = load_model(source, device="cpu")
    model.train()
    texts = TEXTS[rank::2]
    # An untied BERT has a bias that nothing uses; without looking for it DDP would share nothing.
    parallel = nn.parallel.DistributedDataParallel(Weights(model), find_unused_parameters=True)
    weights = parallel(model.preprocess(texts))
    torch.manual_seed(3)
    (weights * torch.randn_like(weights)).sum().backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    torch.save((weights.detach(), found), f"{folder}/{rank}.pt")
    del parallel, weights  # or they would wait for gloo's threads, and those for the interpreter
    gc.collect()
    torch.distributed.destroy_process_group()
