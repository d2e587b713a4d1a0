from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from distiller.corpus import index as module
from distiller.corpus.index import CorpusIndex, corpus_texts, model_fingerprint
from distiller.retrieve import BM25, SparseIndex
from distiller.schema.base import Status
from distiller.schema.domain import Domain
from distiller.schema.errors import DistillerError, InputError
from distiller.schema.examples import Origin, Passage
from distiller.store import Store
from tests.corpus.encoder import WordEncoder

TEXTS = {
    f"p-{at:02d}": f"The tenant number {at} pays {word} to the landlord."
    for at, word in enumerate(["rent", "a deposit", "the fee", "nothing", "in cash", "by transfer"])
}
QUERIES = {"q-1": "who pays a deposit", "q-2": "landlord gets nothing", "q-3": "zebra"}


@pytest.fixture
def index(tmp_path: Path) -> CorpusIndex:
    return CorpusIndex(tmp_path / "index" / "p-1")


def test_bm25_that_was_kept_ranks_as_a_fresh_one(index: CorpusIndex) -> None:
    fresh = BM25(TEXTS).retrieve(QUERIES, 4)
    assert fresh["q-1"]
    assert index.bm25(TEXTS).retrieve(QUERIES, 4) == fresh
    files = {path: path.stat().st_mtime_ns for path in index.folder.rglob("*.npy")}
    assert files
    assert index.bm25(dict(reversed(TEXTS.items()))).retrieve(QUERIES, 4) == fresh
    assert {path: path.stat().st_mtime_ns for path in index.folder.rglob("*.npy")} == files


def test_bm25_of_a_changed_corpus_takes_the_place_of_the_old_one(index: CorpusIndex) -> None:
    index.bm25(TEXTS)
    changed = {**TEXTS, "p-00": "A zebra."}
    assert list(index.bm25(changed).retrieve(QUERIES)["q-3"]) == ["p-00"]
    assert len(list(index.folder.glob("bm25-*"))) == 1


def test_bm25_of_stop_words_only_is_kept_too(index: CorpusIndex) -> None:
    for _ in range(2):
        assert index.bm25({"p-1": "the of and"}).retrieve(QUERIES)["q-1"] == {}


@pytest.mark.parametrize("damage", ["cut", "empty", "missing", "foreign"])
def test_damaged_bm25_is_made_anew(index: CorpusIndex, damage: str) -> None:
    fresh = index.bm25(TEXTS).retrieve(QUERIES)
    for file in index.folder.glob("bm25-*/*"):
        if damage == "missing":
            file.unlink()
        elif damage == "foreign":
            file.write_text("[]" if file.suffix == ".json" else "no numbers")
        else:
            file.write_bytes(file.read_bytes()[: 10 if damage == "cut" else 0])
    assert index.bm25(TEXTS).retrieve(QUERIES) == fresh
    assert BM25.load(next(index.folder.glob("bm25-*"))).retrieve(QUERIES) == fresh


def test_weights_are_encoded_once_whatever_else_changes(index: CorpusIndex) -> None:
    encoder = WordEncoder()
    plain = SparseIndex(WordEncoder(), TEXTS).retrieve(QUERIES)
    assert index.sparse(TEXTS, encoder, "m1").retrieve(QUERIES) == plain
    assert sorted(encoder.encoded) == sorted(TEXTS.values())
    grown = {**TEXTS, "p-99": "A zebra."}
    del grown["p-00"]
    found = index.sparse(grown, encoder, "m1")
    assert encoder.encoded[len(TEXTS) :] == ["A zebra."]
    assert found.passage_ids == sorted(grown)
    assert found.retrieve(QUERIES) == SparseIndex(WordEncoder(), grown).retrieve(QUERIES)
    again = WordEncoder()
    index.sparse(TEXTS, again, "m1")
    assert again.encoded == []
    index.sparse(TEXTS, again, "m2")
    assert len(again.encoded) == len(TEXTS)


def test_texts_that_are_equal_are_encoded_once(index: CorpusIndex) -> None:
    encoder = WordEncoder()
    found = index.sparse({"p-1": "same", "p-2": "same"}, encoder, "m")
    assert encoder.encoded == ["same"]
    assert set(found.retrieve({"q": "same"})["q"]) == {"p-1", "p-2"}


def test_a_run_that_dies_keeps_what_was_encoded(
    index: CorpusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)

    def die(done: int, _total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.sparse(TEXTS, WordEncoder(), "m", die)
    rest = WordEncoder()
    index.sparse(TEXTS, rest, "m")
    assert len(rest.encoded) == len(TEXTS) - 4


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", None])
def test_damaged_segments_are_encoded_anew(
    index: CorpusIndex, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    index.sparse(TEXTS, WordEncoder(), "m")
    files = sorted(index.folder.glob("sparse-m/*.npz"))
    assert len(files) == 3
    files[1].write_bytes(files[1].read_bytes()[:-30] if content is None else content)
    again = WordEncoder()
    found = index.sparse(TEXTS, again, "m")
    assert len(again.encoded) == 2
    assert found.retrieve(QUERIES) == SparseIndex(WordEncoder(), TEXTS).retrieve(QUERIES)


def test_many_segments_become_one_and_old_models_are_forgotten(
    index: CorpusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 1)
    monkeypatch.setattr(module, "_MOST_SEGMENTS", 3)
    plain = SparseIndex(WordEncoder(), TEXTS).retrieve(QUERIES)
    for _ in range(2):
        assert index.sparse(TEXTS, WordEncoder(), "m0").retrieve(QUERIES) == plain
        assert len(list(index.folder.glob("sparse-m0/*.npz"))) == 1
    for name in ("m1", "m2", "m3"):
        index.sparse(TEXTS, WordEncoder(), name)
    kept = {path.name for path in index.folder.glob("sparse-*")}
    assert kept == {"sparse-m1", "sparse-m2", "sparse-m3"}


def test_two_processes_make_one_index(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from distiller.corpus.index import CorpusIndex\n"
        "texts = {f'p-{n}': f'word{n} ' * 50 for n in range(300)}\n"
        "index = CorpusIndex(Path(sys.argv[1]))\n"
        "print(list(index.bm25(texts).retrieve({'q': 'word7'})['q']))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "index")]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60) for process in started] == [("['p-7']\n", "")] * 2


def test_a_corpus_without_passages_and_a_folder_that_cannot_be_written_are_said(
    index: CorpusIndex, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="read documents first"):
        index.bm25({})
    with pytest.raises(InputError, match="read documents first"):
        index.sparse({}, WordEncoder(), "m")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DistillerError, match="cannot be written"):
        CorpusIndex(tmp_path / "file" / "p-1").bm25(TEXTS)


def test_only_usable_passages_are_indexed(store: Store) -> None:
    project = store.create_project(Domain(name="Law"))
    made = [
        Passage(id=f"p-{at}", title="Title", text=f"Text {at}", origin=Origin.CORPUS)
        for at in range(3)
    ]
    store.add(project.id, [*made, Passage(id="p-gen", text="Generated")])
    store.mark_passages(project.id, ["p-0"], stale=True, reason="gone")
    store.set_status(project.id, Passage, ["p-1"], Status.REJECTED, who="expert")
    assert corpus_texts(store, project) == {"p-2": "Title Text 2"}


def test_models_of_equal_files_are_the_same_model(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name / "1_SpladePooling").mkdir(parents=True)
        (tmp_path / name / "model.safetensors").write_bytes(b"weights" + name[:1].encode())
        (tmp_path / name / "README.md").write_text(name)
    prints = [model_fingerprint(tmp_path / name) for name in ("one", "two", "three")]
    assert prints[1] == prints[2] != prints[0]
