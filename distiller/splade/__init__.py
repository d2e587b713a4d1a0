"""The model itself: where a start model comes from, and texts to term weights."""

from distiller.splade.encoder import SpladeEncoder
from distiller.splade.onnx_encoder import OnnxEncoder, is_exported
from distiller.splade.prune import PrunedEncoder, heaviest
from distiller.splade.start import StartModel, resolve

__all__ = [
    "OnnxEncoder",
    "PrunedEncoder",
    "SpladeEncoder",
    "StartModel",
    "heaviest",
    "is_exported",
    "resolve",
]
