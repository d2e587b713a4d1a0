"""Teacher scores: how well each passage that is trained on fits its query, softly.

Soft scores teach more than labels (GPL, https://arxiv.org/abs/2112.07577: 46.3 with hard labels,
51.5 with the same negatives and soft scores). A teacher is one of these, or several joined by `+`:

    dense                 the packaged all-MiniLM-L6-v2; `dense:MODEL` another dense model
    bm25                  BM25 over the corpus and all passages that are trained on
    cross-encoder:MODEL   a cross-encoder from a folder or the hub
    judge                 the soft score of the language model that judged the pair
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distiller.corpus.calibration import Floats, calibrated, mixed
from distiller.corpus.scoring import STAGE, Part, Scores, Scoring
from distiller.dataset.assembly import put_together, trained_on
from distiller.packs.languages import language
from distiller.quality.pairs import Pair
from distiller.schema.base import Provenance, new_id
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import POSITIVE_GRADE, Judgment, JudgmentSource
from distiller.schema.jobs import OnProgress, StageReport
from distiller.settings import Settings
from distiller.store import Store

_USUAL, _USUAL_ELSEWHERE = "dense+bm25", "bm25"
"""Both work offline and cost nothing; the packaged dense model reads English only."""
WRITE_AT_ONCE = 2_000
_NAMES = ("dense", "bm25", "cross-encoder", "judge")
_DIGITS = 4


def usual_teacher(tag: str) -> str:
    """The teacher of a language where nobody names one."""
    return _USUAL if language(tag).code == "en" else _USUAL_ELSEWHERE


def parts_of(teacher: str) -> list[Part]:
    """The parts of a teacher such as `dense+bm25`.

    Raises:
        InputError: A part that there is not, or twice, or a cross-encoder without a name.
    """
    found = [Part(*part.strip().split(":", 1)) for part in teacher.split("+")]
    for part in found:
        if part.kind not in _NAMES or (part.model and part.kind in ("bm25", "judge")):
            raise InputError(
                f"no teacher {part.name!r}; give dense, bm25, cross-encoder:MODEL or judge, or "
                f"several joined by +, such as {_USUAL}"
            )
        if part.kind == "cross-encoder" and not part.model:
            raise InputError(
                "a cross-encoder needs its name, such as "
                "cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2"
            )
    if len(set(found)) < len(found):
        raise InputError(f"{teacher}: names a teacher twice; name each once")
    return found


def teach(
    store: Store,
    project: Project,
    settings: Settings,
    *,
    teacher: str = "",
    on_progress: OnProgress = lambda _: None,
) -> StageReport:
    """Score every query and passage that would be trained on now, and keep the scores.

    What was encoded or scored once is not computed again. Scores of pairs that are not trained on
    any more become stale. Without a name the teacher is the usual one of the project's language.

    Raises:
        InputError: No such teacher, or nothing to train on yet.
        ModelUnavailable: A model that cannot be loaded.
    """
    tag = project.domain.language
    teacher = teacher or usual_teacher(tag)
    parts = parts_of(teacher)
    pairs = put_together(trained_on(store, project, settings)).pairs
    if not pairs:
        raise InputError("nothing to score yet; generate, import or mine examples first")
    work = Scoring(store, project, settings, pairs, on_progress)
    raw = {part: work.scores(part) for part in parts}
    scores = mixed([calibrated(given.scaled, work.asked) for given in raw.values()], work.asked)
    judgments = [
        _judgment(pair, float(score), teacher, _explained(raw, at))
        for at, (pair, score) in enumerate(zip(pairs, scores, strict=True))
        if not np.isnan(score)
    ]
    new = changed = 0
    for start in range(0, len(judgments), WRITE_AT_ONCE):
        written = store.put_judgments(project.id, judgments[start : start + WRITE_AT_ONCE])
        new, changed = new + written.new, changed + written.changed
    store.retire_taught(project.id, [(one.query_id, one.passage_id) for one in judgments])
    return StageReport(
        stage=STAGE,
        made=new + changed,
        present=len(judgments) - new - changed,
        failed=len(pairs) - len(judgments),
        notes=[*_notes(teacher, pairs, scores), *_foreign(parts, tag)],
    )


def _foreign(parts: Sequence[Part], tag: str) -> list[str]:
    """A warning where the packaged dense model scores what it cannot read."""
    if language(tag).code == "en" or Part("dense") not in parts:
        return []
    return [
        f"the packaged dense model reads English, not {language(tag).name}: its scores may teach "
        "what is wrong; name another as dense:MODEL, or give bm25"
    ]


def _explained(raw: dict[Part, Scores], at: int) -> str:
    told = ((part.name, given.raw[at]) for part, given in raw.items())
    return ", ".join(f"{name} {value:.2f}" for name, value in told if not np.isnan(value))


def _judgment(pair: Pair, score: float, teacher: str, explanation: str) -> Judgment:
    effective = pair.effective
    assert effective is not None, "only pairs with a valid judgment are trained on"
    return Judgment(
        id=new_id("j"),
        query_id=pair.query.id,
        passage_id=pair.passage.id,
        grade=effective.grade,
        strategy=(pair.intended or effective).strategy,
        explanation=explanation,
        source=JudgmentSource.TEACHER,
        score=round(score, _DIGITS),
        provenance=Provenance(source="model", model=teacher),
    )


def _notes(teacher: str, pairs: Sequence[Pair], scores: Floats) -> list[str]:
    """How far apart the teacher puts positives and negatives, and where it disagrees."""
    by_query: dict[str, tuple[list[float], list[float]]] = {}
    for pair, score in zip(pairs, scores, strict=True):
        if not np.isnan(score) and (judgment := pair.effective):
            sides = by_query.setdefault(pair.query.id, ([], []))
            sides[judgment.grade < POSITIVE_GRADE].append(float(score))
    both = [(max(yes), max(no), yes, no) for yes, no in by_query.values() if yes and no]
    notes = [f"{teacher}: {len(by_query)} queries scored"]
    if both:
        gaps = [float(np.mean(yes) - np.mean(no)) for _, _, yes, no in both]
        first = sum(best > rival for best, rival, _, _ in both) / len(both)
        low, high = np.percentile(gaps, [10, 90])
        notes.append(
            f"positives stand {np.mean(gaps):.2f} above negatives (one query in ten below "
            f"{low:.2f}, one in ten above {high:.2f}); {first:.0%} of queries have a positive first"
        )
    missing = int(np.isnan(scores).sum())
    if missing:
        notes.append(f"without a score: {missing} of {len(pairs)}; have the judge grade them first")
    return notes
