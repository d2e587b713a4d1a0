"""The fast head against the modules of sentence-transformers that it stands in for."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.losses import (
    CachedSpladeLoss,
    SparseMultipleNegativesRankingLoss,
    SpladeLoss,
)
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    MobileBertConfig,
    MobileBertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
)

from distiller.splade import StartModel
from distiller.splade.head import install, uninstall
from distiller.splade.loading import load_model
from distiller.splade.max_logits import max_logits
from distiller.splade.tiling import Tile

TEXTS = [
    "Can my landlord keep the deposit?",
    "",
    "rent",
    "The landlord may end the lease only in writing, and must say why. " * 3,
]
WORDS = 30_522


def plainly(hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """What sentence-transformers computes, by its own module."""
    features = {
        "token_embeddings": nn.functional.linear(hidden, weight, bias),
        "attention_mask": mask,
    }
    return SpladePooling().train()(features)["sentence_embedding"]


@st.composite
def projections(draw: st.DrawFn) -> dict[str, Any]:
    """Hidden states, mask, weights and bias of any small shape, from dense to without any word."""
    batch, length = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    width, vocabulary = draw(st.integers(1, 9)), draw(st.integers(1, 70))
    row = st.lists(st.booleans(), min_size=length, max_size=length)
    mask = draw(st.lists(row, min_size=batch, max_size=batch))
    torch.manual_seed(draw(st.integers(0, 10_000)))
    if draw(st.booleans()):  # small whole numbers, exact in any order of addition: ties abound
        hidden = torch.randint(-1, 2, (batch, length, width)).double()
        weight = torch.randint(-1, 2, (vocabulary, width)).double()
    else:
        hidden = torch.randn(batch, length, width, dtype=torch.float64)
        weight = torch.randn(vocabulary, width, dtype=torch.float64)
    shift = draw(st.sampled_from([None, 0.0, -1.0, -4.0, 4.0]))
    bias = None if shift is None else torch.full((vocabulary,), shift, dtype=torch.float64)
    return {"hidden": hidden, "mask": torch.tensor(mask).long(), "weight": weight, "bias": bias}


@settings(max_examples=300, deadline=None)
@given(
    parts=projections(),
    tile=st.builds(Tile, st.integers(1, 60), st.integers(1, 80)),
    seed=st.integers(0, 100),
)
def test_values_and_gradients_are_those_of_the_plain_computation(
    parts: dict[str, Any], tile: Tile, seed: int
) -> None:
    outcomes = []
    gradient = None
    for compute in (
        plainly,
        lambda *args: torch.log1p(max_logits(*args, tile=tile)),
    ):
        leaves = {
            name: part.clone().requires_grad_() if name != "mask" and part is not None else part
            for name, part in parts.items()
        }
        pooled = compute(*leaves.values())
        if gradient is None:
            torch.manual_seed(seed)
            gradient = torch.randn_like(pooled)
        pooled.backward(gradient)
        outcomes.append(
            [pooled.detach(), *(leaf.grad for leaf in leaves.values() if leaf is not None)]
        )
    for plain, fast in zip(*outcomes, strict=True):
        # float64; the order of additions differs
        torch.testing.assert_close(fast, plain, rtol=1e-11, atol=1e-11)


@settings(max_examples=20, deadline=None)
@given(
    width=st.sampled_from([128, 384, 768]),
    tile=st.sampled_from([Tile(256, 512), Tile(1024, 1024), Tile(2048, 512), Tile(4096, 256)]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_the_tile_changes_no_bit(width: int, tile: Tile, dtype: torch.dtype) -> None:
    torch.manual_seed(width)
    hidden = torch.randn(6, 90, width, dtype=dtype)
    weight, bias = torch.randn(3000, width, dtype=dtype), torch.randn(3000, dtype=dtype)
    mask = torch.arange(90) < torch.tensor([[90], [3], [0], [41], [90], [1]])
    usual = max_logits(hidden, mask, weight, bias, Tile(512, 512))
    assert torch.equal(max_logits(hidden, mask, weight, bias, tile), usual)


def test_of_tokens_with_the_same_logit_the_first_that_counts_learns() -> None:
    hidden = torch.ones(1, 4, 2, requires_grad=True)
    mask = torch.tensor([[0, 1, 1, 0]])
    max_logits(hidden, mask, torch.ones(3, 2), None).sum().backward()
    # Each of three words adds its weight of 1 to both components of the second token.
    assert hidden.grad is not None
    assert hidden.grad.tolist() == [[[0, 0], [3, 3], [0, 0], [0, 0]]]


def test_a_second_derivative_is_refused() -> None:
    hidden = torch.randn(1, 3, 2, requires_grad=True)
    pooled = max_logits(hidden, torch.ones(1, 3), torch.randn(5, 2), None)
    (first,) = torch.autograd.grad((pooled**2).sum(), hidden, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


SMALL = {"vocab_size": WORDS, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def bert(**more: Any) -> PreTrainedModel:
    return BertForMaskedLM(BertConfig(**SMALL, **NO_DROPOUT, intermediate_size=32, **more))


def roberta() -> PreTrainedModel:
    config = RobertaConfig(**SMALL, **NO_DROPOUT, intermediate_size=32, pad_token_id=0)
    return RobertaForMaskedLM(config)


def distilbert() -> PreTrainedModel:
    config = DistilBertConfig(
        vocab_size=WORDS, dim=16, n_layers=2, n_heads=2, hidden_dim=32, dropout=0.0,
        attention_dropout=0.0,
    )  # fmt: skip
    return DistilBertForMaskedLM(config)


def modernbert(**more: Any) -> PreTrainedModel:
    tokens = {"pad_token_id": 0, "cls_token_id": 101, "sep_token_id": 102}
    tokens |= {"bos_token_id": 101, "eos_token_id": 102}
    return ModernBertForMaskedLM(ModernBertConfig(**SMALL, **tokens, intermediate_size=32, **more))


def mobilebert() -> PreTrainedModel:
    config = MobileBertConfig(
        **SMALL, **NO_DROPOUT, intermediate_size=32, embedding_size=16, true_hidden_size=16,
        intra_bottleneck_size=16,
    )  # fmt: skip
    return MobileBertForMaskedLM(config)


ARCHITECTURES = {
    "bert": bert,
    "bert, untied": lambda: bert(tie_word_embeddings=False),
    "distilbert": distilbert,
    "roberta": roberta,
    "modernbert": modernbert,
    "modernbert, no bias": lambda: modernbert(decoder_bias=False),
}


def folder_of(model: PreTrainedModel, tiny: StartModel, folder: Path) -> str:
    """A plain masked language model on disk, with its largest logits above zero for few words."""
    torch.manual_seed(7)
    decoder = model.get_output_embeddings()
    nn.init.normal_(decoder.weight, std=0.5)
    if decoder.bias is not None:
        nn.init.constant_(decoder.bias, -4.0)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny.source).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def source(
    request: pytest.FixtureRequest, tiny: StartModel, tmp_path_factory: pytest.TempPathFactory
) -> str:
    model = ARCHITECTURES[request.param]()
    return folder_of(model, tiny, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def small(tiny: StartModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    return folder_of(bert(), tiny, tmp_path_factory.mktemp("small"))


def plain_and_fast(source: str, **modules: Any) -> tuple[SparseEncoder, SparseEncoder]:
    plain = SparseEncoder(source, device="cpu")
    if modules:
        plain[1] = SpladePooling(**modules)
    fast = copy.deepcopy(plain)
    assert install(fast)
    return plain, fast


def weights_of(model: SparseEncoder, texts: list[str] = TEXTS) -> Tensor:
    return model.encode(texts, convert_to_sparse_tensor=False)


def step(model: SparseEncoder, texts: list[str] = TEXTS) -> tuple[Tensor, dict[str, Tensor]]:
    """Weights of a training forward, and all gradients."""
    model.train()
    model.zero_grad()
    weights = model(model.preprocess(texts))["sentence_embedding"]
    torch.manual_seed(3)
    (weights * torch.randn_like(weights)).sum().backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return weights.detach(), found


def assert_same_step(plain: Any, fast: Any, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(fast[0], plain[0], rtol=1e-5, atol=1e-5)
    assert fast[1].keys() == plain[1].keys()
    largest = max(gradient.abs().max() for gradient in plain[1].values())
    for name, gradient in plain[1].items():
        # Float32 sums in another order, up to the largest terms that may cancel in a sum
        torch.testing.assert_close(
            fast[1][name], gradient, rtol=tolerance, atol=float(largest) * tolerance, msg=name
        )


def test_every_architecture_learns_the_same(source: str) -> None:
    plain, fast = plain_and_fast(source)
    assert [name for name, _ in plain.named_parameters()] == [
        name for name, _ in fast.named_parameters()
    ]
    expected = step(plain)
    assert 0 < (expected[0] > 0).float().mean() < 1
    assert_same_step(expected, step(fast))
    torch.testing.assert_close(weights_of(fast), weights_of(plain), rtol=1e-5, atol=1e-5)


def test_the_packaged_model_gives_the_same_bits(tiny: StartModel) -> None:
    plain, fast = plain_and_fast(tiny.source)
    assert torch.equal(weights_of(fast), weights_of(plain))


def test_a_model_comes_back_from_disk_on_both_sides(source: str, tmp_path: Path) -> None:
    plain, fast = plain_and_fast(source)
    fast.save_pretrained(str(tmp_path / "fast"))
    plain.save_pretrained(str(tmp_path / "plain"))
    kinds = [
        [module["type"] for module in json.loads((tmp_path / name / "modules.json").read_text())]
        for name in ("plain", "fast")
    ]
    assert kinds[0] == kinds[1]
    assert {path.name for path in (tmp_path / "fast").rglob("*")} == {
        path.name for path in (tmp_path / "plain").rglob("*")
    }
    theirs = SparseEncoder(str(tmp_path / "fast"), device="cpu")
    ours, _ = load_model(tmp_path / "plain", device="cpu")
    assert type(theirs[0]) is Transformer
    assert type(ours[0]) is not Transformer
    assert torch.equal(weights_of(theirs), weights_of(plain))
    assert torch.equal(weights_of(ours), weights_of(fast))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_and_pickles_keep_the_fast_head(small: str, again: Any) -> None:
    _, fast = plain_and_fast(small)
    other = again(fast)
    assert type(other[0]) is type(fast[0])
    assert other[0].model.get_output_embeddings() is not fast[0].model.get_output_embeddings()
    assert torch.equal(weights_of(other), weights_of(fast))


def test_install_is_undone_by_uninstall(small: str) -> None:
    plain, fast = plain_and_fast(small)
    assert install(fast)  # twice changes nothing more
    uninstall(fast)
    uninstall(fast)
    assert [type(module) for module in fast.modules()] == [
        type(module) for module in plain.modules()
    ]
    assert torch.equal(weights_of(fast), weights_of(plain))


def test_the_language_model_itself_still_gives_logits(small: str) -> None:
    plain, fast = plain_and_fast(small)
    inputs = plain.preprocess(TEXTS)
    logits = [
        model[0].model(inputs["input_ids"], inputs["attention_mask"]).logits
        for model in (plain, fast)
    ]
    assert torch.equal(*logits)


@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_other_poolings_and_activations(small: str, strategy: str, activation: str) -> None:
    plain, fast = plain_and_fast(small, pooling_strategy=strategy, activation_function=activation)
    assert_same_step(step(plain), step(fast))


def test_a_head_that_does_more_than_project_is_left_alone(tiny: StartModel, tmp_path: Path) -> None:
    # MobileBERT joins two matrices at every call and never calls its output layer
    model = SparseEncoder(folder_of(mobilebert(), tiny, tmp_path), device="cpu")
    before = [type(module) for module in model.modules()]
    assert not install(model)
    assert [type(module) for module in model.modules()] == before


def test_dense_activations(tiny: StartModel, tmp_path: Path) -> None:
    model = bert()
    source = folder_of(model, tiny, tmp_path)
    plain, fast = plain_and_fast(source)
    for encoder in (plain, fast):
        nn.init.constant_(encoder[0].model.get_output_embeddings().bias, 6.0)
    expected = step(plain, ["rent", "lease"])
    assert (expected[0] > 0).float().mean() > 0.9
    assert_same_step(expected, step(fast, ["rent", "lease"]))


def test_one_text_of_no_words(small: str) -> None:
    plain, fast = plain_and_fast(small)
    assert_same_step(step(plain, [""]), step(fast, [""]))


def test_padding_on_the_left(small: str) -> None:
    plain, fast = plain_and_fast(small)
    for model in (plain, fast):
        model.tokenizer.padding_side = "left"
    assert plain.preprocess(TEXTS)["attention_mask"][2, 0] == 0
    assert_same_step(step(plain), step(fast))


def test_bfloat16_autocast(small: str) -> None:
    plain, fast = plain_and_fast(small)
    with torch.autocast("cpu", torch.bfloat16):
        expected, actual = step(plain), step(fast)
    assert actual[0].dtype == expected[0].dtype
    # bfloat16 keeps 8 bits; products are summed in blocks of another shape
    torch.testing.assert_close(actual[0], expected[0], rtol=2**-7, atol=2**-7)
    for name, gradient in expected[1].items():
        assert actual[1][name].dtype == gradient.dtype
    # Rounding makes many tokens equal, of which either may win: the whole points the same way.
    ours, theirs = (
        torch.cat([g.flatten() for g in found.values()]) for _, found in (actual, expected)
    )
    assert torch.cosine_similarity(ours, theirs, dim=0) > 0.99


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


def test_sparse_tensors_and_the_largest_dimensions_only(small: str) -> None:
    plain, fast = plain_and_fast(small)
    sparse = [model.encode(TEXTS, max_active_dims=8) for model in (plain, fast)]
    assert all(tensor.is_sparse for tensor in sparse)
    torch.testing.assert_close(sparse[1].to_dense(), sparse[0].to_dense(), rtol=1e-5, atol=1e-5)


def test_inside_a_router(small: str) -> None:
    models = []
    for _ in range(2):
        chain = SparseEncoder(small, device="cpu")
        words = SparseStaticEmbedding(tokenizer=chain.tokenizer)
        router = Router.for_query_document([words], [chain[0], chain[1]])
        models.append(SparseEncoder(modules=[router], device="cpu"))
    plain, fast = models
    assert install(fast)
    assert type(fast[0].sub_modules["document"][0]) is not Transformer
    for side in ("encode_query", "encode_document"):
        ours, theirs = (
            getattr(model, side)(TEXTS, convert_to_sparse_tensor=False) for model in (fast, plain)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    uninstall(fast)
    assert type(fast[0].sub_modules["document"][0]) is Transformer


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


def half_a_batch(rank: int, source: str, folder: str) -> None:
    """One of two processes: every second text, gradients averaged over both."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    model, _ = load_model(source, device="cpu")
    model.train()
    texts = TEXTS[rank::2]
    parallel = nn.parallel.DistributedDataParallel(model)
    weights = parallel(model.preprocess(texts))["sentence_embedding"]
    torch.manual_seed(3)
    (weights * torch.randn_like(weights)).sum().backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    torch.save((weights.detach(), found), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()
