"""Models that compute nothing for a query. Imports torch: import it inside functions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

from distiller.splade.encoder import SpladeEncoder
from distiller.train.rarity import counts_of, idf

PARAMETER = r"sub_modules\.query\.0\.weight$"
"""The table among a model's parameters, as a regular expression."""


def with_query_table(model: SparseEncoder, passages: Iterable[str]) -> SparseEncoder:
    """A model that looks a query's terms up in a table, and encodes passages as before.

    Inference-free SPLADE (SPLADE-doc, https://arxiv.org/abs/2109.10086; with weights by inverse
    document frequency that are then learned, https://arxiv.org/abs/2411.04403).

    Args:
        model: A SPLADE model; its modules become the passages' side.
        passages: Where terms are counted; one that none has weighs as one that a single one has.
    """
    table = SparseStaticEmbedding(model.tokenizer, _idf(model, list(passages)))
    router = Router.for_query_document([table], list(model.children()), default_route="document")
    built = SparseEncoder(modules=[router], device=str(model.device), similarity_fn_name="dot")
    built.max_seq_length = model.max_seq_length
    return built.eval()


def _idf(model: SparseEncoder, passages: list[str]) -> torch.Tensor:
    """Inverse document frequency of BM25, shape (vocabulary,)."""
    ids = model.tokenizer(passages, add_special_tokens=False)["input_ids"]
    found = counts_of(ids, SpladeEncoder(model).vocabulary_size)
    return torch.from_numpy(idf(np.maximum(1, found), len(passages))).float()


def freeze_unused(model: SparseEncoder) -> None:
    """Have what no weight depends on not learn, such as the second bias of an untied BERT.

    Several processes share gradients when all have come, and would wait for these; they are not
    looked for where there is a table, which is used in another forward pass than the last.
    """
    was_training = model.training
    model.eval()
    for task in ("query", "document"):
        weights = model(model.preprocess(["some text"], task=task), task=task)["sentence_embedding"]
        weights.sum().backward()
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.requires_grad_(requires_grad=False)
    model.zero_grad(set_to_none=True)
    model.train(was_training)
