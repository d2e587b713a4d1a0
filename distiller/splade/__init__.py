"""The model itself: where a start model comes from, and texts to term weights."""

from distiller.splade.encoder import SpladeEncoder
from distiller.splade.start import StartModel, resolve

__all__ = ["SpladeEncoder", "StartModel", "resolve"]
