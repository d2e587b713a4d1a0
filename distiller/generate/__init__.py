"""The stages that call a language model: knowledge, queries, passages, judgments.

Each stage derives what is missing from the store and writes every item as it arrives, so it can be
stopped at any moment and run again. Requests are deterministic: what was paid for is answered from
the ledger.
"""

from distiller.generate.cells import Focus
from distiller.generate.extending import extend_concept, rewrite_concept
from distiller.generate.forecast import Mending, requests_for
from distiller.generate.grounded import PER_PASSAGE
from distiller.generate.judge import judge_passages
from distiller.generate.knowledge import SHARES, generate_knowledge
from distiller.generate.mending import Fix, Planned, planned
from distiller.generate.outline import has_corpus
from distiller.generate.passages import another_negative, generate_passages
from distiller.generate.queries import generate_queries
from distiller.generate.repair import repair
from distiller.generate.settling import merge, settle
from distiller.generate.topics import Topic, passage_topics, topics

__all__ = [
    "PER_PASSAGE",
    "SHARES",
    "Fix",
    "Focus",
    "Mending",
    "Planned",
    "Topic",
    "another_negative",
    "extend_concept",
    "generate_knowledge",
    "generate_passages",
    "generate_queries",
    "has_corpus",
    "judge_passages",
    "merge",
    "passage_topics",
    "planned",
    "repair",
    "requests_for",
    "rewrite_concept",
    "settle",
    "topics",
]
