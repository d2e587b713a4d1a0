"""A project in made-up jargon: a corpus, and queries that its own passages answer.

Run as a program, it goes two rounds and says how far it is: workspace, cache.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from distiller.jobs import run_here
from distiller.pipeline import Journey, Plan, further
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, Origin, Passage, Query, Strategy
from distiller.settings import Settings
from distiller.store import Store

_JARGON = json.loads((Path(__file__).parents[1] / "data" / "jargon.json").read_text())
MEANT: dict[str, str] = _JARGON["meant"]
THINGS: list[str] = _JARGON["things"][:32]
RECIPE = {
    "min_steps": 12, "epochs": 0.1, "batch_size": 4, "negatives_per_query": 2,
    "learning_rate": 3e-4, "evaluations": 2, "passage_length": 32, "kl_weight": 0,
    "margin_weight": 0, "steered": 0, "query_lambda": 0, "passage_lambda": 0,
}  # fmt: skip
PLAN = Plan(preset="quick", recipe=RECIPE, rounds=2)
STAGES = ["mine", "teach", "snapshot", "train", *further(2, teach=True), "evaluate"]


def jargon(store: Store) -> Project:
    """What people type is not what the passages say; each thing stands in two of them."""
    project = store.create_project(Domain(name="houses"))
    for number, thing in enumerate(THINGS):
        slang = sorted(MEANT)[number % len(MEANT)]
        texts = {
            f"p{number}": f"The rules about {MEANT[slang]} and every {thing} are written down here.",
            f"n{number}": f"One more {slang} beside the old {thing} was eaten on day {number}.",
        }
        answers = Judgment(
            id=f"j{number}",
            query_id=f"q{number}",
            passage_id=f"p{number}",
            grade=3,
            strategy=Strategy.POSITIVE,
        )
        passages = [Passage(id=id_, text=t, origin=Origin.CORPUS) for id_, t in texts.items()]
        query = Query(id=f"q{number}", query=f"{slang} {thing}", key_concepts=[thing])
        store.add(project.id, [query, *passages, answers])
    return project


def settings(workspace: Path, cache: Path) -> Settings:
    return Settings(workspace=workspace, cache_dir=cache, quality="off", canary=None)


def go(store: Store, project: Project, known: Settings, plan: Plan = PLAN, on_progress=None):
    """Go all the stages; returns the journey and what each stage did."""
    journey = Journey(store, project, known, plan, on_progress)
    return journey, run_here(journey, STAGES)


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    here = settings(Path(sys.argv[1]), Path(sys.argv[2]))
    with Store.open(here.database) as opened:
        go(
            opened, opened.project(), here,
            on_progress=lambda told: print(told.stage, told.done, told.message, flush=True),  # noqa: T201
        )  # fmt: skip
