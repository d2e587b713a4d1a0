"""Search with a model and see why; take a model elsewhere."""

from distiller.search.explain import Explanation, Hit, Match, QueryTerm, explain
from distiller.search.export import ExportCheck, export_onnx

__all__ = [
    "Explanation",
    "ExportCheck",
    "Hit",
    "Match",
    "QueryTerm",
    "explain",
    "export_onnx",
]
