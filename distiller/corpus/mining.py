"""Hard negatives from a team's own corpus: what a search ranks high and the positive outranks.

A candidate that scores nearly as high as the positive is a likely false negative and is left out
(positive-aware mining, NV-Retriever, https://arxiv.org/abs/2407.15831: 95 % of the positive's score
as the limit was the best of their variants). The first ranks are passed over: they hold what may
answer in part, and many such negatives teach a model to distrust the query's own words, so that it
finds less; see docs/decisions/0026-deeper-negatives.md.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from pydantic import Field

from distiller.corpus.index import searchable
from distiller.dataset.assembly import Material, gather
from distiller.quality.duplicates import PASSAGE_SHINGLE, THRESHOLD, shingles
from distiller.quality.pairs import MARGIN, Pair
from distiller.quality.texts import similarity
from distiller.schema.base import LEFT_OUT, Item, Provenance, Record, SourceSpan, Status, new_id
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query, Strategy
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.schema.retrieval import Retriever
from distiller.store import Store
from distiller.store.documents import span_in_id

STAGE = "mine"
AT_ONCE = 256
"""Queries that are searched for and written at once."""
_SKIPPED_OF = 10
"""One in so many passages may be passed over as first ranks."""


class Mining(Record):
    """Which of what is found becomes a hard negative."""

    negatives: int = Field(default=4, ge=1, le=50)
    """For each query, taken in turns from all searches."""
    skip: int = Field(default=20, ge=0, le=500)
    """First ranks that are passed over, but no more than a tenth of the passages."""
    depth: int = Field(default=200, ge=1, le=5_000)
    """Rank down to which is looked; a search that ranks no positive so high mines nothing."""
    margin: float = Field(default=MARGIN, gt=0, le=1)
    """Share of the positive's score from which a candidate counts as a likely false negative."""
    hardest: bool = False
    """Whether the first of what is left are taken; otherwise any of it, drawn by the query."""
    agree: bool = True
    """Whether what any of the searches ranks as high as the positive is left out, whichever search
    found it."""


class Found(NamedTuple):
    """A candidate that was chosen."""

    passage_id: str
    explanation: str
    retriever: str


@dataclass
class Question:
    """A query to mine for, and what is known of it."""

    query: Query
    positives: list[Passage]
    judged: frozenset[str]
    """Passages about which somebody said something, mined negatives that nobody judged aside."""
    _shingles: list[frozenset[str]] = field(default_factory=list)

    def resembles_positive(self, passage_id: str, text: str) -> bool:
        """Whether a passage overlaps a positive in its document, or says nearly the same."""
        span = span_in_id(passage_id)
        if span and any(_overlap(span, one.provenance.span) for one in self.positives):
            return True
        if not self._shingles:
            self._shingles = [
                shingles(searchable(one.title, one.text), PASSAGE_SHINGLE) for one in self.positives
            ]
        found = shingles(text, PASSAGE_SHINGLE)
        return any(similarity(found, positive) >= THRESHOLD for positive in self._shingles)


def questions(material: Material) -> list[Question]:
    """The queries that are in use and have a positive, with what is known of their passages."""
    found = []
    for query in material.queries:
        pairs = material.pairs.get(query.id, [])
        positives = [pair.passage for pair in pairs if pair.taught and _in_use(pair.passage)]
        if _in_use(query) and positives:
            judged = frozenset(pair.passage.id for pair in pairs if _is_settled(pair))
            found.append(Question(query, positives, judged))
    return found


def rewritten(material: Material) -> int:
    """Queries that had mined negatives and have none any more, for those were of other words.

    The material must have what was retired.
    """
    mined = (
        [
            pair.intended.stale
            for pair in material.pairs.get(one.query.id, [])
            if pair.mined and pair.intended
        ]
        for one in questions(material)
    )
    return sum(bool(stale) and all(stale) for stale in mined)


def _in_use(item: Item) -> bool:
    return not item.stale and item.status not in LEFT_OUT


def _is_settled(pair: Pair) -> bool:
    """Whether mining has no say about a pair: it is another's, was decided about, or answers."""
    if not pair.mined or pair.positive or JudgmentSource.REVIEWER in pair.judgments:
        return True
    return pair.intended is not None and pair.intended.status is not Status.PROPOSED


def _overlap(one: SourceSpan, other: SourceSpan | None) -> bool:
    return (
        other is not None
        and one.document == other.document
        and one.start < other.end
        and other.start < one.end
    )


def mine(
    store: Store,
    project: Project,
    retrievers: Sequence[Retriever],
    texts: Mapping[str, str],
    *,
    mining: Mining | None = None,
    material: Material | None = None,
    on_progress: OnProgress = lambda _: None,
) -> StageReport:
    """Mine hard negatives for every query in use that has a positive.

    What an earlier round mined and this one does not becomes stale, unless somebody reviewed it.

    Args:
        store: Where the negatives go.
        project: Whose queries they are for.
        retrievers: Searches over the corpus and, where it has them not, the positives.
        texts: passage_id → searchable text of the corpus: what may become a negative.
        mining: Which of what is found is chosen.
        material: The project's queries and judgments, retired ones too, if they are at hand.
        on_progress: Is told after every few hundred queries.

    Raises:
        InputError: No search, no passages, or no query that has a positive.
    """
    chosen = mining or Mining()
    material = material or gather(store, project, retired=True)
    asked = questions(material)
    if not retrievers or not texts:
        raise InputError("nothing to mine in; read documents first (distiller ingest)")
    if not asked:
        raise InputError("no query has a passage that answers it; generate or import some first")
    miner = _Miner(retrievers, texts, chosen, _answers(material))
    made = changed = gone = 0
    for start in range(0, len(asked), AT_ONCE):
        on_progress(Progress(stage=STAGE, done=start, total=len(asked)))
        batch = asked[start : start + AT_ONCE]
        found = miner.mine(batch)
        judgments = [_judgment(query_id, one) for query_id, ones in found.items() for one in ones]
        written = store.put_judgments(project.id, judgments)
        keep = [(one.query_id, one.passage_id) for one in judgments]
        gone += store.retire_mined(project.id, [one.query.id for one in batch], keep)
        made, changed = made + written.new, changed + written.changed
    on_progress(Progress(stage=STAGE, done=len(asked), total=len(asked)))
    return StageReport(
        stage=STAGE,
        made=made + changed,
        present=sum(miner.taken.values()) - made - changed,
        notes=_notes(miner, len(asked), gone),
    )


def _answers(material: Material) -> frozenset[str]:
    """Passages that answer some query."""
    pairs = (pair for group in material.pairs.values() for pair in group)
    return frozenset(pair.passage.id for pair in pairs if pair.taught)


def _notes(miner: _Miner, asked: int, gone: int) -> list[str]:
    by_search = ", ".join(f"{count} by {name}" for name, count in miner.taken.items())
    notes = [f"{asked} queries: {by_search or 'no negative found'}"]
    if miner.near:
        notes.append(f"left out, for they may answer: {miner.near}")
    for name, count in miner.blind.items():
        notes.append(f"{name} ranks no positive high enough for {count} queries")
    if miner.without:
        notes.append(f"queries without a mined negative: {miner.without}")
    if gone:
        notes.append(f"stale, for this round chose others: {gone}")
    return notes


class _Miner:
    """Searches, chooses, and counts what it left out."""

    def __init__(
        self,
        retrievers: Sequence[Retriever],
        texts: Mapping[str, str],
        mining: Mining,
        answers: frozenset[str],
    ) -> None:
        self.retrievers = retrievers
        self.texts = texts
        self.mining = mining
        self.answers = answers
        self.skip = min(mining.skip, len(texts) // _SKIPPED_OF)
        self.taken: Counter[str] = Counter()
        self.blind: Counter[str] = Counter()
        self.near = 0
        self.without = 0

    def mine(self, batch: Sequence[Question]) -> dict[str, list[Found]]:
        """The negatives chosen for each query of a batch."""
        asked = {one.query.id: one.query.query for one in batch}
        runs = {
            retriever.name: retriever.retrieve(asked, self.mining.depth)
            for retriever in self.retrievers
        }
        return {one.query.id: self._choose(one, runs) for one in batch}

    def _choose(
        self, question: Question, runs: Mapping[str, Mapping[str, Mapping[str, float]]]
    ) -> list[Found]:
        rankings = {name: run[question.query.id] for name, run in runs.items()}
        best = {
            name: max((ranking.get(one.id, 0.0) for one in question.positives), default=0.0)
            for name, ranking in rankings.items()
        }
        high = {
            passage_id
            for name, ranking in rankings.items()
            for passage_id, score in ranking.items()
            if 0 < self.mining.margin * best[name] < score
        }
        offers = [
            self._candidates(question, name, ranking, best[name], high)
            for name, ranking in rankings.items()
        ]
        chosen: dict[str, Found] = {}
        for candidate in _in_turns(offers):
            if candidate.passage_id not in chosen:
                chosen[candidate.passage_id] = candidate
                self.taken[candidate.retriever] += 1
            if len(chosen) == self.mining.negatives:
                break
        self.without += not chosen
        return list(chosen.values())

    def _candidates(
        self,
        question: Question,
        name: str,
        ranking: Mapping[str, float],
        best: float,
        high: Collection[str],
    ) -> Iterator[Found]:
        """What one search offers, in the order of taking; `best` is its score of the positive."""
        if best <= 0:
            self.blind[name] += 1
            return
        limit = self.mining.margin * best
        ranked = list(enumerate(ranking.items(), 1))[self.skip :]
        if not self.mining.hardest:  # the same ones whenever this query is mined for
            random.Random(f"{name} {question.query.id}").shuffle(ranked)  # noqa: S311 - not a secret
        for rank, (passage_id, score) in ranked:
            if passage_id in question.judged:
                continue
            text = self.texts.get(passage_id)
            if text is None:  # a positive that is not of the corpus
                continue
            near = score > limit or (self.mining.agree and passage_id in high)
            if near or question.resembles_positive(passage_id, text):
                self.near += 1
                continue
            also = ", and it answers another query" if passage_id in self.answers else ""
            share = f"{score / best:.2f} of the positive's score"
            yield Found(passage_id, f"rank {rank} of {name}, {share}{also}", name)


def _in_turns(offers: Iterable[Iterator[Found]]) -> Iterator[Found]:
    """The best of each search, then the second of each, and so on."""
    for found in zip_longest(*offers):
        yield from (one for one in found if one is not None)


def _judgment(query_id: str, found: Found) -> Judgment:
    return Judgment(
        id=new_id("j"),
        query_id=query_id,
        passage_id=found.passage_id,
        grade=0,
        strategy=Strategy.MINED,
        explanation=found.explanation,
        source=JudgmentSource.GENERATOR,
        provenance=Provenance(source="corpus", model=found.retriever),
    )
