"""A query with a passage, and what every source says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from distiller.schema.examples import (
    POSITIVE_GRADE,
    Judgment,
    JudgmentSource,
    Passage,
    Query,
    Strategy,
)

MARGIN = 0.95
"""A negative counts as false only from this share of its query's positive's soft score on
(positive-aware mining, NV-Retriever, https://arxiv.org/abs/2407.15831)."""
_RANK = {source: rank for rank, source in enumerate(JudgmentSource)}


@dataclass(frozen=True)
class Pair:
    """A query with a passage, and what every source says of them."""

    query: Query
    passage: Passage
    judgments: Mapping[JudgmentSource, Judgment]

    @cached_property
    def effective(self) -> Judgment | None:
        """Reviewer over judge over generator, stale judgments aside. A teacher gives no grade."""
        graded = [
            judgment
            for source, judgment in self.judgments.items()
            if source is not JudgmentSource.TEACHER and not judgment.stale
        ]
        return max(graded, key=lambda judgment: _RANK[judgment.source], default=None)

    @property
    def intended(self) -> Judgment | None:
        """What the passage was written or imported as."""
        return self.judgments.get(JudgmentSource.GENERATOR)

    @property
    def judged(self) -> bool:
        """Whether somebody other than its writer graded it; a file's label counts."""
        judgment = self.effective
        return judgment is not None and (
            judgment.source is not JudgmentSource.GENERATOR
            or judgment.provenance.source == "import"
        )

    @property
    def mined(self) -> bool:
        """Whether a search found the passage in the team's corpus, as a hard negative."""
        intended = self.intended
        return (
            intended is not None
            and intended.strategy is Strategy.MINED
            and intended.provenance.source == "corpus"
        )

    @property
    def positive(self) -> bool:
        """Whether the grade that counts says that the passage answers."""
        judgment = self.effective
        return judgment is not None and judgment.grade >= POSITIVE_GRADE

    @property
    def disagreement(self) -> str | None:
        """Where the judge contradicts the writer: `positive_not_confirmed`, `negative_answers`."""
        judgment, intended = self.effective, self.intended
        if judgment is None or intended is None or judgment.source is not JudgmentSource.JUDGE:
            return None
        relevant, meant = judgment.grade >= POSITIVE_GRADE, intended.grade >= POSITIVE_GRADE
        if relevant == meant:
            return None
        return "positive_not_confirmed" if meant else "negative_answers"

    @property
    def doubted(self) -> bool:
        """Whether it was written as the answer, and is to the judge on the topic, but no answer."""
        judgment = self.effective
        return (
            self.disagreement == "positive_not_confirmed"
            and judgment is not None
            and judgment.grade > 0
        )

    @property
    def label(self) -> Judgment | None:
        """What a model is taught of it: a doubted answer is still the best that its query has."""
        return self.intended if self.doubted else self.effective

    @property
    def taught(self) -> bool:
        """Whether a model is taught that the passage answers."""
        return self.label is not None and self.label.grade >= POSITIVE_GRADE


def calibrated(pairs: Sequence[Pair]) -> list[Pair]:
    """A lenient judge's word against a negative holds only where its own soft score agrees.

    Small models grade almost everything 3, and still give the passage that answers a higher
    probability of Yes than those that do not. `pairs` are those of one query.
    """
    bars = [
        given.score
        for pair in pairs
        if (given := pair.judgments.get(JudgmentSource.JUDGE)) is not None
        and given.score is not None
        and given.grade >= POSITIVE_GRADE
        and pair.intended is not None
        and pair.intended.grade >= POSITIVE_GRADE
    ]
    return [_overruled(pair, MARGIN * max(bars)) for pair in pairs] if bars else list(pairs)


def _overruled(pair: Pair, bar: float) -> Pair:
    """The pair with its writer's grade in place of the judge's, where the judge's score is low."""
    given, intended = pair.judgments.get(JudgmentSource.JUDGE), pair.intended
    if given is None or given.score is None or given.score >= bar:
        return pair
    if given.grade < POSITIVE_GRADE or intended is None or intended.grade >= POSITIVE_GRADE:
        return pair
    overruled = given.model_copy(
        update={"grade": intended.grade, "explanation": intended.explanation}
    )
    return replace(pair, judgments={**pair.judgments, JudgmentSource.JUDGE: overruled})
