"""From reviewed or judged pairs to training examples, with a reason for everything left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import zip_longest

from distiller.dataset.sieve import Sieve
from distiller.quality.pairs import Pair, calibrated
from distiller.schema.base import LEFT_OUT, Item, Status
from distiller.schema.dataset import Example, LabelledPassage
from distiller.schema.domain import Project
from distiller.schema.examples import (
    POSITIVE_GRADE,
    Judgment,
    JudgmentSource,
    Passage,
    Query,
    Strategy,
)
from distiller.settings import Settings
from distiller.store import Store

_RANK = {source: rank for rank, source in enumerate(JudgmentSource)}


@dataclass
class Material:
    """Everything of a project that examples are made of, oldest first."""

    queries: list[Query]
    passages: dict[str, Passage]
    pairs: dict[str, list[Pair]]
    """query_id → its pairs."""
    has_judge: bool
    """Whether the judge has graded anything; then a pair needs its grade to be used."""
    reviewed: frozenset[str]
    """Kinds of which only what somebody has approved counts: `query`, `passage`."""
    trust_mined: bool = True
    """Whether mined negatives count before anybody judged or approved them: a margin to the
    positive chose them, and mined negatives are what gains most (NV-Retriever, GPL)."""
    undecided: bool = False
    """Whether approvals leave nothing out that nobody has decided about."""


@dataclass
class Assembly:
    """Examples, and how many queries and passages were left out for which reason."""

    examples: list[Example] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    pairs: list[Pair] = field(default_factory=list)
    """Those in the examples."""


def gather(
    store: Store,
    project: Project,
    *,
    trust_mined: bool = True,
    undecided: bool = False,
    retired: bool = False,
) -> Material:
    """Read the queries of a project, its judgments, and the passages that they are about.

    With `undecided`, approvals leave nothing out that nobody has decided about.
    A corpus has many more passages, which stay where they are. Mined negatives in whose place a
    later round chose others are only among the pairs if `retired` asks for them.
    """
    queries = store.items(project.id, Query)
    known = {query.id: query for query in queries}
    by_pair: dict[tuple[str, str], dict[JudgmentSource, Judgment]] = defaultdict(dict)
    for judgment in store.judgments(project.id):
        by_pair[judgment.query_id, judgment.passage_id][judgment.source] = judgment
    about = {passage_id for _, passage_id in by_pair}
    passages = {one.id: one for one in store.items(project.id, Passage, ids=about)}
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for (query_id, passage_id), sources in by_pair.items():
        if query_id in known and passage_id in passages:
            pair = Pair(known[query_id], passages[passage_id], sources)
            if retired or not _is_retired(pair):
                pairs[query_id].append(pair)
    pairs = {query_id: calibrated(group) for query_id, group in pairs.items()}
    everything = [pair for group in pairs.values() for pair in group]
    reviewed = set()
    if not undecided and any(query.status is Status.APPROVED for query in queries):
        reviewed.add("query")
    if not undecided and any(map(_pair_approved, everything)):
        reviewed.add("passage")
    return Material(
        queries=queries,
        passages=passages,
        pairs=pairs,
        has_judge=any(JudgmentSource.JUDGE in pair.judgments for pair in everything),
        reviewed=frozenset(reviewed),
        trust_mined=trust_mined,
        undecided=undecided,
    )


def trained_on(store: Store, project: Project, settings: Settings) -> Material:
    """What of a project is trained on, as the settings have it."""
    return gather(store, project, trust_mined=settings.trust_mined, undecided=settings.undecided)


def assemble(store: Store, project: Project) -> list[Example]:
    """The examples that a snapshot would hold now, oldest query first."""
    return put_together(gather(store, project)).examples


def put_together(material: Material, sieve: Sieve | None = None) -> Assembly:
    """Choose what is approved (or validated, where nobody has reviewed) and count the rest.

    Queries and passages are looked at apart: where any query is approved, only approved ones
    count; where any passage or pair is approved, only approved pairs. A reviewer's own grade
    approves its pair. Mined negatives count without either, where the material says so. Rejected,
    flagged and stale items never count. Where the judge doubts the only answer of a query, its
    writer's word stands (decision 28). What checks found has the effect that the sieve says; None
    lets everything through.
    """
    assembly = Assembly()
    for query in material.queries:
        reason = _query_reason(query, material) or (sieve and sieve.query_reason(query))
        if reason:
            assembly.excluded[reason] += 1
            continue
        kept = []
        for pair in material.pairs.get(query.id, []):
            reason = _pair_reason(pair, material) or (sieve and sieve.pair_reason(pair))
            if reason:
                assembly.excluded[reason] += 1
            else:
                kept.append(pair)
        if any(pair.positive for pair in kept):  # others stand in for what is doubted
            assembly.excluded.update(
                f"passage_{pair.disagreement}" for pair in kept if pair.doubted
            )
            kept = [pair for pair in kept if not pair.doubted]
        example = _example(query, kept)
        if sieve:
            example.weight = sieve.weight(query, kept)
        if example.positives:
            assembly.examples.append(example)
            assembly.pairs += kept
        else:
            assembly.excluded["query_without_positive"] += 1
    return assembly


def _state_reason(item: Item) -> str | None:
    if item.status in LEFT_OUT:
        return item.status.value
    return "stale" if item.stale else None


def _query_reason(query: Query, material: Material) -> str | None:
    reason = _state_reason(query)
    if reason is None and "query" in material.reviewed and query.status is not Status.APPROVED:
        reason = "not_approved"
    return reason and f"query_{reason}"


def _pair_reason(pair: Pair, material: Material) -> str | None:
    judgment = pair.effective
    reason = _state_reason(pair.passage) or ("stale" if judgment is None else None)
    if reason is None and judgment is not None:
        reason = _state_reason(judgment)
    trusted = pair.mined and material.trust_mined
    if reason is None and not trusted:
        if "passage" in material.reviewed and not _pair_approved(pair):
            reason = "not_approved"
        elif (material.has_judge or pair.mined) and not (pair.judged or _pair_approved(pair)):
            reason = "unjudged"
    if not pair.doubted:
        reason = reason or pair.disagreement
    return reason and f"passage_{reason}"


def _is_retired(pair: Pair) -> bool:
    """Whether a later round of mining chose other passages; a reviewer's own grade stays."""
    intended, given = pair.intended, pair.judgments.get(JudgmentSource.REVIEWER)
    return pair.mined and intended is not None and intended.stale and given is None


def _pair_approved(pair: Pair) -> bool:
    judgment = pair.effective
    return pair.passage.status is Status.APPROVED or (
        judgment is not None
        and (judgment.source is JudgmentSource.REVIEWER or judgment.status is Status.APPROVED)
    )


def _example(query: Query, pairs: Iterable[Pair]) -> Example:
    pairs = list(pairs)
    source = _score_source(pairs)
    labelled = [(_labelled(pair, source), pair.mined) for pair in pairs]
    # Sorted sorts are stable: among equal grades the oldest comes first.
    labelled.sort(key=lambda one: -one[0].grade)
    passages = [passage for passage, _ in labelled]
    negatives = [one for one in labelled if one[0].grade < POSITIVE_GRADE]
    return Example(
        query_id=query.id,
        query=query.query,
        type=query.type,
        complexity=query.complexity.value,
        answer_type=query.answer_type,
        key_concepts=query.key_concepts,
        positives=[passage for passage in passages if passage.grade >= POSITIVE_GRADE],
        negatives=_mixed(
            [passage for passage, mined in negatives if mined],
            [passage for passage, mined in negatives if not mined],
        ),
        meta={"persona": query.persona} if query.persona else {},
    )


def _mixed(mined: list[LabelledPassage], others: list[LabelledPassage]) -> list[LabelledPassage]:
    """Mined negatives and others in turns: training takes the first few of them."""
    pairs = zip_longest(mined, others)
    return [passage for pair in pairs for passage in pair if passage is not None]


def _score_source(pairs: Iterable[Pair]) -> JudgmentSource | None:
    """Whose scores an example carries: one source for all its passages, for scales differ."""
    counts = Counter(
        source
        for pair in pairs
        for source in (JudgmentSource.TEACHER, JudgmentSource.JUDGE)
        if _score(pair, source) is not None
    )
    return max(counts, key=lambda source: (counts[source], -_RANK[source]), default=None)


def _labelled(pair: Pair, score_source: JudgmentSource | None) -> LabelledPassage:
    judgment, intended = pair.label, pair.intended
    assert judgment is not None, "pairs without a valid judgment are left out before"
    score = _score(pair, score_source or JudgmentSource.GENERATOR)  # of an imported file
    strategy = (intended or judgment).strategy
    return LabelledPassage(
        passage_id=pair.passage.id,
        text=pair.passage.text,
        title=pair.passage.title,
        grade=judgment.grade,
        explanation=judgment.explanation or (intended.explanation if intended else ""),
        strategy=strategy.value if isinstance(strategy, Strategy) else strategy,
        score=score,
        span=pair.passage.provenance.span,
        decided_by=judgment.source.value,
    )


def _score(pair: Pair, source: JudgmentSource) -> float | None:
    given = pair.judgments.get(source)
    return None if given is None or given.stale else given.score
