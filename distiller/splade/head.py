"""The fast SPLADE head for a `SparseEncoder` of sentence-transformers, put in place of its own.

SPLADE's cost is its vocabulary projection: the standard modules build all batch × length ×
vocabulary logits, several times over. The modules here do the same with `max_logits`. They carry
the standard modules' names, so a model is saved as if they were not there, and loads anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from torch import Tensor, nn

from distiller.splade.linear import hasten, restore
from distiller.splade.max_logits import max_logits

Features = dict[str, Any]

_deferring: ContextVar[bool] = ContextVar("deferring", default=False)
"""Whether decoders hand on what they are given, for the pooling to project."""
_DECODER = "vocabulary_projection"
"""Feature that carries the decoder from the transformer to the pooling."""
_PROBE = ((5, 6, 7), (8, 9, 10))
"""Token ids to compare both ways on."""


def install(model: SparseEncoder) -> bool:
    """Give a model the fast head, in place, where that changes nothing that it computes.

    That is so for max pooling after a masked language model whose last step is one linear layer
    (BERT, DistilBERT, RoBERTa, ModernBERT and most others); it is checked on a few tokens.

    Args:
        model: Loaded, on any device; other modules and other models are left as they are.

    Returns:
        Whether any part of the model has the fast head now.
    """
    installed = [_install(transformer, pooling) for transformer, pooling in _pairs(model)]
    return any(installed)


def uninstall(model: SparseEncoder) -> None:
    """Give the standard modules back; a model without the fast head is left as it is."""
    for transformer, pooling in _pairs(model):
        decoder = _decoder(transformer)
        for module in (transformer, pooling):
            _become(module, getattr(module, "standard", type(module)))
        if type(decoder) is _Decoder:
            _become(decoder, nn.Linear)
        restore(transformer.model)


def is_installed(model: SparseEncoder) -> bool:
    """Whether every SPLADE head of a model is the fast one, so that no logits are built."""
    transformers = [transformer for transformer, _ in _pairs(model)]
    return bool(transformers) and all(hasattr(one, "standard") for one in transformers)


def _pairs(model: SparseEncoder) -> Iterator[tuple[Transformer, SpladePooling]]:
    """Each transformer that is followed by SPLADE pooling, in routers too."""
    chains = [list(model.children())]
    for module in model.children():
        if isinstance(module, Router):
            chains += [list(route) for route in module.sub_modules.values()]
    for chain in chains:
        for first, second in pairwise(chain):
            if isinstance(first, Transformer) and isinstance(second, SpladePooling):
                yield first, second


def _install(transformer: Transformer, pooling: SpladePooling) -> bool:
    if hasattr(transformer, "standard"):
        return True
    decoder = _decoder(transformer)
    usual = (
        transformer.transformer_task == "fill-mask"
        and type(transformer).forward is Transformer.forward
        and type(pooling).forward is SpladePooling.forward
    )
    if not usual or type(decoder) is not nn.Linear:
        return False
    _become(decoder, _Decoder)
    if not _ends_in(transformer.model, decoder):
        _become(decoder, nn.Linear)
        return False
    for module, forward in ((transformer, _stop_before_vocabulary), (pooling, _project_and_pool)):
        standard: Any = type(module)
        _become(module, _fast(standard, forward))
    hasten(transformer.model)
    return True


def _become(module: Any, kind: type) -> None:
    """Change what a module does and nothing that it holds: parameters, hooks, name."""
    module.__class__ = kind


def _decoder(transformer: Transformer) -> nn.Module | None:
    find = getattr(transformer.model, "get_output_embeddings", None)
    return find() if find else None


def _ends_in(model: nn.Module, decoder: nn.Linear) -> bool:
    """Whether the model's logits are what the decoder gives, and nothing is done to them."""
    device = decoder.weight.device
    ids = torch.tensor(_PROBE, device=device) % decoder.out_features
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            deferring = _deferring.set(True)
            try:
                hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            finally:
                _deferring.reset(deferring)
            if hidden.shape[-1] != decoder.in_features:
                return False
            return torch.allclose(decoder(hidden), logits, rtol=1e-4, atol=1e-4)
    finally:
        model.train(was_training)


class _Decoder(nn.Linear):
    """The vocabulary projection, which leaves its work to the pooling while `_deferring`."""

    def forward(self, input: Tensor) -> Tensor:
        return input if _deferring.get() else super().forward(input)


def _stop_before_vocabulary(self: Any, features: Features, **kwargs: Any) -> Any:
    """What a `Transformer` does now: hidden states instead of logits, and how to project them."""
    decoder = _decoder(self)
    # Texts packed for flash attention are pooled one by one by sentence-transformers itself.
    if type(decoder) is not _Decoder or "cu_seq_lens_q" in features:
        return self.standard.forward(self, features, **kwargs)
    deferring = _deferring.set(True)
    try:
        features = self.standard.forward(self, features, **kwargs)
    finally:
        _deferring.reset(deferring)
    features[_DECODER] = decoder
    return features


def _project_and_pool(self: Any, features: Features) -> Any:
    """What a `SpladePooling` does now: the projection too, where it is left to it."""
    decoder = features.pop(_DECODER, None)
    if decoder is not None and self.pooling_strategy != "max":
        features["token_embeddings"] = decoder(features["token_embeddings"])
    if decoder is None or self.pooling_strategy != "max":
        return self.standard.forward(self, features)
    hidden = features.pop("token_embeddings")  # which are not the logits that they stand for
    weights = torch.log1p(_project(hidden, features["attention_mask"], decoder))
    if self.activation_function == "log1p_relu":
        weights = torch.log1p(weights)
    if self.embedding_dimension is None:
        self.embedding_dimension = weights.shape[1]
    features["sentence_embedding"] = weights
    return features


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _project(hidden: Tensor, mask: Tensor, decoder: nn.Linear) -> Tensor:
    """`max_logits` in the precision that autocast would give the decoder."""
    weight: Tensor = decoder.weight
    bias: Tensor | None = decoder.bias
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    return max_logits(hidden, mask, weight, bias)


@cache
def _fast(standard: Any, forward: Any) -> type:
    """The standard class with our forward pass, under the standard name and address.

    So what is saved names the standard class. Copies and pickles are made of the parts instead.
    """
    names = {
        "__module__": standard.__module__,
        "__reduce_ex__": lambda self, _: (_blank, (standard, forward), self.__dict__),
        "forward": forward,
        "standard": standard,
    }
    return type(standard.__name__, (standard,), names)


def _blank(standard: type, forward: Any) -> Any:
    return object.__new__(_fast(standard, forward))
