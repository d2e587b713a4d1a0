"""Two rounds of training on a small corpus, with the packaged start model and teacher."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from jargon import PLAN, RECIPE, THINGS, go, jargon, settings

from distiller import pipeline
from distiller.cli import main
from distiller.cli.generation import journey_stages
from distiller.corpus.mining import Mining
from distiller.pipeline import Journey, Plan, further
from distiller.pipeline.rounds import choose_stage, known_snapshot, teacher_of
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import (
    Judgment,
    JudgmentSource,
    Query,
    Strategy,
)
from distiller.schema.jobs import StageReport
from distiller.schema.retrieval import TrainedModel
from distiller.settings import Settings
from distiller.store import Store

pytestmark = pytest.mark.slow
RUNNER = Path(__file__).with_name("jargon.py")


class Gone(NamedTuple):
    """A project that went two rounds."""

    store: Store
    project: Project
    settings: Settings
    journey: Journey
    reports: list[StageReport]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Gone]:
    torch.set_num_threads(1)
    known = settings(tmp_path_factory.mktemp("workspace"), cache)
    with Store.open(known.database) as store:
        project = jargon(store)
        yield Gone(store, project, known, *go(store, project, known))


@pytest.fixture
def copy(gone: Gone, tmp_path: Path) -> Iterator[tuple[Store, Project, Settings]]:
    """The same workspace, to be changed."""
    workspace = tmp_path / "copy"
    shutil.copytree(gone.settings.workspace, workspace)
    known = gone.settings.model_copy(update={"workspace": workspace})
    with Store.open(known.database) as store:
        yield store, store.project(), known


def mined(store: Store, project: Project) -> set[tuple[str, str, str]]:
    """Query, passage and search of what is mined and in use."""
    return {
        (one.query_id, one.passage_id, str(one.provenance.model))
        for one in store.judgments(project.id)
        if one.strategy is Strategy.MINED
        and one.source is JudgmentSource.GENERATOR
        and not one.stale
    }


def name_of(model: TrainedModel) -> str:
    return Path(model.path).name


def test_the_second_round_learns_from_what_the_first_model_took_for_answers(gone: Gone) -> None:
    first, second = gone.journey.trained
    used = mined(gone.store, gone.project)
    assert {search for _, _, search in used} == {"bm25", name_of(first)}
    s1, s2 = (gone.store.snapshot(model.snapshot_hash) for model in (first, second))
    assert s1.content_hash != s2.content_hash
    assert s2.lineage["round"] == 2
    assert "round" not in s1.lineage
    assert {(one.query_id, one.split) for one in s1.examples} == {
        (one.query_id, one.split) for one in s2.examples
    }
    # Every pair of the new data has a score, and none of the old ones has.
    assert all(p.score is not None for e in s2.examples for p in e.positives + e.negatives)
    scores = gone.store.judgments(gone.project.id, sources=[JudgmentSource.TEACHER])
    scored = {(one.query_id, one.passage_id) for one in scores if not one.stale}
    answers = {(f"q{at}", f"p{at}") for at in range(len(THINGS))}
    assert scored == {(query, passage) for query, passage, _ in used} | answers
    # Both began at the start model.
    assert first.base == second.base == "tiny"
    card = Path(second.path, "README.md").read_text()
    assert "- Round: 2\n" in card
    assert "material" not in card


def test_the_better_one_is_kept_and_measured_and_it_is_said(gone: Gone) -> None:
    first, second = gone.journey.trained
    (said, compared) = next(r.notes for r in gone.reports if r.stage == "choose")
    kept = gone.journey.model
    assert kept in (first, second)
    number = 1 + [first, second].index(kept)
    assert said.startswith(
        f"round {number} is kept, {kept.path}: ndcg@10 on 3 dev queries among 64"
    )
    assert "round 2 against round 1" in compared
    (report,) = gone.store.reports(gone.project.id)
    assert report.model == kept.id
    (job,) = gone.store.jobs(gone.project.id)
    assert job.result["models"] == [first.id, second.id]
    assert job.result["model"] == kept.id
    assert {point["round"] for point in job.metrics} == {1, 2}


def test_run_again_it_costs_nothing_and_changes_nothing(gone: Gone) -> None:
    store, project = gone.store, gone.project
    before = store.judgments(project.id)
    journey, reports = go(store, project, gone.settings)
    assert journey.trained == gone.journey.trained
    assert journey.model == gone.journey.model
    assert store.judgments(project.id) == before
    assert len(store.snapshots(project.id, examples=False)) == 2
    made = [report.made for report in reports if report.stage in ("mine", "teach")]
    assert made == [0, 0, 0, 0]


def test_new_data_begin_anew(copy: tuple[Store, Project, Settings]) -> None:
    store, project, known = copy
    assert known_snapshot(Journey(store, project, known, PLAN))
    thorough = PLAN.model_copy(update={"preset": "thorough"})
    assert known_snapshot(Journey(store, project, known, thorough)) is None
    answers = Judgment(
        id="j-new", query_id="q-new", passage_id="p0", grade=3, strategy=Strategy.POSITIVE
    )
    store.add(project.id, [Query(id="q-new", query="banana pane"), answers])
    journey = Journey(store, project, known, PLAN)
    assert known_snapshot(journey) is None
    asyncio.run(pipeline.run(journey, ["mine"]))
    assert "tiny" in {search for _, _, search in mined(store, project)}


def test_a_training_that_did_not_help_is_not_mined_with(
    store: Store, tmp_path: Path, cache: Path
) -> None:
    project = jargon(store)
    taught_nothing = {"learning_rate": 1e-12, "min_steps": 2, "rarity_power": 0}
    plan = PLAN.model_copy(update={"recipe": RECIPE | taught_nothing})
    journey, reports = go(store, project, settings(tmp_path / "workspace", cache), plan)
    assert {model.id for model in journey.trained} == {journey.model.id}
    assert not journey.model.promoted
    assert {search for _, _, search in mined(store, project)} <= {"bm25", "tiny"}
    notes = [note for report in reports for note in report.notes]
    assert any("no better search to mine with" in note for note in notes)
    assert [report.made for report in reports if report.stage == "choose"] == [0]
    assert len(store.snapshots(project.id, examples=False)) == 1


def test_a_start_model_that_has_met_the_corpus_is_mined_with(
    store: Store, tmp_path: Path, cache: Path
) -> None:
    project = jargon(store)
    plan = PLAN.model_copy(update={"recipe": RECIPE | {"least_gain": 1.0}})
    journey, _ = go(store, project, settings(tmp_path / "workspace", cache), plan)
    first = journey.trained[0]
    assert (first.promoted, first.interpolation) == (True, 0.0)
    assert {search for _, _, search in mined(store, project)} == {"bm25", name_of(first)}


def test_order_does_not_decide_and_a_promoted_model_goes_first(
    store: Store, tmp_path: Path, cache: Path
) -> None:
    project, known = jargon(store), settings(tmp_path / "workspace", cache)
    mining = Mining(hardest=True)  # rounds that differ; its 3 dev queries decide
    hardest = PLAN.model_copy(update={"mining": mining, "recipe": RECIPE | {"deciding_queries": 0}})
    gone, _ = go(store, project, known, hardest)
    first, second = gone.trained
    kept = gone.model
    other = second if kept == first else first

    def choose(*trained: TrainedModel) -> tuple[Journey, str]:
        journey = Journey(store, project, known, PLAN)
        journey.trained = list(trained)
        report = asyncio.run(choose_stage(journey, lambda _: None))
        return journey, report.notes[0]

    assert choose(kept, other)[0].model == kept
    assert choose(other, kept)[0].model == kept
    verdict = kept.recipe["promotion"] | {"promoted": False}
    unproven = kept.model_copy(update={"recipe": kept.recipe | {"promotion": verdict}})
    journey, said = choose(unproven, other)
    assert journey.model == other
    assert journey.snapshot.content_hash == other.snapshot_hash
    assert said.endswith("the one that ranks higher was not promoted")


def test_killed_in_the_second_round_it_comes_to_the_same_end(
    gone: Gone, tmp_path: Path, cache: Path
) -> None:
    known = settings(tmp_path / "killed", cache)
    with Store.open(known.database) as store:
        project = jargon(store)
        running = subprocess.Popen(
            [sys.executable, str(RUNNER), str(known.workspace), str(cache)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("train 6 ") and "round 2" in line:
                running.send_signal(signal.SIGKILL)
                break
        assert running.wait() == -signal.SIGKILL
        assert len(store.models(project.id)) == 1
        frozen = {one.content_hash for one in store.snapshots(project.id, examples=False)}
        journey, reports = go(store, project, known)
        assert {one.content_hash for one in store.snapshots(project.id, examples=False)} == frozen
    assert [report.made for report in reports if report.stage == "mine"] == [0, 0]
    identities = [model.recipe["identity"] for model in gone.journey.trained]
    assert [model.recipe["identity"] for model in journey.trained] == identities
    assert [model.metrics for model in journey.trained] == [
        model.metrics for model in gone.journey.trained
    ]
    assert name_of(journey.model) == name_of(gone.journey.model)


def test_stages_of_rounds() -> None:
    assert further(1) == []
    assert further(2) == ["mine", "snapshot", "train", "choose"]
    assert further(3, ["check"], teach=True) == [
        *("mine", "check", "teach", "snapshot", "train") * 2,
        "choose",
    ]
    with pytest.raises(ValueError, match="rounds"):
        Plan(rounds=0)


def test_stages_of_a_whole_journey() -> None:
    chosen = {"corpus": True, "repairs": 2, "teach": True, "measure": True}
    mending = ("check", *("repair", "judge", "remine", "check") * 2)
    assert journey_stages(**chosen, rounds=2) == [
        *("ingest", "knowledge", "queries", "passages", "judge"),
        *("mine", *mending, "teach", "snapshot", "train"),
        *("mine", *mending, "teach", "snapshot", "train"),
        *("choose", "evaluate"),
    ]
    bare = {"corpus": False, "repairs": 0, "teach": False, "measure": False}
    assert journey_stages(**bare, rounds=0) == [
        *("knowledge", "queries", "passages", "judge", "check", "snapshot"),
    ]


TRAIN = (
    *("train", "--preset", "quick", "--rounds", "2", "--json"),
    *(part for name, value in RECIPE.items() for part in ("--set", f"{name}={value}")),
)


@pytest.fixture
def distiller(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str]]:
    """The program in this process; returns what it says on stdout and on stderr."""
    monkeypatch.setenv("DISTILLER_CACHE_DIR", str(cache))
    monkeypatch.setenv("DISTILLER_QUALITY", "off")

    def run(*arguments: str) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["distiller", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        return said.out, said.err

    return run


def test_the_first_round_on_another_computer_is_found_done_here(
    distiller: Callable[..., tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open(Settings(workspace=tmp_path / "workspace").database) as store:
        project = jargon(store)
        distiller("mine")
        out, err = distiller(*TRAIN, "--elsewhere", "data.jsonl.gz")
        told = json.loads(out)
        assert "round 1 of 2 only" in err
        assert told["warning"] in err
        distiller(*shlex.split(told["command"])[1:])
        distiller("import-model", told["result"])
        (first,) = store.models(project.id)
        record = Path(first.path, "distiller.json")
        written = record.stat().st_mtime_ns
        distiller(*TRAIN)
        assert first.id in {model.id for model in store.models(project.id)}
        assert len(store.models(project.id)) == 2
        assert record.stat().st_mtime_ns == written


def test_the_command_goes_the_same_rounds(
    copy: tuple[Store, Project, Settings], distiller: Callable[..., tuple[str, str]]
) -> None:
    store, project, known = copy
    before = store.judgments(project.id)
    out, _ = distiller(*TRAIN, "--workspace", str(known.workspace))
    stages = json.loads(out)["stages"]
    assert [stage["stage"] for stage in stages] == [
        *("snapshot", "train", "mine", "teach", "snapshot", "train", "choose"),
    ]
    assert store.judgments(project.id) == before
    assert len(store.snapshots(project.id, examples=False)) == 2


def test_the_teacher_in_use_is_the_one_whose_scores_hold(gone: Gone, store: Store) -> None:
    assert teacher_of(gone.store, gone.project) == "dense+bm25"
    assert teacher_of(store, store.create_project(Domain(name="none"))) == ""


def test_the_plan_of_a_job_keeps_its_rounds() -> None:
    assert Plan.model_validate(json.loads(PLAN.model_dump_json())).rounds == 2
