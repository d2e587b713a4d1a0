"""The page of trainings."""

from __future__ import annotations

import socket

import pytest

from distiller.dataset import freeze
from distiller.pipeline import Plan, recipe_of
from distiller.review import decide
from distiller.schema.base import Status, new_id
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import Judgment, Origin, Passage, Query, Strategy
from distiller.schema.jobs import Job, JobState
from distiller.schema.retrieval import TrainedModel
from distiller.store import Store
from distiller.train import PRESETS
from distiller.train.pace import Pace, expected_seconds
from distiller.ui.text import duration, plain
from distiller.ui.training import by_round


def captions(page) -> str:
    radio = next(radio for radio in page.radio if radio.label == "How careful")
    return " ".join([*radio.proto.captions, *(caption.value for caption in page.caption)])


def ended(store: Store, project: Project, kind: str, **fields) -> Job:
    parameters = {"stages": ["snapshot", kind], "plan": Plan().model_dump(mode="json")}
    worker = f"{socket.gethostname()}:1"
    job = Job(
        id=new_id("job"),
        project_id=project.id,
        kind=kind,
        parameters=parameters,
        worker=worker,
        attempts=1,
    )
    return store.add_job(job.model_copy(update={"state": JobState.DONE, **fields}))


def test_training_page_says_what_is_missing_and_freezes(
    run_page, store: Store, example: Project
) -> None:
    page = run_page("train/training.py")
    assert not page.exception
    assert any("wait for a decision" in element.value for element in page.info)
    next(b for b in page.button if b.label.startswith("Freeze")).click().run()
    assert not page.exception
    (frozen,) = store.snapshots(example.id)
    assert frozen.counts["train"] > 50
    assert any(button.label == "Start training" for button in page.button)
    (trial,) = store.jobs(example.id)
    assert (trial.kind, trial.parameters["stages"]) == ("calibrate", ["snapshot", "calibrate"])
    splits = next(frame.value for frame in page.dataframe if "What for" in frame.value.columns)
    assert list(splits["Queries"]) == [frozen.counts[part] for part in ("train", "val", "test")]


def test_times_come_from_a_trial_or_a_training_of_this_computer(
    run_page, store: Store, example: Project
) -> None:
    snapshot = freeze(store, example, seed=13)
    page = run_page("train/training.py")
    assert "How long it takes here is not known yet" in captions(page)
    assert "About" not in captions(page)
    next(b for b in page.button if b.label.startswith("Try how fast")).click().run()
    (trial,) = store.jobs(example.id, active=True)
    store.cancel(trial.id)
    pace = {"seconds_per_text": 0.5, "seconds_to_measure": 1.0}
    ended(store, example, "calibrate", metrics=[pace])
    ended(store, example, "calibrate", metrics=[pace | {"seconds_per_text": 9}], worker="other:1")
    said = captions(run_page("train/training.py"))
    for name in PRESETS:
        expected = expected_seconds(
            PRESETS[name], snapshot.counts["train"], Pace(**pace), snapshot.ranked_passages
        )
        assert f"About {duration(expected)} here" in said
    assert "measured here by a trial" in said


def test_the_newest_training_tells_how_long_the_next_one_takes(
    run_page, store: Store, example: Project
) -> None:
    snapshot = freeze(store, example, seed=13)
    model = store.save_model(
        TrainedModel(
            id="m",
            project_id=example.id,
            path="models/m",
            base="tiny",
            snapshot_hash="h",
            recipe={"negatives_per_query": 3, "plan": {"batch_size": 8}},
            metrics=[{"step": 0}, {"step": 100}],
        )
    )
    stages = [{"stage": "train", "seconds": 800.0}]
    ended(store, example, "train", result={"stages": stages, "model": model.id})
    pace = Pace(seconds_per_text=800 / (100 * 8 * 5))
    said = captions(run_page("train/training.py"))
    expected = expected_seconds(
        PRESETS["thorough"], snapshot.counts["train"], pace, snapshot.ranked_passages
    )
    assert f"About {duration(expected)} here" in said


def test_the_page_says_among_how_many_passages_queries_are_ranked(
    run_page, store: Store, example: Project
) -> None:
    graded = freeze(store, example, seed=13)
    assert f"{graded.ranked_among}: how high" in captions(run_page("train/training.py"))
    others = [
        Passage(id=f"c{n}", text=f"Paragraph {n} of the house rules.", origin=Origin.CORPUS)
        for n in range(3)
    ]
    store.add(example.id, others)
    freeze(store, example, seed=13)
    said = captions(run_page("train/training.py"))
    assert "ranked among 483 passages: 480 with a grade, 3 more of the documents" in said


def test_advanced_settings_are_what_is_trained_with(
    run_page, store: Store, example: Project
) -> None:
    freeze(store, example, seed=13)
    page = run_page("train/training.py")
    next(n for n in page.number_input if n.label == "Passes over the data").set_value(7.0)
    next(n for n in page.number_input if n.label == "Queries in a step").set_value(4)
    page.run()
    assert not page.exception
    next(b for b in page.button if b.label == "Start training").click().run()
    (job,) = store.jobs(example.id, kind="train")
    plan = Plan.model_validate(job.parameters["plan"])
    assert plan.recipe == {"epochs": 7, "batch_size": 4}
    recipe = recipe_of(plan)
    assert (recipe.epochs, recipe.batch_size) == (7, 4)


def test_settings_that_cannot_be_are_said_and_not_used(
    run_page, store: Store, example: Project
) -> None:
    freeze(store, example, seed=13)
    page = run_page("train/training.py")
    next(n for n in page.number_input if n.label == "Passes over the data").set_value(0.0)
    page.run()
    assert "epochs" in page.error[0].value
    next(b for b in page.button if b.label == "Start training").click().run()
    (job,) = store.jobs(example.id, kind="train")
    assert job.parameters["plan"]["recipe"] == {}


def test_a_forged_preset_counts_as_absent(run_page, store: Store, example: Project) -> None:
    freeze(store, example, seed=13)
    page = run_page("train/training.py", forged={f"{example.id}/preset": "<b>"})
    assert not page.exception
    assert any(button.label == "Start training" for button in page.button)
    for forged in (Plan(preset="<b>"), Plan(recipe={"seed_": 1.0}), Plan(recipe={"epochs": -1})):
        with pytest.raises(InputError):
            recipe_of(forged)


def test_training_begins_with_what_was_chosen(run_page, store: Store, example: Project) -> None:
    snapshot = freeze(store, example, seed=13)
    page = run_page("train/training.py")
    next(r for r in page.radio if r.label == "How careful").set_value("quick")
    next(b for b in page.button if b.label == "Start training").click().run()
    assert not page.exception
    (job,) = store.jobs(example.id, kind="train")
    plan = job.parameters["plan"]
    assert (plan["preset"], plan["snapshot"], plan["base"]) == ("quick", snapshot.id, "tiny")
    assert not any(b.label == "Start training" for b in page.button)


def test_a_few_approvals_do_not_leave_the_rest_out(
    run_page, store: Store, example: Project
) -> None:
    for query in store.items(example.id, Query)[:2]:
        decide(store, example.id, query, "approve", who="ada")
    page = run_page("train/training.py")
    (choice,) = [box for box in page.checkbox if box.label.startswith("Learn also")]
    assert choice.value
    next(b for b in page.button if b.label.startswith("Freeze")).click().run()
    assert not page.exception
    (frozen,) = store.snapshots(example.id)
    assert sum(frozen.counts[part] for part in ("train", "val", "test")) == 120
    choice.set_value(False).run()
    next(b for b in page.button if b.label.startswith("Freeze")).click().run()
    assert not page.exception
    assert sum(store.snapshots(example.id)[-1].counts[part] for part in ("train", "val")) <= 2


def test_a_language_that_the_start_model_does_not_read_is_said(
    run_page, store: Store, example: Project
) -> None:
    freeze(store, example, seed=13)
    assert not [one for one in run_page("train/training.py").warning if "reads" in one.value]
    german = example.domain.model_copy(update={"language": "de"})
    store.update_project(example.model_copy(update={"domain": german}))
    page = run_page("train/training.py")
    assert not page.exception
    assert any("reads English, not German" in one.value for one in page.warning)
    base = next(field for field in page.text_input if field.label == "Start model")
    base.set_value("owner/multilingual-splade").run()
    assert not [one for one in page.warning if "reads" in one.value]


def test_training_page_without_queries(run_page, store: Store, example: Project) -> None:
    bare = store.create_project(example.domain, "bare")
    assert not store.count(bare.id, Query, status=Status.APPROVED)
    page = run_page("train/training.py", project="bare")
    assert not page.exception
    assert "no queries to learn from" in page.info[0].value


@pytest.mark.parametrize(
    ("promoted", "said"), [(True, "Yes: it gains 3"), (False, "Not shown, so use tiny: it gains 3")]
)
def test_the_history_says_whether_a_model_may_be_used(
    run_page, store: Store, example: Project, promoted: bool, said: str
) -> None:
    verdict = {"promoted": promoted, "why": "it gains 3", "interpolation": 0.5}
    model = TrainedModel(
        id="m-1",
        project_id=example.id,
        path="/models/one",
        base="tiny",
        snapshot_hash="h",
        recipe={"promotion": verdict},
    )
    store.save_model(model)
    store.add_job(
        Job(
            id="j-1",
            project_id=example.id,
            kind="train",
            state=JobState.DONE,
            result={"model": model.id},
        )
    )
    page = run_page("train/training.py")
    assert not page.exception
    (table,) = [frame.value for frame in page.dataframe if "Model" in frame.value]
    assert list(table["Better than its start model?"]) == [said]


def test_presets_are_in_the_recipes_own_words(run_page, store: Store, example: Project) -> None:
    freeze(store, example, seed=13)
    page = run_page("train/training.py")
    radio = next(r for r in page.radio if r.label == "How careful")
    assert radio.options == [name.capitalize() for name in PRESETS]
    evidence = plain(PRESETS["balanced"].evidence)
    assert any(evidence in caption.value for caption in page.caption)


def test_a_second_round_is_offered_where_there_are_documents(
    run_page, store: Store, example: Project
) -> None:
    bare = store.create_project(example.domain, "bare")
    answer = Judgment(id="j", query_id="q", passage_id="p", grade=3, strategy=Strategy.POSITIVE)
    written = Passage(id="p", text="In the hall.", origin=Origin.GENERATED)
    store.add(bare.id, [Query(id="q", query="where are the keys"), written, answer])
    freeze(store, bare, seed=13)
    page = run_page("train/training.py", project="bare")
    assert any(button.label == "Start training" for button in page.button)
    assert not any("second round" in box.label for box in page.checkbox)

    freeze(store, example, seed=13)
    page = run_page("train/training.py", project=example.name)
    next(box for box in page.checkbox if "second round" in box.label).check().run()
    next(b for b in page.button if b.label == "Start training").click().run()
    assert not page.exception
    (job,) = store.jobs(example.id, kind="train")
    assert job.parameters["stages"] == [
        *("snapshot", "train", "mine", "snapshot", "train", "choose", "evaluate"),
    ]
    assert Plan.model_validate(job.parameters["plan"]).rounds == 2


def test_each_round_has_its_curves_and_its_row(run_page, store: Store, example: Project) -> None:
    points = [{"step": step, "ndcg@10": 0.5 + step / 100} for step in (0, 10)]
    models = [
        TrainedModel(
            id=f"m-{at}",
            project_id=example.id,
            path=f"/models/{at}",
            base="tiny",
            snapshot_hash="h",
            recipe={},
            metrics=points,
        )
        for at in (1, 2)
    ]
    for model in models:
        store.save_model(model)
    stages = [{"stage": "choose", "notes": ["round 2 is kept", "by far"]}]
    result = {"models": ["m-1", "m-2"], "model": "m-2", "stages": stages}
    ended(store, example, "pipeline", result=result)
    page = run_page("train/training.py")
    assert not page.exception
    (table,) = [frame.value for frame in page.dataframe if "How it ended" in frame.value]
    assert list(table["Model"]) == ["/models/2", "/models/1"]
    assert [title.split(", ", 1)[1] for title in table["When"]] == [
        "balanced, round 2",
        "balanced, round 1",
    ]
    assert list(table["How it ended"]) == ["done, kept", "done"]
    assert set(table["Remark"]) == {"round 2 is kept; by far"}
    by_step = [{**point, "round": at} for at in (1, 2) for point in points]
    assert list(by_round(by_step)) == ["round 1", "round 2"]
    assert by_round(points) == {"this training": points}
