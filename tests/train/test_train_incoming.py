"""Models from another computer: what is taken, what is refused, and that nothing stays behind."""

from __future__ import annotations

import io
import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from train_examples import snapshot as made_snapshot

from distiller.dataset import snapshot_of
from distiller.pipeline import packed_data
from distiller.schema.dataset import DatasetSnapshot, UnlabelledPassage
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError
from distiller.splade import SpladeEncoder, StartModel
from distiller.store import Store
from distiller.train import Recipe, incoming, train_files
from distiller.train.files import snapshot_of_files
from distiller.train.folders import folder_name, pack
from distiller.train.incoming import import_model

RECIPE = Recipe(
    name="short", min_steps=2, batch_size=4, negatives_per_query=1, epochs=0.1, evaluations=1
)


@pytest.fixture(scope="session")
def frozen(learnable: DatasetSnapshot) -> DatasetSnapshot:
    """The learnable data with what a reviewer, a teacher and a check would have said of it."""
    examples = [one.model_copy(deep=True) for one in learnable.examples]
    examples[0].weight = 0.5
    examples[1].positives[0].decided_by = "reviewer"
    for one in examples:
        one.positives[0].score, one.negatives[0].score = 2.25, -0.125
    background = [
        UnlabelledPassage(passage_id="b1", text="The roof is old.", title="Houses"),
        UnlabelledPassage(passage_id="b2", text="No tax was paid for the zoo."),
    ]
    return snapshot_of(examples, background=background, seed=13)


@pytest.fixture(scope="session")
def elsewhere(
    tmp_path_factory: pytest.TempPathFactory, frozen: DatasetSnapshot, tiny: StartModel
) -> Path:
    """A model folder that another computer made of the data as they were downloaded."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "data.jsonl.gz").write_bytes(packed_data(frozen))
    train_files(folder / "data.jsonl.gz", None, RECIPE, tiny, folder / "tuned")
    return folder / "tuned"


@pytest.mark.parametrize("name", ["data.jsonl.gz", "data.parquet"])
def test_the_data_that_are_taken_elsewhere_are_the_frozen_ones(
    tmp_path: Path, frozen: DatasetSnapshot, name: str
) -> None:
    file = tmp_path / name
    file.write_bytes(packed_data(frozen, name))
    assert packed_data(frozen, name) == file.read_bytes()
    found = snapshot_of_files(file, seed=13)
    assert (found.content_hash, found.background) == (frozen.content_hash, frozen.background)


@pytest.fixture
def project(store: Store, frozen: DatasetSnapshot) -> Project:
    project = store.create_project(Domain(name="houses"))
    store.save_snapshot(frozen.model_copy(update={"project_id": project.id}))
    return project


def archive(folder: Path, top: str = "", change: Callable[[str, bytes], bytes] | None = None):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as writing:
        for file in folder.rglob("*"):
            if file.is_file():
                name = file.relative_to(folder).as_posix()
                content = file.read_bytes()
                writing.writestr(f"{top}{name}", change(name, content) if change else content)
    packed.seek(0)
    return packed


def rest(workspace: Path) -> list[str]:
    """What lies among the models of the project."""
    above = workspace / "models" / "houses"
    return (
        [path.name for path in above.iterdir() if path.suffix != ".lock"] if above.exists() else []
    )


def test_the_data_come_back_as_the_same_snapshot(elsewhere: Path, frozen: DatasetSnapshot) -> None:
    record = json.loads((elsewhere / "distiller.json").read_text())
    assert record["snapshot_hash"] == frozen.content_hash
    assert record["project_id"] is None


@pytest.mark.parametrize("how", ["folder", "zip beside it", "zip without a folder", "zipped twice"])
def test_a_model_is_kept_like_one_of_this_computer(
    how: str, elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    source = {
        "folder": lambda: elsewhere,
        "zip beside it": lambda: pack(elsewhere),
        "zip without a folder": lambda: archive(elsewhere),
        "zipped twice": lambda: archive(elsewhere, "deep/er/"),
    }[how]()
    found = import_model(store, project, tmp_path, source)
    assert found.new
    (model,) = store.models(project.id)
    assert model == found.model
    record = json.loads((elsewhere / "distiller.json").read_text())
    name = folder_name(record["snapshot_hash"], "tiny", "short")
    assert Path(model.path) == tmp_path / "models" / "houses" / name
    assert rest(tmp_path) == [name]
    assert model.recipe == record["recipe"]
    assert model.metrics == record["metrics"]
    card = Path(model.path, "README.md").read_text()
    assert f"# {name}\n" in card
    assert "16 train, 8 val" in card
    theirs, ours = SpladeEncoder(elsewhere), SpladeEncoder(model.path)
    same = theirs.encode_queries(["banana window"]) != ours.encode_queries(["banana window"])
    assert same.nnz == 0


def test_a_model_with_a_table_of_queries_is_kept_whole(
    store: Store, project: Project, frozen: DatasetSnapshot, tiny: StartModel, tmp_path: Path
) -> None:
    """Trained without a dev split, so that what is saved is what was trained."""
    examples = [one.model_copy(update={"split": "train"}) for one in frozen.examples]
    whole = store.save_snapshot(snapshot_of(examples, project_id=project.id, seed=13))
    file, away = tmp_path / "data.jsonl.gz", tmp_path / "away"
    file.write_bytes(packed_data(whole))
    recipe = RECIPE.model_copy(update={"query_table": True, "query_lambda": 0.0})
    train_files(file, None, recipe, tiny, away, keep_split=True)
    model = import_model(store, project, tmp_path, away).model
    assert model.snapshot_hash == whole.content_hash
    theirs = {file.relative_to(away) for file in away.rglob("*") if file.is_file()}
    ours = {file.relative_to(model.path) for file in Path(model.path).rglob("*") if file.is_file()}
    assert ours == theirs
    assert len([name for name in ours if name.suffix == ".safetensors"]) == 2


def test_the_second_time_adds_nothing(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    first = import_model(store, project, tmp_path, elsewhere)
    again = import_model(store, project, tmp_path, archive(elsewhere))
    assert (again.new, again.model) == (False, first.model)
    assert store.models(project.id) == [first.model]
    assert len(rest(tmp_path)) == 1


def test_a_folder_that_is_gone_is_put_back(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    first = import_model(store, project, tmp_path, elsewhere)
    shutil.rmtree(first.model.path)
    again = import_model(store, project, tmp_path, elsewhere)
    assert Path(again.model.path, "model.safetensors").is_file()
    assert [model.path for model in store.models(project.id)] == [first.model.path]


def test_a_crash_before_it_became_known_is_mended(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path, monkeypatch
) -> None:
    def die(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "save_model", die)
    with pytest.raises(KeyboardInterrupt):
        import_model(store, project, tmp_path, elsewhere)
    assert store.models(project.id) == []
    monkeypatch.undo()
    model = import_model(store, project, tmp_path, elsewhere).model
    assert store.models(project.id) == [model]
    assert rest(tmp_path) == [Path(model.path).name]


def test_another_model_in_its_place_stays(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    record = json.loads((elsewhere / "distiller.json").read_text())
    taken = tmp_path / "models" / "houses" / folder_name(record["snapshot_hash"], "tiny", "short")
    taken.mkdir(parents=True)
    (taken / "notes.txt").write_text("mine")
    model = import_model(store, project, tmp_path, elsewhere).model
    assert model.path == f"{taken}-{record['recipe']['identity'][:8]}"
    assert (taken / "notes.txt").read_text() == "mine"


def refused(store: Store, project: Project, workspace: Path, source, match: str) -> None:
    with pytest.raises(InputError, match=match) as told:
        import_model(store, project, workspace, source)
    assert ".incoming" not in str(told.value)
    assert store.models(project.id) == []
    assert rest(workspace) == []


def test_data_that_the_project_never_froze_are_named(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    other = store.create_project(Domain(name="other"))
    store.save_snapshot(made_snapshot([], project_id=other.id))
    refused(store, other, tmp_path, elsewhere, "'other' never froze")


RECORDS = {
    "no JSON": lambda _: b"{",
    "another kind of record": lambda _: b'{"id": "m"}',
    "no recipe": lambda record: {**record, "recipe": {}},
    "an impossible recipe": lambda record: {
        **record,
        "recipe": {**record["recipe"], "epochs": -1},
    },
    "no identity": lambda record: {**record, "recipe": {**record["recipe"], "identity": "../.."}},
    "no measures": lambda record: {**record, "metrics": []},
    "a step that nobody measured": lambda record: {
        **record,
        "best_step": 7,
        "metrics": [{"step": 0}],
    },
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS)
def test_a_record_that_is_none_is_refused(
    change: Callable[[dict], object],
    elsewhere: Path,
    store: Store,
    project: Project,
    tmp_path: Path,
) -> None:
    def damage(name: str, content: bytes) -> bytes:
        if name != "distiller.json":
            return content
        made = change(json.loads(content))
        return made if isinstance(made, bytes) else json.dumps(made).encode()

    refused(store, project, tmp_path, archive(elsewhere, change=damage), "not a record")


def test_names_in_a_record_lead_nowhere(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    def forge(name: str, content: bytes) -> bytes:
        if name != "distiller.json":
            return content
        record = json.loads(content)
        record["recipe"] |= {"name": "x/../../../../evil", "start_folder": "/etc"}
        return json.dumps({**record, "path": "/etc", "base": "../../.."}).encode()

    model = import_model(store, project, tmp_path, archive(elsewhere, change=forge)).model
    assert Path(model.path).parent == tmp_path / "models" / "houses"
    assert Path(model.path).resolve() == Path(model.path)
    assert model.start == "../../.."
    assert model.recipe["start_weights"]


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_weights_that_cannot_be_used_are_refused(
    file: str, elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    cut = archive(
        elsewhere, change=lambda name, content: content[:100] if name == file else content
    )
    refused(store, project, tmp_path, cut, "cannot be used")


def test_code_pickles_links_and_paths_outside_are_left_out(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    packed = archive(elsewhere, "tuned/")
    with zipfile.ZipFile(packed, "a") as writing:
        for name in ("tuned/a.py", "tuned/pytorch_model.bin", "tuned/../../out.json", "/out.json"):
            writing.writestr(name, "x")
        writing.writestr("tuned/.hidden/x.json", "{}")
        link = zipfile.ZipInfo("tuned/vocab.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        writing.writestr(link, "/etc/passwd")
    packed.seek(0)
    workspace = tmp_path / "workspace"
    model = import_model(store, project, workspace, packed).model
    names = {file.relative_to(model.path).as_posix() for file in Path(model.path).rglob("*.*")}
    assert names == {file.relative_to(elsewhere).as_posix() for file in elsewhere.rglob("*.*")}
    assert not list(tmp_path.rglob("out.json"))


def test_links_in_a_folder_are_not_followed(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "linked"
    shutil.copytree(elsewhere, folder)
    (tmp_path / "secret.txt").write_text("x")
    (folder / "vocab.txt").symlink_to(tmp_path / "secret.txt")
    model = import_model(store, project, tmp_path, folder).model
    assert not Path(model.path, "vocab.txt").exists()


def test_what_is_no_model_is_refused(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    refused(store, project, tmp_path, tmp_path / "nowhere", "no such folder")
    refused(store, project, tmp_path, io.BytesIO(b"PK no"), "no zip")
    (tmp_path / "empty").mkdir()
    refused(store, project, tmp_path, tmp_path / "empty", "no distiller.json")
    refused(store, project, tmp_path, archive(tmp_path / "empty"), "no distiller.json")
    two = archive(elsewhere, "a/")
    with zipfile.ZipFile(two, "a") as writing:
        writing.writestr("b/distiller.json", "{}")
    refused(store, project, tmp_path, two, "more than one")


def test_a_bomb_is_stopped_by_what_comes_out(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(incoming, "MOST_BYTES", 10_000)
    refused(store, project, tmp_path, archive(elsewhere), "larger than")
    refused(store, project, tmp_path, elsewhere, "larger than")
    monkeypatch.undo()
    monkeypatch.setattr(incoming, "MOST_MEMBERS", 3)
    refused(store, project, tmp_path, archive(elsewhere), "files")
    refused(store, project, tmp_path, elsewhere, "more than 3")


def test_a_workspace_that_cannot_be_written_is_told(
    elsewhere: Path, store: Store, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(InputError, match="cannot be read or kept"):
        import_model(store, project, tmp_path, elsewhere)
    assert store.models(project.id) == []
