"""What documents, mined negatives, teachers and repair are worth: six human-judged collections.

python benchmarks/grounded_study.py COLLECTIONS_DIR --work DIR [--only NAME]… [--queries N]
    [--words-queries N] [--concepts N] [--seed N]… [--preset NAME] [--llm local|URL] [--variant NAME]…
    [--generate | --refreeze | --report]

Each collection is used as a corpus without its queries and qrels; what is generated is trained on,
and the human queries are measured. Run it again and it goes on where it stopped: generation from
the workspace of each collection, everything else from the results kept in DIR/cells. --refreeze
freezes the examples of every variant that is there anew, with the background and split of this
version, and puts the cells that were measured on the old ones aside, as *.json.old. A variant
whose stages this version lacks, or that failed, is named in docs/results/grounded_study.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grounded_report import WORDS, Cell, cells_in, write_report

from distiller import __version__, pipeline
from distiller.dataset import freeze, refreeze
from distiller.evaluate import evaluate, load, systems
from distiller.pipeline import Journey, Plan
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import DistillerError, NotFound
from distiller.schema.jobs import Progress
from distiller.settings import Settings
from distiller.store import Store

DOMAINS = {
    "med": Domain(
        name="biomedical research",
        description="Abstracts of medical journals: physiology, cells, diseases, treatments.",
        template="scientific",
    ),
    "cranfield": Domain(
        name="aerodynamics",
        description="Abstracts on flow, boundary layers, heat transfer, wings and structures.",
        template="scientific",
    ),
    "cacm": Domain(
        name="computer science",
        description="Articles on algorithms, languages, operating systems and numerical methods.",
        template="scientific",
    ),
    "legal_plain_english": Domain(
        name="terms of service and privacy policies",
        description="Clauses of online services: accounts, content, data, liability, termination.",
        template="legal",
    ),
    "liveqa_medquad": Domain(
        name="consumer health",
        description="Answers of health institutes to questions of patients and their families.",
        template="medical",
    ),
    "legalquad_passages": Domain(
        name="Entscheidungen deutscher Gerichte",
        description="Urteile und Beschlüsse: Tatbestand, Entscheidungsgründe, Normen, Verfahren.",
        language="de",
        template="legal",
    ),
}
"""Collection → what its expert would say of it; nothing of its queries is in it."""

MENDING = pipeline.mending(Plan().attempts)
STEPS: dict[str, list[str]] = {
    "grounded": ["ingest", "queries"],
    "grounded+mined": ["mine"],
    "+met": [],
    "+repair": ["judge", *MENDING],
    "+teacher": ["teach"],
    WORDS: [*pipeline.WRITING, *MENDING],
}
"""Variant → stages beyond those of the variant before it; `words` is a project of its own. The
order is that of `distiller pipeline`, whose defaults are `+repair` and `words`."""
UNMET = ("grounded", "grounded+mined")
"""Variants whose start model does not meet the corpus before it is trained; `+met` adds just that."""
UNTRAINED = ("bm25", "tiny")


@dataclass
class Study:
    """One collection's part of the study."""

    name: str
    folder: Path
    work: Path
    options: argparse.Namespace
    problems: dict[str, str] = field(default_factory=dict)
    """Variant → why it has no dataset."""

    @property
    def settings(self) -> Settings:
        return Settings(workspace=self.work / self.name, llm_url=self.options.llm)

    def cell(self, variant: str, seed: int) -> Path:
        return self.work / "cells" / f"{self.name}.{variant}.{seed}.json"

    def plan(self, variant: str) -> Plan:
        """What the stages that make a variant's data are told."""
        words = variant == WORDS
        return Plan(
            concepts=self.options.concepts,
            knowledge_from="words",
            queries=self.options.words_queries if words else self.options.queries,
            grounded_share=0.0 if words else 1.0,
            negatives_per_query=1,
            length="short",
            corpus=[] if words else [self.folder / "corpus.jsonl.gz"],
        )

    def project(self, store: Store, variant: str) -> Project:
        name = WORDS if variant == WORDS else "grounded"
        try:
            return store.project(name)
        except NotFound:
            return store.create_project(DOMAINS[self.name], name=name)

    def untrained(self) -> None:
        """BM25 and the start model, as they are."""
        cells = {name: self.cell(name, 0) for name in UNTRAINED}
        if all(cell.exists() for cell in cells.values()):
            return
        collection = load(self.folder)
        found = systems(list(UNTRAINED), collection, self.settings.cache_dir)
        report = evaluate(found, collection, baseline=UNTRAINED[0])
        for result in report.systems:
            Cell.of(self.name, result.name, 0, result, {}).save(cells[result.name])

    def prepare(self, store: Store) -> None:
        """The dataset of every variant, frozen for every seed before the next one adds to it."""
        broken: set[str] = set()
        for variant in self.options.variant:
            stages = STEPS[variant]
            project = self.project(store, variant)
            if project.name in broken:
                self.problems[variant] = "the variant before it has no data"
                continue
            try:
                self._make(store, project, variant, stages)
            except DistillerError as error:
                broken.add(project.name)
                self.problems[variant] = f"{type(error).__name__}: {error}"
                say(f"{self.name} {variant}: {self.problems[variant]}")

    def _make(self, store: Store, project: Project, variant: str, stages: Sequence[str]) -> None:
        frozen = [self._snapshot_file(variant, seed) for seed in self.options.seed]
        if all(file.exists() for file in frozen):
            return
        missing = [stage for stage in stages if stage not in pipeline.ALL_STAGES]
        if missing:
            raise NotFound(f"this version has no stage {missing[0]!r}")
        journey = Journey(store, project, self.settings, self.plan(variant), told)
        for report in asyncio.run(pipeline.run(journey, list(stages))):
            say(f"{self.name} {variant} {report.stage}: {report.made} made, {report.failed} failed")
        for seed, file in zip(self.options.seed, frozen, strict=True):
            snapshot = freeze(store, project, seed=seed)
            file.write_text(snapshot.content_hash)
            say(f"{self.name} {variant}: {snapshot.counts}")

    def refreeze(self, store: Store) -> None:
        """Every variant's examples as they were frozen before others were added, frozen anew."""
        for variant in self.options.variant:
            for seed in self.options.seed:
                file, cell = self._snapshot_file(variant, seed), self.cell(variant, seed)
                if not file.exists():
                    continue
                old = store.snapshot(file.read_text())
                made = refreeze(store, self.project(store, variant), old)
                say(f"{self.name} {variant} {seed}: {made.counts}")
                if made.content_hash != old.content_hash:
                    if cell.exists():
                        cell.replace(cell.with_name(f"{cell.name}.old"))
                    output = self._output(variant, seed)
                    if output.exists():
                        output.rename(output.with_name(f"{output.name}.{old.content_hash[:8]}"))
                    file.write_text(made.content_hash)

    def _output(self, variant: str, seed: int) -> Path:
        return self.settings.workspace / "models" / f"{variant}.{seed}"

    def _snapshot_file(self, variant: str, seed: int) -> Path:
        return self.settings.workspace / f"{variant}.{seed}.snapshot"

    def train(self, store: Store) -> None:
        """Train and measure every variant that has data, and keep the result."""
        for variant in self.options.variant:
            for seed in self.options.seed:
                cell, frozen = self.cell(variant, seed), self._snapshot_file(variant, seed)
                if not cell.exists() and frozen.exists():
                    try:
                        self._measure(store, variant, seed, frozen.read_text(), cell)
                    except DistillerError as error:
                        self.problems[variant] = f"seed {seed}: {type(error).__name__}: {error}"
                        say(f"{self.name} {variant} {self.problems[variant]}")

    def _measure(self, store: Store, variant: str, seed: int, snapshot: str, cell: Path) -> None:
        unmet = {"rarity_power": 0.0, "corpus_steps": 0} if variant in UNMET else {}
        plan = self.plan(variant).model_copy(
            update={
                "recipe": unmet,
                "snapshot": snapshot,
                "preset": self.options.preset,
                "collection": self.folder,
                "output": self._output(variant, seed),
            }
        )
        settings = self.settings.model_copy(update={"seed": seed})
        journey = Journey(store, self.project(store, variant), settings, plan, told)
        asyncio.run(pipeline.run(journey, ["snapshot", "train", "evaluate"]))
        assert journey.model is not None
        assert journey.snapshot is not None
        report = next(found for found in journey.reports if not found.held_out)
        tuned = next(found for found in report.systems if found.name == pipeline.TUNED)
        details = {
            "counts": journey.snapshot.counts,
            "best_step": journey.model.best_step,
            "promoted": journey.model.promoted,
            "preset": plan.preset,
            "version": __version__,
        }
        Cell.of(self.name, variant, seed, tuned, details).save(cell)
        say(f"{self.name} {variant} {seed}: nDCG@10 {tuned.measures['ndcg@10']:.3f}")


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def told(progress: Progress) -> None:
    """A line now and then is enough for a log."""
    if progress.total and progress.done % max(1, progress.total // 10) == 0:
        say(f"  {progress.stage} {progress.done} of {progress.total} {progress.message}")


def run(study: Study) -> None:
    """All of a collection; what fails does not keep the others from going on."""
    study.settings.workspace.mkdir(parents=True, exist_ok=True)
    with Store.open(study.settings.database) as store:
        if not (study.options.generate or study.options.refreeze):
            study.untrained()
        if study.options.refreeze:
            study.refreeze(store)
            return
        study.prepare(store)
        if not study.options.generate:
            study.train(store)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps everything")
    parser.add_argument("--only", action="append", choices=list(DOMAINS), help="collections")
    parser.add_argument("--queries", type=int, default=300, help="written from documents")
    parser.add_argument("--words-queries", type=int, default=300, help="written from words")
    parser.add_argument("--concepts", type=int, default=30, help="that words are written about")
    parser.add_argument("--seed", type=int, action="append", help="default: 13 and 14")
    parser.add_argument("--variant", action="append", choices=list(STEPS), help="default: all")
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--llm", default="local")
    parser.add_argument("--generate", action="store_true", help="only write the data")
    parser.add_argument("--refreeze", action="store_true", help="only freeze what is there anew")
    parser.add_argument("--report", action="store_true", help="only write the report")
    parser.add_argument("--output", type=Path, default=Path("docs/results/grounded_study.md"))
    chosen = parser.parse_args()
    chosen.seed = chosen.seed or [13, 14]
    # In the order in which one adds to the other.
    chosen.variant = [name for name in STEPS if name in (chosen.variant or STEPS)]
    chosen.work = chosen.work.absolute()
    return chosen


def main() -> None:
    chosen = options()
    problems: dict[tuple[str, str], str] = {}
    for name in () if chosen.report else chosen.only or DOMAINS:
        study = Study(name, (chosen.collections / name).absolute(), chosen.work, chosen)
        try:
            run(study)
        except Exception as error:  # the other collections go on; the report names it
            traceback.print_exc()
            study.problems["all"] = f"{type(error).__name__}: {error}"
        problems |= {(name, variant): why for variant, why in study.problems.items()}
        write_report(cells_in(chosen.work), list(DOMAINS), chosen.variant, problems, chosen)
    if chosen.report:
        write_report(cells_in(chosen.work), list(DOMAINS), chosen.variant, problems, chosen)
    say(f"{os.path.relpath(chosen.output)} is written")


if __name__ == "__main__":
    main()
