"""Checks of what was judged: functions from evidence to findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from scipy.cluster.hierarchy import DisjointSet

from distiller.quality.evidence import Evidence
from distiller.quality.of_texts import of_passage, of_query, quoted
from distiller.quality.pairs import MARGIN, Pair
from distiller.schema.examples import POSITIVE_GRADE, JudgmentSource
from distiller.schema.quality import Finding

MIN_NEGATIVES = 1
ABOVE = 1.5
"""Times the best answer's score from which a negative is suspicious: good hard negatives score
somewhat above it, for that is what makes them hard."""
FOUND = 20
"""Places of a ranking among which the passage that answers should stand."""


def current(evidence: Evidence) -> Iterator[Finding]:
    """Queries, passages and judgments that something upstream was changed under."""
    for query in evidence.queries:
        if query.stale:
            yield of_query("current", query, "something that it rests on was changed later")
    for pairs in evidence.offered.values():
        for pair in pairs:
            if pair.passage.stale or pair.effective is None:
                yield of_passage(
                    "current",
                    pair.passage,
                    "the query or the passage was changed since it was judged",
                    query_id=pair.query.id,
                )


def judged(evidence: Evidence) -> Iterator[Finding]:
    """Pairs that nobody but their writer graded; mined negatives have none."""
    for pair in evidence.all_pairs():
        if not pair.judged and not pair.mined:
            reason = "nobody but its writer has said whether it answers"
            yield of_passage("judged", pair.passage, reason, query_id=pair.query.id)


def positives_confirmed(evidence: Evidence) -> Iterator[Finding]:
    """Passages meant to answer of which the judge says that they do not."""
    yield from _contradicted(evidence, "positives_confirmed", "positive_not_confirmed")


def negatives_do_not_answer(evidence: Evidence) -> Iterator[Finding]:
    """Passages meant not to answer of which the judge says that they do."""
    yield from _contradicted(evidence, "negatives_do_not_answer", "negative_answers")


def _contradicted(evidence: Evidence, check: str, how: str) -> Iterator[Finding]:
    for pair in evidence.all_pairs():
        if pair.disagreement == how and (said := pair.effective):
            meant = "an answer" if how == "positive_not_confirmed" else "no answer"
            words = f": {said.explanation}" if said.explanation else ""
            yield of_passage(
                check,
                pair.passage,
                f"written as {meant}, and the judge grades it {said.grade} of 3{words}",
                query_id=pair.query.id,
                score=said.score,
            )


def has_positive(evidence: Evidence) -> Iterator[Finding]:
    """Queries that no passage answers, or was meant to."""
    for query in evidence.queries:
        pairs = evidence.pairs.get(query.id, ())
        if not (_standing(pairs, positive=True) or any(pair.doubted for pair in pairs)):
            yield of_query("has_positive", query, "no passage is known to answer it")


def enough_negatives(evidence: Evidence) -> Iterator[Finding]:
    """Queries without a hard negative."""
    for query in evidence.queries:
        found = len(_standing(evidence.pairs.get(query.id, ()), positive=False))
        if found < MIN_NEGATIVES:
            reason = "there is no passage that looks like an answer and is none"
            yield of_query("enough_negatives", query, reason)


def _standing(pairs: Sequence[Pair], *, positive: bool) -> list[Pair]:
    return [p for p in pairs if p.positive == positive and p.disagreement is None]


def negatives_rank_below(evidence: Evidence) -> Iterator[Finding]:
    """Negatives that every retriever ranks above each answer, and no judge clearly speaks against."""
    if not evidence.rankings:
        return
    for query_id, pairs in evidence.pairs.items():
        positives = [pair.passage.id for pair in _standing(pairs, positive=True)]
        if not positives:
            continue
        rankings = [run.get(query_id, {}) for run in evidence.rankings.values()]
        for pair in _standing(pairs, positive=False):
            above = all(_beats(ranked, pair.passage.id, positives) for ranked in rankings)
            if above and not _cleared(pair, pairs):
                yield of_passage(
                    "negatives_rank_below",
                    pair.passage,
                    f"{_names(evidence)} finds it a better match than every passage that answers",
                    query_id=query_id,
                )


def _beats(ranked: Mapping[str, float], passage_id: str, positives: Sequence[str]) -> bool:
    best = max(ranked.get(one, 0.0) for one in positives)
    return ranked.get(passage_id, 0.0) > ABOVE * best


def _cleared(pair: Pair, pairs: Sequence[Pair]) -> bool:
    """A reviewer said that it does not answer, or the judge is much surer of the answers."""
    if JudgmentSource.REVIEWER in pair.judgments:
        return True
    own = pair.judgments.get(JudgmentSource.JUDGE)
    if own is None or own.score is None:
        return False
    scores = [
        given.score
        for other in _standing(pairs, positive=True)
        if (given := other.judgments.get(JudgmentSource.JUDGE)) and given.score is not None
    ]
    return bool(scores) and own.score < MARGIN * max(scores)


def no_twins_answer(evidence: Evidence) -> Iterator[Finding]:
    """Negatives that say what answers this query, or another one that asks nearly the same."""
    same = DisjointSet(evidence.passages)
    for one, two in evidence.near_passages:
        same.merge(one, two)
    alike = {id_: same[id_] for id_ in evidence.passages}
    answers: dict[str, dict[str, Pair]] = defaultdict(dict)
    for pair in evidence.all_pairs():
        if pair.positive and pair.disagreement is None:
            answers[pair.query.id].setdefault(alike[pair.passage.id], pair)
    twins: dict[str, list[str]] = defaultdict(list)
    for one, two, _ in evidence.near_queries:
        twins[one].append(two)
        twins[two].append(one)
    for query_id, pairs in evidence.pairs.items():
        for pair in _standing(pairs, positive=False):
            if JudgmentSource.REVIEWER in pair.judgments:
                continue
            group = alike[pair.passage.id]
            found = next((t for t in (query_id, *twins[query_id]) if group in answers[t]), None)
            if found is not None:
                yield _answers_twin(pair, answers[found][group], own=found == query_id)


def _answers_twin(negative: Pair, answer: Pair, *, own: bool) -> Finding:
    whom = "this query" if own else f"“{quoted(answer.query.query)}”, which asks nearly the same"
    return of_passage(
        "no_twins_answer",
        negative.passage,
        f"stands here as no answer, and says the same as a passage that answers {whom}",
        query_id=negative.query.id,
        other=answer.passage.id,
    )


def found_again(evidence: Evidence) -> Iterator[Finding]:
    """Queries whose answer no retriever has among its first, of all passages of the project."""
    if not evidence.rankings or evidence.corpus_size <= FOUND:
        return
    for query in evidence.queries:
        positives = {
            p.passage.id for p in _standing(evidence.pairs.get(query.id, ()), positive=True)
        }
        if not positives:
            continue
        places = [_place(run.get(query.id, {}), positives) for run in evidence.rankings.values()]
        known = [place for place in places if place is not None]
        best = min(known, default=None)
        if best is None or best > FOUND:
            where = f"only at place {best:,}" if best else "not among its first"
            yield of_query(
                "found_again",
                query,
                f"{_names(evidence)} finds its answer {where}, of {evidence.corpus_size:,} passages",
                score=None if best is None else float(best),
            )


def _place(ranked: Mapping[str, float], wanted: set[str]) -> int | None:
    """The first place, from 1, of one of the passages."""
    known = [(-ranked[id_], id_) for id_ in wanted if id_ in ranked]
    if not known:
        return None
    first = min(known)
    return 1 + sum((-score, id_) < first for id_, score in ranked.items())


def _names(evidence: Evidence) -> str:
    return " and ".join(evidence.rankings)


def meant(evidence: Evidence, *, positive: bool) -> int:
    """Pairs that somebody besides the writer graded, by what they were written as."""
    return sum(
        (pair.intended.grade >= POSITIVE_GRADE) == positive
        for pair in evidence.all_pairs()
        if pair.judged and pair.intended
    )
