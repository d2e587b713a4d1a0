"""Further rounds of training: negatives mined anew with the model that the round before trained.

What a model still takes for an answer teaches it most (ANCE, https://arxiv.org/abs/2007.00808).
Each round begins again from the start model, as SPLADE v2 does with the triplets that its first
model mined (https://arxiv.org/abs/2109.10086): so that rounds differ in their data alone, and no
model drifts twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from distiller.corpus.index import CorpusIndex, corpus_texts
from distiller.corpus.searches import BM25_NAME, open_searches
from distiller.corpus.teacher import usual_teacher
from distiller.dataset import content_hash
from distiller.dataset.assembly import put_together, trained_on
from distiller.dataset.texts import passage_text
from distiller.evaluate import evaluate, in_words
from distiller.evaluate.measures import NDCG
from distiller.pipeline.plan import Journey, Plan
from distiller.quality.pairs import Pair
from distiller.schema.dataset import DatasetSnapshot, Example
from distiller.schema.domain import Project
from distiller.schema.examples import JudgmentSource
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.schema.retrieval import Collection, Qrels, Retriever, TrainedModel
from distiller.store import Store

STAGE = "choose"
LINEAGE = "_rounds"
"""In the lineage of the last round's snapshot: of what it was made, and the snapshots before it."""
AFTER = ("snapshot", "train")


def further(rounds: int, between: Sequence[str] = (), *, teach: bool = False) -> list[str]:
    """The stages after a first training.

    Args:
        rounds: Trainings in all.
        between: What is done with what was mined, before it is frozen.
        teach: Whether a teacher scores what is trained on.
    """
    one = ["mine", *between, *(["teach"] if teach else []), *AFTER]
    return [*one * (rounds - 1), STAGE] if rounds > 1 else []


def teacher_of(store: Store, project: Project) -> str:
    """The teacher whose scores a project's pairs carry; empty where they carry none."""
    scores = store.judgments(project.id, sources=[JudgmentSource.TEACHER])
    return next((str(one.provenance.model) for one in reversed(scores) if not one.stale), "")


def further_of(store: Store, project: Project, plan: Plan) -> list[str]:
    """The stages after a first training on a project's data, none where the plan has one round.

    The teacher that has scored the pairs goes into the plan: it scores those of each round.
    """
    if plan.rounds == 1:
        return []
    teacher = teacher_of(store, project)
    plan.teacher = teacher or plan.teacher
    return further(plan.rounds, teach=bool(teacher))


def round_of(journey: Journey) -> int:
    """Which round is under way, from 1."""
    return len(journey.trained) + 1


def gave_up(journey: Journey) -> bool:
    """Whether the round before saved its start model as it was, so that there is no better search to
    mine with. One that has met the corpus is another one.
    """
    if not journey.trained:
        return False
    last = journey.trained[-1]
    return not (last.promoted or last.interpolation)


def searches(journey: Journey) -> list[str]:
    """What to mine with in this round: the newest model in place of the start model."""
    plan = journey.plan
    asked = plan.mine_with or [BM25_NAME, plan.base]
    if not journey.trained:
        return asked
    tuned = journey.trained[-1].path
    return list(dict.fromkeys([*(one for one in asked if one != plan.base), tuned]))


def known_snapshot(journey: Journey) -> str | None:
    """The hash of what an earlier run froze in this round, where nothing has changed since.

    To go back to it would undo what later rounds mined. The last round is always looked at anew.
    """
    at = round_of(journey)
    if at >= journey.plan.rounds or journey.plan.snapshot:
        return None
    if journey.earlier is None:
        journey.earlier = _earlier(journey)
    return journey.earlier[at - 1] if len(journey.earlier) >= at else None


def _earlier(journey: Journey) -> list[str]:
    made_of = material(journey)
    frozen = journey.store.snapshots(journey.project.id, examples=False)
    hashes = {one.content_hash for one in frozen}
    for snapshot in reversed(frozen):
        told = snapshot.lineage.get(LINEAGE) or {}
        before = told.get("before", [])
        if told.get("material") == made_of and hashes.issuperset(before):
            return list(before) if len(before) == journey.plan.rounds - 1 else []
    return []


def lineage(journey: Journey) -> dict[str, Any]:
    """What the last round's snapshot keeps, for later runs to find."""
    at = round_of(journey)
    if at == 1 or at < journey.plan.rounds:
        return {}
    before = [model.snapshot_hash for model in journey.trained]
    return {"round": at, LINEAGE: {"material": material(journey), "before": before}}


def material(journey: Journey) -> str:
    """SHA-256 of all that decides what the rounds lead to: the data without what was mined, and
    the settings.
    """
    store, project, settings, plan = (
        journey.store,
        journey.project,
        journey.settings,
        journey.plan,
    )
    found = trained_on(store, project, settings)
    pairs = {
        query_id: [pair for pair in group if not _only_mined(pair)]
        for query_id, group in found.pairs.items()
    }
    examples = put_together(replace(found, pairs=pairs)).examples
    chosen = {"mining", "mine_with", "base", "preset", "recipe", "rounds"}
    parts = {
        "examples": content_hash(map(_without_scores, examples)),
        "corpus": sorted(passage.id for passage in store.corpus(project.id)),
        "plan": plan.model_dump(mode="json", include=chosen),
        "teacher": plan.teacher or usual_teacher(project.domain.language),
        "settings": [
            settings.seed,
            settings.quality,
            settings.trust_mined,
            settings.background,
            str(settings.canary),
        ],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _only_mined(pair: Pair) -> bool:
    return pair.mined and JudgmentSource.REVIEWER not in pair.judgments


def _without_scores(example: Example) -> Example:
    return example.model_copy(
        update={
            side: [one.model_copy(update={"score": None}) for one in getattr(example, side)]
            for side in ("positives", "negatives")
        }
    )


async def choose_stage(journey: Journey, on_progress: OnProgress) -> StageReport:
    """Keep the model of the round that ranks the dev queries best; a promoted one goes first.

    Every round's dev queries are ranked against all passages of the project, not of one snapshot:
    a snapshot holds what its own round's search found hard, which is hard on that search alone.
    """
    models = list({model.id: model for model in journey.trained}.values())
    if len(models) < 2:
        return StageReport(stage=STAGE, made=0, present=len(models), notes=[_why_one(journey)])
    snapshots = [journey.store.snapshot(model.snapshot_hash) for model in models]
    collection = _dev(journey, snapshots)
    if not collection.queries:
        best, notes = 0, ["no dev query to compare the rounds on, so the first one's model is kept"]
    else:
        best, notes = _compared(journey, models, collection, on_progress)
    journey.model, journey.snapshot = models[best], snapshots[best]
    return StageReport(stage=STAGE, made=1, present=0, notes=notes)


def _why_one(journey: Journey) -> str:
    if gave_up(journey):
        return "the first training did not help, so there was no better search to mine with"
    return "mining again changed nothing, so both rounds gave the same model"


def _compared(
    journey: Journey,
    models: Sequence[TrainedModel],
    collection: Collection,
    on_progress: OnProgress,
) -> tuple[int, list[str]]:
    """The best one's place, and why in words."""

    def tell(progress: Progress) -> None:
        on_progress(progress.model_copy(update={"stage": STAGE}))

    index = CorpusIndex.of(journey.settings.workspace, journey.project)
    paths = [model.path for model in models]
    ranked: list[Retriever] = open_searches(
        index, collection.corpus, paths, journey.settings.cache_dir, tell
    )
    for number, system in enumerate(ranked, 1):
        system.name = f"round {number}"
    report = evaluate(ranked, collection, seed=journey.settings.seed)
    worth = [system.measures[NDCG.name] or 0.0 for system in report.systems]
    best = max(range(len(models)), key=lambda at: (models[at].promoted, worth[at], -at))
    figures = ", ".join(f"round {at} {value:.3f}" for at, value in enumerate(worth, 1))
    said = (
        f"round {best + 1} is kept, {models[best].path}: {NDCG.name} on {report.queries:,} dev "
        f"queries among {report.passages:,} passages: {figures}"
    )
    if worth[best] < max(worth):
        said += "; the one that ranks higher was not promoted"
    return best, [said, *map(in_words, report.comparisons)]


def _dev(journey: Journey, snapshots: Sequence[DatasetSnapshot]) -> Collection:
    """Queries that are dev queries of every round, over every passage that there is."""
    corpus = corpus_texts(journey.store, journey.project)
    qrels: Qrels = {}
    queries: dict[str, str] = {}
    shared = set.intersection(
        *({one.query_id for one in made.examples if one.split == "val"} for made in snapshots)
    )
    for snapshot in snapshots:
        for example in snapshot.examples:
            passages = [*example.positives, *example.negatives]
            corpus |= {one.passage_id: passage_text(one) for one in passages}
            if example.query_id in shared and example.positives:
                queries[example.query_id] = example.query
                grades = qrels.setdefault(example.query_id, {})
                for one in passages:
                    grades[one.passage_id] = max(one.grade, grades.get(one.passage_id, 0))
    return Collection(
        name="dev queries",
        corpus=corpus,
        queries=queries,
        qrels=qrels,
        language=journey.project.domain.language,
        held_out=True,
    )
