"""The whole journey as a list of resumable stages.

Every stage derives from the store what is still missing, so the same call made again goes on where
it stopped: after a crash, a spent budget or Ctrl-C. The command line and the jobs run these stages.
"""

from distiller.pipeline.data import freeze_project, kept_looks
from distiller.pipeline.elsewhere import ENDINGS, Errand, errand, packed_data
from distiller.pipeline.models import TUNED, recipe_of
from distiller.pipeline.plan import Journey, Plan, Stage
from distiller.pipeline.rounds import further, further_of
from distiller.pipeline.running import forecasts, run
from distiller.pipeline.stages import (
    AGAIN,
    ALL_STAGES,
    LLM_STAGES,
    LOCAL_STAGES,
    MENDING,
    WRITING,
    mending,
)

__all__ = [
    "AGAIN",
    "ALL_STAGES",
    "ENDINGS",
    "LLM_STAGES",
    "LOCAL_STAGES",
    "MENDING",
    "TUNED",
    "WRITING",
    "Errand",
    "Journey",
    "Plan",
    "Stage",
    "errand",
    "forecasts",
    "freeze_project",
    "further",
    "further_of",
    "kept_looks",
    "mending",
    "packed_data",
    "recipe_of",
    "run",
]
