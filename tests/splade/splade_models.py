"""Small masked language models of several makes, plain and with the fast head."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import SpladePooling
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
from distiller.splade.head import install

TEXTS = [
    "Can my landlord keep the deposit?",
    "",
    "rent",
    "The landlord may end the lease only in writing, and must say why. " * 3,
]
WORDS = 30_522


SMALL = {"vocab_size": WORDS, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def bert(**more: Any) -> PreTrainedModel:
    config = BertConfig(**SMALL | NO_DROPOUT | {"intermediate_size": 32} | more)
    return BertForMaskedLM(config)


def roberta() -> PreTrainedModel:
    config = RobertaConfig(**SMALL, **NO_DROPOUT, intermediate_size=32, pad_token_id=0)
    return RobertaForMaskedLM(config)


def distilbert(**more: Any) -> PreTrainedModel:
    config = DistilBertConfig(
        vocab_size=WORDS, dim=16, n_layers=2, n_heads=2, hidden_dim=32, dropout=0.0,
        attention_dropout=0.0, **more,
    )  # fmt: skip
    return DistilBertForMaskedLM(config)


def modernbert(**more: Any) -> PreTrainedModel:
    tokens = {"pad_token_id": 0, "cls_token_id": 101, "sep_token_id": 102}
    tokens |= {"bos_token_id": 101, "eos_token_id": 102}
    config = ModernBertConfig(**SMALL | tokens | {"intermediate_size": 32} | more)
    return ModernBertForMaskedLM(config)


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
    "distilbert, untied": lambda: distilbert(tie_word_embeddings=False),
    "roberta": roberta,
    "modernbert": modernbert,
    "modernbert, untied": lambda: modernbert(tie_word_embeddings=False),
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
