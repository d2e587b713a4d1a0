"""Measure systems on a judged collection, side by side, with their uncertainty."""

from distiller.evaluate.collections import held_out, load, load_corpus
from distiller.evaluate.contamination import Contamination, contamination
from distiller.evaluate.report import evaluate, in_words, to_json
from distiller.evaluate.systems import systems

__all__ = [
    "Contamination",
    "contamination",
    "evaluate",
    "held_out",
    "in_words",
    "load",
    "load_corpus",
    "systems",
    "to_json",
]
