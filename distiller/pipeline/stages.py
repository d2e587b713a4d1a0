"""Which stages there are, by name."""

from __future__ import annotations

from distiller.pipeline import data, models, rounds, writing
from distiller.pipeline.plan import Stage

MENDING = ("check", "repair", "judge", "remine", "check")
"""Find what is wrong, mend it, have what is new judged, mine for what was rewritten, and see what is
left."""
AGAIN = MENDING[1:]
"""One round of mending, after which it is known what is left."""


def mending(attempts: int) -> tuple[str, ...]:
    """Rounds of mending, with a look at what is left after each; `run` skips those with nothing to
    do. What is still found after the last stays found.
    """
    return (MENDING[0], *AGAIN * attempts)


WRITING = ("knowledge", "queries", "passages", "judge")
"""Everything that the language model writes, in its order."""
LLM_STAGES: dict[str, Stage] = {
    "knowledge": writing.knowledge_stage,
    "queries": writing.queries_stage,
    "passages": writing.passages_stage,
    "judge": writing.judge_stage,
    "rewrite_concept": writing.rewrite_concept_stage,
    "extend_concept": writing.extend_concept_stage,
    "another_negative": writing.another_negative_stage,
    "repair": writing.repair_stage,
}
LOCAL_STAGES: dict[str, Stage] = {
    "ingest": data.ingest_stage,
    "mine": data.mine_stage,
    "remine": data.remine_stage,
    "teach": data.teach_stage,
    "check": data.check_stage,
    "settle": data.settle_stage,
    "snapshot": data.snapshot_stage,
    "calibrate": models.calibrate_stage,
    "train": models.train_stage,
    "choose": rounds.choose_stage,
    "evaluate": models.evaluate_stage,
}
ALL_STAGES = LLM_STAGES | LOCAL_STAGES
