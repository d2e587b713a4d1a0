"""A SPLADE model as one ONNX graph, pooling inside. Imports torch: import it inside functions."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from torch import Tensor, nn

from distiller.schema.errors import InputError, StageFailed
from distiller.splade.head import uninstall
from distiller.splade.loading import load_model
from distiller.splade.onnx_encoder import GRAPH, INPUTS, OUTPUT, SETTINGS, TOKENIZER

_SAMPLE = ["a short text", "a longer text of a few more words, so that one of the two is padded"]


class _Graph(nn.Module):
    """log1p(relu(logits)) max-pooled over the tokens that are there (SPLADE, arXiv 2109.10086).

    log1p and relu never fall, so the maximum over tokens may be taken first.
    """

    def __init__(self, language_model: nn.Module, *, log_twice: bool) -> None:
        super().__init__()
        self.language_model = language_model
        self.log_twice = log_twice

    def forward(self, *inputs: Tensor) -> Tensor:
        """Inputs of shape (texts, tokens) to weights of shape (texts, vocabulary)."""
        named = dict(zip(INPUTS, inputs, strict=False))
        logits = self.language_model(**named).logits
        absent = named["attention_mask"].unsqueeze(-1) == 0
        weights = torch.log1p(torch.relu(logits.masked_fill(absent, 0.0).amax(1)))
        return torch.log1p(weights) if self.log_twice else weights


def write_graph(source: str | Path, folder: Path) -> None:
    """Write a model's graph, tokenizer and lengths into a folder, for `OnnxEncoder`.

    Args:
        source: What `loading.load_model` loads.
        folder: It must be there; files of an earlier export are replaced.

    Raises:
        InputError: Another architecture or pooling than one masked language model and maximum.
        ModelUnavailable: The model cannot be loaded.
        StageFailed: The exporter is missing or cannot express the model.
    """
    model, _ = load_model(source, device="cpu")
    uninstall(model)  # the exporter knows the standard modules
    language_model, log_twice = _parts(model, source)
    inputs = _inputs(model)
    batch, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens", max=_longest(model))
    try:
        with _quiet():
            torch.onnx.export(
                _Graph(language_model, log_twice=log_twice).eval(),
                tuple(inputs.values()),
                str(folder / GRAPH),
                input_names=list(inputs),
                output_names=[OUTPUT],
                dynamic_shapes={"inputs": tuple({0: batch, 1: tokens} for _ in inputs)},
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except ImportError as error:
        raise StageFailed(
            f"the ONNX exporter is missing ({error}); run: pip install 'domain-distiller[onnx]'"
        ) from error
    except RuntimeError as error:  # torch.onnx.OnnxExporterError among them
        reason = " ".join(str(error).split())[:200]
        raise StageFailed(f"{source}: this model cannot be written as ONNX ({reason})") from error
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    settings = {"max_length": _longest(model), "pad_token": model.tokenizer.pad_token}
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")


def quantize(folder: Path) -> None:
    """Replace the folder's graph by one whose matrices are 8-bit integers (dynamic quantization).

    Raises:
        StageFailed: onnxruntime or onnx is missing.
    """
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - extra
    except ImportError as error:
        raise StageFailed(
            f"8-bit export needs more ({error}); run: pip install 'domain-distiller[onnx]'"
        ) from error
    exact = folder / GRAPH
    small = folder / f"small-{GRAPH}"
    with _quiet():
        quantize_dynamic(str(exact), str(small), weight_type=QuantType.QInt8)
    small.replace(exact)


def _parts(model: SparseEncoder, source: str | Path) -> tuple[nn.Module, bool]:
    modules = list(model)
    pooling: Any = modules[-1] if len(modules) == 2 else None
    language_model = getattr(modules[0], "auto_model", None)
    if getattr(pooling, "pooling_strategy", None) != "max" or language_model is None:
        raise InputError(
            f"{source}: only one masked language model with max pooling can be exported;"
            " this model is built otherwise"
        )
    return language_model, pooling.activation_function == "log1p_relu"


def _inputs(model: SparseEncoder) -> dict[str, Tensor]:
    encoded = model.tokenizer(_SAMPLE, padding=True, return_tensors="pt")
    return {name: encoded[name] for name in INPUTS if name in encoded}


def _longest(model: SparseEncoder) -> int:
    limits = [model.max_seq_length, model[0].auto_model.config.max_position_embeddings]
    return min(int(limit) for limit in limits if limit)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what exporters say about packages that are not needed."""
    loud = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "root")]
    levels = [logger.level for logger in loud]
    for logger in loud:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loud, levels, strict=True):
            logger.setLevel(level)
