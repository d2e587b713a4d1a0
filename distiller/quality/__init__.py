"""What is wrong with data, found without a model: pure functions from records to findings."""

from distiller.quality.evidence import Evidence
from distiller.quality.of_sets import MEASURES, measures
from distiller.quality.pairs import Pair, calibrated
from distiller.quality.registry import CHECKS, EDITION, Check, Mend, Severity, run, said

__all__ = [
    "CHECKS",
    "EDITION",
    "MEASURES",
    "Check",
    "Evidence",
    "Mend",
    "Pair",
    "Severity",
    "calibrated",
    "measures",
    "run",
    "said",
]
