"""Real, short trainings of the packaged start model."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file, save_file
from sentence_transformers import SparseEncoder
from train_examples import EVERYTHING, example, snapshot

from distiller.schema.dataset import DatasetSnapshot
from distiller.schema.errors import InputError, StageFailed
from distiller.schema.jobs import Progress
from distiller.schema.retrieval import TrainedModel
from distiller.splade import SpladeEncoder, StartModel, resolve
from distiller.train import Recipe, train
from distiller.train.measure import measure
from distiller.train.rows import dev_set

TEXTS = ["banana window", "The rules about tax and every window are written down here."]


class Interrupted(Exception):
    pass


def interrupt_at(step: int):
    def listen(progress: Progress) -> None:
        if progress.done == step and "query_dims" not in progress.metrics:
            raise Interrupted

    return listen


def weights(path: str | Path) -> str:
    return hashlib.sha256((Path(path) / "model.safetensors").read_bytes()).hexdigest()


def dense(path: str | Path) -> np.ndarray:
    return SpladeEncoder(path).encode_passages(TEXTS).toarray()


@pytest.fixture(scope="module")
def uninterrupted(
    learnable: DatasetSnapshot,
    recipe: Recipe,
    tiny: StartModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[TrainedModel, list[Progress], Recipe]:
    told: list[Progress] = []
    output = tmp_path_factory.mktemp("models") / "tuned"
    return train(learnable, recipe, tiny, output, on_progress=told.append), told, recipe


def test_training_lifts_the_dev_measure_and_keeps_the_best_step(uninterrupted) -> None:
    trained, told, _ = uninterrupted
    assert [entry["step"] for entry in trained.metrics] == [0, 5, 10, 15]
    values = {entry["step"]: entry["ndcg@10"] for entry in trained.metrics}
    assert values[0] < 0.5 < 0.9 < values[trained.best_step]
    assert values[trained.best_step] == max(values.values())
    assert min(trained.metrics[-1]["query_dims"], trained.metrics[-1]["passage_dims"]) > 5
    assert [p.done for p in told if "query_dims" in p.metrics] == [0, 5, 10, 15]
    assert {p.total for p in told} == {15}
    assert "loss" in told[-1].metrics
    curve = [p.metrics for p in told if "query_dims" not in p.metrics and p.metrics]
    assert [point["step"] for point in curve] == list(range(1, 16))
    for point in curve:
        assert point["loss"] == pytest.approx(point["ranking"] + point["regularizer"], abs=1e-3)


def test_the_saved_model_measures_as_the_record_says(uninterrupted, learnable) -> None:
    trained, _, recipe = uninterrupted
    encoder = SpladeEncoder(trained.path, passage_length=recipe.passage_length)
    measured = measure(encoder, dev_set(learnable))
    best = next(entry for entry in trained.metrics if entry["step"] == trained.best_step)
    assert measured == pytest.approx({name: best[name] for name in measured}, abs=1e-6)


def test_the_folder_is_a_plain_sparse_encoder_with_its_record_and_card(uninterrupted) -> None:
    trained, _, recipe = uninterrupted
    folder = Path(trained.path)
    model = SparseEncoder(str(folder))
    assert [type(module).__name__ for module in model] == ["Transformer", "SpladePooling"]
    assert model.max_seq_length == recipe.passage_length
    kinds = [module["type"] for module in json.loads((folder / "modules.json").read_text())]
    assert all(kind.startswith("sentence_transformers.") for kind in kinds)
    record = TrainedModel.model_validate_json((folder / "distiller.json").read_bytes())
    assert record == trained
    card = (folder / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "apache-2.0"
    assert trained.snapshot_hash in card
    assert "16 train, 8 val and 0 test queries over 48 passages" in card
    assert not list(folder.parent.glob(".tuned.training-*"))


def test_the_same_call_returns_the_finished_model_without_training(
    uninterrupted, learnable, tiny
) -> None:
    trained, _, recipe = uninterrupted
    told: list[Progress] = []
    renamed = recipe.model_copy(update={"name": "words", "evidence": "change nothing"})
    again = train(learnable, renamed, tiny, Path(trained.path), on_progress=told.append)
    assert again == trained
    assert told == []


def test_start_models_in_folders_of_one_name_are_told_apart(
    learnable: DatasetSnapshot, tiny: StartModel, recipe: Recipe, tmp_path: Path
) -> None:
    short = recipe.model_copy(update={"min_steps": 2, "epochs": 0.1, "evaluations": 1})
    trained = {}
    for home in ("one", "two"):
        folder = tmp_path / home / "base"
        shutil.copytree(tiny.source, folder)
        tensors = load_file(folder / "model.safetensors")
        if home == "two":
            tensors[min(tensors)] += 0.001
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        made = train(learnable, short, resolve(str(folder), tmp_path), tmp_path / home / "tuned")
        assert (made.base, made.start) == ("base", str(folder))
        trained[home] = made.recipe["start_weights"]
        card = (Path(made.path) / "README.md").read_text()
        assert f"Start model: `base`, weights `{trained[home][:16]}`" in card
        assert str(tmp_path) not in card
    assert trained["one"] != trained["two"]


def test_another_call_does_not_overwrite_a_finished_model(uninterrupted, learnable, tiny) -> None:
    trained, _, recipe = uninterrupted
    before = weights(trained.path)
    other = recipe.model_copy(update={"seed": 14})
    with pytest.raises(InputError, match="holds another model"):
        train(learnable, other, tiny, Path(trained.path))
    assert weights(trained.path) == before


def test_another_call_may_put_its_model_beside_a_finished_one(
    uninterrupted, learnable, tiny
) -> None:
    trained, _, recipe = uninterrupted
    before = weights(trained.path)
    other = recipe.model_copy(update={"seed": 14, "min_steps": 2, "epochs": 0.1, "evaluations": 1})
    beside = train(learnable, other, tiny, Path(trained.path), beside=True)
    assert beside.path == f"{trained.path}-{beside.recipe['identity'][:8]}"
    assert weights(trained.path) == before
    assert train(learnable, other, tiny, Path(trained.path), beside=True) == beside
    assert train(learnable, recipe, tiny, Path(trained.path), beside=True) == trained


def test_a_folder_of_other_things_is_left_alone(learnable, tiny, recipe, output) -> None:
    output.mkdir(parents=True)
    (output / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"):
        train(learnable, recipe, tiny, output)
    assert [path.name for path in output.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "at", [8, pytest.param(3, marks=pytest.mark.slow), pytest.param(13, marks=pytest.mark.slow)]
)
def test_an_interrupted_training_goes_on_to_the_same_result(
    uninterrupted, learnable, tiny, output, at
) -> None:
    expected, _, recipe = uninterrupted
    with pytest.raises(Interrupted):
        train(learnable, recipe, tiny, output, on_progress=interrupt_at(at))
    assert not output.exists()
    told: list[Progress] = []
    trained = train(learnable, recipe, tiny, output, on_progress=told.append)
    steps = [progress.done for progress in told if "query_dims" not in progress.metrics]
    assert steps == list(range(at // 5 * 5 + 1, 16))
    assert trained.best_step == expected.best_step
    for resumed, whole in zip(trained.metrics, expected.metrics, strict=True):
        assert resumed == pytest.approx(whole, abs=1e-4)
    np.testing.assert_allclose(dense(trained.path), dense(expected.path), atol=1e-5)


@pytest.mark.slow
def test_a_training_killed_in_the_middle_goes_on_to_the_same_result(
    uninterrupted, learnable, tiny, output
) -> None:
    expected, _, recipe = uninterrupted
    script = Path(__file__).with_name("train_once.py")
    cache = Path(tiny.source).parent.parent
    command = [sys.executable, script, cache, output, recipe.model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == 12:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    assert not output.exists()
    told: list[Progress] = []
    trained = train(learnable, recipe, tiny, output, on_progress=told.append)
    assert next(progress.done for progress in told if "query_dims" not in progress.metrics) == 11
    assert trained.best_step == expected.best_step
    np.testing.assert_allclose(dense(trained.path), dense(expected.path), atol=1e-5)


@pytest.mark.slow
def test_a_checkpoint_cut_short_is_passed_over(uninterrupted, learnable, tiny, output) -> None:
    expected, _, recipe = uninterrupted
    with pytest.raises(Interrupted):
        train(learnable, recipe, tiny, output, on_progress=interrupt_at(13))
    [folder] = output.parent.glob(".tuned.training-*")
    file = folder / "checkpoint-10" / "model.safetensors"
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    told: list[Progress] = []
    trained = train(learnable, recipe, tiny, output, on_progress=told.append)
    assert next(progress.done for progress in told if "query_dims" not in progress.metrics) == 6
    np.testing.assert_allclose(dense(trained.path), dense(expected.path), atol=1e-5)


@pytest.mark.slow
def test_a_training_interrupted_before_writing_only_writes(
    uninterrupted, learnable, tiny, output, monkeypatch
) -> None:
    expected, _, recipe = uninterrupted

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("distiller.train.job._save", full)
        with pytest.raises(StageFailed, match=r"No space left on device.*run the same again"):
            train(learnable, recipe, tiny, output)
    assert not output.exists()
    told: list[Progress] = []
    trained = train(learnable, recipe, tiny, output, on_progress=told.append)
    assert [progress.done for progress in told] == [0]
    np.testing.assert_allclose(dense(trained.path), dense(expected.path), atol=1e-5)


def test_a_disk_that_fills_up_while_training_is_said_and_nothing_appears(
    learnable, tiny, recipe, output, monkeypatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(SparseEncoder, "save_pretrained", full)
        with pytest.raises(
            StageFailed, match=r"stopped at step 5 in .*No space left.*goes on at the last"
        ):
            train(learnable, recipe, tiny, output)
    assert not output.exists()


def test_where_training_does_not_help_the_start_model_is_saved(
    learnable, tiny, recipe, output
) -> None:
    idle = recipe.model_copy(update={"learning_rate": 1e-12, "min_steps": 2, "evaluations": 1})
    small = learnable.model_copy(update={"examples": learnable.examples[-12:]})
    trained = train(small, idle, tiny, output)
    assert trained.best_step == 0
    np.testing.assert_array_equal(dense(trained.path), dense(tiny.source))
    assert "Training did not help" in (output / "README.md").read_text()


def test_without_a_dev_split_the_last_step_is_kept_and_nothing_is_claimed(
    tiny, recipe, output
) -> None:
    small = snapshot([example(number, "train") for number in range(6)])
    short = recipe.model_copy(update={"min_steps": 4, "evaluations": 2})
    trained = train(small, short, tiny, output)
    assert trained.best_step == trained.metrics[-1]["step"] == 4
    assert all("ndcg@10" not in entry for entry in trained.metrics)
    assert np.abs(dense(trained.path) - dense(tiny.source)).max() > 1e-3
    card = (output / "README.md").read_text()
    assert "nobody knows whether training helped" in card
    assert "ndcg@10 went" not in card


def test_a_collapse_stops_training_and_says_what_to_change(learnable, tiny, recipe, output) -> None:
    strong = recipe.model_copy(update={"query_lambda": 100.0, "learning_rate": 1e-3})
    with pytest.raises(StageFailed, match=r"under 5: the model collapsed; lower query_lambda"):
        train(learnable, strong, tiny, output)
    assert not output.exists()
    assert not list(output.parent.glob(".tuned.training-*"))


def test_divergence_stops_training_and_says_what_to_change(learnable, tiny, recipe, output) -> None:
    wild = recipe.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(StageFailed, match=r"diverged.*lower learning_rate"):
        train(learnable, wild, tiny, output)
    assert not output.exists()


def test_training_stops_when_patience_ends(learnable, tiny, recipe, output) -> None:
    impatient = recipe.model_copy(update={"patience": 1, "learning_rate": 1e-12})
    trained = train(learnable, impatient, tiny, output)
    assert [entry["step"] for entry in trained.metrics] == [0, 5]


def test_one_query_is_too_few(tiny, recipe, output) -> None:
    with pytest.raises(InputError, match="at least 2 train queries"):
        train(snapshot([example(0, "train")]), recipe, tiny, output)
    assert not output.parent.exists()


@pytest.mark.parametrize("at", [8, pytest.param(13, marks=pytest.mark.slow)])
def test_everything_at_once_goes_on_to_the_same_result(learnable, tiny, recipe, output, at) -> None:
    full = recipe.model_copy(update=EVERYTHING)
    data = learnable.model_copy(deep=True)
    for example_ in data.examples:
        for passage in (*example_.positives, *example_.negatives):
            passage.score = float(passage.grade)
    told: list[Progress] = []
    expected = train(data, full, tiny, output.with_name("whole"), on_progress=told.append)
    curve = next(point.metrics for point in told if "teacher" in point.metrics)
    parts = ("ranking", "teacher", "guard", "regularizer")
    assert curve["loss"] == pytest.approx(sum(curve[part] for part in parts), abs=1e-2)
    with pytest.raises(Interrupted):
        train(data, full, tiny, output, on_progress=interrupt_at(at))
    trained = train(data, full, tiny, output)
    for resumed, whole in zip(trained.metrics, expected.metrics, strict=True):
        assert resumed == pytest.approx(whole, abs=1e-4)
    assert trained.promotion == expected.promotion
    np.testing.assert_allclose(dense(trained.path), dense(expected.path), atol=1e-5)


def test_a_model_with_a_query_table_is_trained_resumed_and_loaded(
    learnable, tiny, recipe, output
) -> None:
    instant = recipe.model_copy(update={"query_table": True})
    expected = train(learnable, instant, tiny, output.with_name("whole"))
    with pytest.raises(Interrupted):
        train(learnable, instant, tiny, output, on_progress=interrupt_at(8))
    trained = train(learnable, instant, tiny, output)
    assert trained.promoted
    np.testing.assert_allclose(dense(trained.path), dense(expected.path), atol=1e-5)
    plain = SparseEncoder(str(output))
    query = plain.encode_query("banana window", convert_to_sparse_tensor=False)
    asked = plain.tokenizer("banana window", add_special_tokens=False)["input_ids"]
    assert sorted(query.nonzero().flatten().tolist()) == sorted(asked)
    encoder = SpladeEncoder(trained.path, passage_length=instant.passage_length)
    measured = measure(encoder, dev_set(learnable))
    tried = trained.recipe["promotion"]["tried"]
    saved = next(one for one in tried if one["share"] == trained.interpolation)
    assert measured == pytest.approx({name: saved["measured"][name] for name in measured}, abs=1e-6)
