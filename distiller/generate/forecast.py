"""What each stage will ask for, before it does."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from distiller.generate import reading
from distiller.generate.cells import BATCH
from distiller.generate.context import DOCUMENT_TYPES, FACTS, LINKS, QUESTIONS
from distiller.generate.grounded import PER_PASSAGE, SHOWN_TOKENS, shortened
from distiller.generate.knowledge import ENTRIES, areas_for
from distiller.generate.mending import PURE, Fix
from distiller.generate.passages import strategies_for
from distiller.generate.writing import LENGTHS, checked_length
from distiller.llm import Planned
from distiller.packs import prompts
from distiller.packs.languages import language
from distiller.packs.shown_passages import shown_passages
from distiller.packs.strategies import strategies
from distiller.packs.templates import template
from distiller.quality import Mend
from distiller.schema.domain import Domain
from distiller.schema.errors import InputError
from distiller.schema.usage import Prompt

TOKENS = {"sub_areas": 12, "concept": 95, "context": 280, "documents": 420, "query": 30}
"""Completion tokens of one, as measured with the embedded model in English."""
TOKENS |= {"grounded": 32, "other": 35, "judgment": 45, "score": 1}
PASSAGE_TOKENS = {"short": 130, "medium": 240, "long": 480}
TOPPED_UP = 1.15
"""Requests made over those planned: duplicates, and what has to be asked for again."""
MENDED = 0.1
"""Share of the written texts that a model writes anew, once for each attempt. Assumed, and rather
high: what the checks of texts find is refused while it is written (of 674 queries that the embedded
model wrote from four collections, none had to be mended), so that what is left is what a judge
refuses."""
SENTENCE = "the landlord returns the deposit within a period of some weeks after the tenancy ended "


class Mending(NamedTuple):
    """Texts that a repair has a model write anew."""

    queries: int = 0
    passages: int = 0
    negatives: int = 0
    """Written in the place of others."""

    @classmethod
    def of(cls, fixes: Iterable[Fix]) -> Mending:
        """What planned repairs will take; those that need no model take nothing."""
        counts = Counter(fix.mend for fix in fixes if fix.mend not in PURE)
        kinds = Mend.REWRITE_QUERY, Mend.REWRITE_PASSAGE, Mend.REPLACE_NEGATIVE
        return cls(*(counts[kind] for kind in kinds))


def requests_for(  # noqa: PLR0913 - as many as a plan has
    stages: Sequence[str],
    domain: Domain,
    *,
    concepts: int = 50,
    read: int = 0,
    queries: int = 100,
    grounded: int = 0,
    per_passage: int = PER_PASSAGE,
    positives_per_query: int = 1,
    negatives_per_query: int = 3,
    grounded_negatives: int = 0,
    length: str = "medium",
    contrastive: bool = False,
    mending: Mending | None = None,
    attempts: int = 1,
) -> list[Planned]:
    """What a run from nothing will ask for, in the order of the stages.

    `read` of the concepts and `grounded` of the queries are written from documents; the passage
    of such a query is its first positive. The stage `repair` stands for `attempts` rounds of it
    with what is judged anew after each; `mending` is what one of them takes where that is known.

    Raises:
        InputError: an unknown stage or length, a language or template that is not there.
    """
    checked_length(length)
    worded = queries - grounded
    passages = worded * (positives_per_query + negatives_per_query)
    passages += grounded * (positives_per_query - 1 + grounded_negatives)
    altered = [(worded, negatives_per_query), (grounded, grounded_negatives)]
    planned: dict[str, Callable[[], list[Planned]]] = {
        "knowledge": lambda: _knowledge(domain, concepts, read),
        "queries": lambda: [
            *_grounded(domain, grounded, per_passage),
            *_queries(domain, worded),
        ],
        "passages": lambda: [
            *(
                planned
                for count, negatives in altered
                for planned in _variants(
                    domain,
                    count if negatives else 0,
                    strategies_for(0, negatives, contrastive),
                )
            ),
            *_passages(domain, passages, length),
        ],
        "judge": lambda: _judge(domain, passages + grounded, length),
        "repair": lambda: _repair(
            domain,
            mending or Mending(math.ceil(MENDED * queries), math.ceil(MENDED * passages)),
            attempts,
            per_query=(passages + grounded) / queries,
            length=length,
        ),
    }
    unknown = [stage for stage in stages if stage not in planned]
    if unknown:
        raise InputError(f"no stage {unknown[0]!r} asks a model; use {', '.join(planned)}")
    return [item for stage in stages for item in planned[stage]() if item.completions]


def _like(stage: str, prompt: Prompt, completions: float, tokens: int) -> Planned:
    return Planned.like(stage, prompt, completions=math.ceil(completions), completion_tokens=tokens)


def _render(name: str, domain: Domain, **variables: object) -> Prompt:
    spoken = language(domain.language).name
    return prompts.render(name, domain=domain, language=spoken, **variables)


def _knowledge(domain: Domain, concepts: int, read: int) -> list[Planned]:
    areas, hints = areas_for(concepts), template(domain.template).document_types
    size = min(ENTRIES, math.ceil(concepts / areas))
    worded = concepts - read
    shown = shortened(SENTENCE * 20, reading.SHOWN_TOKENS)
    reads = _render("knowledge.read", domain, passages=[shown] * reading.SHOWN, count=1)
    sub_areas = _render("knowledge.sub_areas", domain, count=areas, hints=[], known=[])
    entries = _render(
        "knowledge.concepts", domain, count=size, sub_area=SENTENCE[:20], known=["security deposit"]
    )
    context = _render(
        "knowledge.context",
        domain,
        sub_area=SENTENCE[:20],
        terms=["security deposit"] * size,
        facts=FACTS,
        questions=QUESTIONS,
        relationships=LINKS,
    )
    documents = _render("knowledge.document_types", domain, count=DOCUMENT_TYPES, hints=hints)
    return [
        _like(
            "knowledge",
            reads,
            TOPPED_UP * read / reading.ENTRIES,
            TOKENS["concept"] * reading.ENTRIES,
        ),
        _like("knowledge", sub_areas, bool(worded), TOKENS["sub_areas"] * areas),
        _like("knowledge", entries, TOPPED_UP * worded / size, TOKENS["concept"] * size),
        _like("knowledge", context, areas, TOKENS["context"]),
        _like("knowledge", documents, 1, TOKENS["documents"]),
    ]


def _grounded(domain: Domain, queries: int, per_passage: int) -> list[Planned]:
    size = max(1, min(per_passage, queries))
    prompt = _render(
        "queries.grounded",
        domain,
        style=template(domain.template).query_style,
        examples=domain.example_queries[:6],
        shown=shown_passages(domain.language),
        passage=shortened(SENTENCE * 20, SHOWN_TOKENS),
        terms=["security deposit"] * 2,
        limit="8 to 15 words",
        kinds=["situation"] * size,
    )
    return [_like("queries", prompt, TOPPED_UP * queries / size, TOKENS["grounded"] * size)]


def _queries(domain: Domain, queries: int) -> list[Planned]:
    size = max(1, min(BATCH, queries))
    cell = {
        "term": "security deposit",
        "definition": SENTENCE,
        "type": SENTENCE[:50],
        "answer_type": SENTENCE[:20],
        "persona": SENTENCE[:20],
    }
    prompt = _render(
        "queries.write",
        domain,
        style=template(domain.template).query_style,
        examples=domain.example_queries[:6],
        limits="8 to 15 words",
        facts=[SENTENCE] * 2,
        relationships=[SENTENCE],
        questions=[SENTENCE] * 2,
        cells=[cell] * size,
    )
    return [_like("queries", prompt, TOPPED_UP * queries / size, TOKENS["query"] * size)]


def _variants(domain: Domain, queries: int, wanted: Sequence[str]) -> list[Planned]:
    kinds = ["another detail"] * len(wanted)
    prompt = _render(
        "passages.variants", domain, query=SENTENCE, strategies=strategies(), kinds=kinds
    )
    return [_like("passages", prompt, TOPPED_UP * queries, TOKENS["other"] * len(kinds))]


def _passages(domain: Domain, passages: int, length: str) -> list[Planned]:
    low, high = LENGTHS[checked_length(length)].sentences
    prompt = _render(
        "passages.write",
        domain,
        style=template(domain.template).passage_style,
        query=SENTENCE,
        background=[SENTENCE] * 3,
        document_type=SENTENCE * 2,
        low=low,
        high=high,
    )
    return [_like("passages", prompt, TOPPED_UP * passages, PASSAGE_TOKENS[length])]


def _judge(domain: Domain, passages: int, length: str) -> list[Planned]:
    text = SENTENCE * (PASSAGE_TOKENS[length] // 20)
    grade = _render("judge.grade", domain, query=SENTENCE, passage=text)
    score = _render("judge.answers", domain, query=SENTENCE, passage=text)
    return [
        _like("judge", grade, passages, TOKENS["judgment"]),
        _like("judge", score, passages, TOKENS["score"]),
    ]


def _repair(
    domain: Domain, mending: Mending, attempts: int, *, per_query: float, length: str
) -> list[Planned]:
    query = _render(
        "repair.query",
        domain,
        style=template(domain.template).query_style,
        examples=domain.example_queries[:6],
        query=SENTENCE,
        concepts=["security deposit"] * 2,
        passage=shortened(SENTENCE * 20, SHOWN_TOKENS),
        fault=SENTENCE,
        limits="8 to 15 words",
    )
    low, high = LENGTHS[checked_length(length)].sentences
    passage = _render(
        "repair.passage",
        domain,
        style=template(domain.template).passage_style,
        passage=SENTENCE * (PASSAGE_TOKENS[length] // 20),
        fault=SENTENCE,
        query=SENTENCE,
        answers=True,
        low=low,
        high=high,
    )
    texts = PASSAGE_TOKENS[length]
    judged = mending.queries * per_query + mending.passages + mending.negatives
    anew = [
        _like("repair", query, TOPPED_UP * attempts * mending.queries, TOKENS["query"]),
        _like("repair", passage, TOPPED_UP * attempts * mending.passages, texts),
        *_variants(domain, attempts * mending.negatives, strategies_for(0, 1, False)),
        *_passages(domain, attempts * mending.negatives, length),
        *_judge(domain, math.ceil(attempts * judged), length),
    ]
    return [replace(item, stage="repair") for item in anew]
