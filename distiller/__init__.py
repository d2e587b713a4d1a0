"""Domain Distiller: from a field described in words to a measured SPLADE model."""

__version__ = "0.1.0"
