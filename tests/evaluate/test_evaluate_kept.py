"""Collections that people upload: what is taken, what is refused, and that nothing stays behind."""

from __future__ import annotations

import gzip
import io
import json
import stat
import zipfile
from pathlib import Path

import pytest

from distiller.evaluate import kept
from distiller.evaluate.kept import keep, remove
from distiller.schema.errors import DistillerError, InputError

FILES = {
    "corpus.jsonl": json.dumps({"_id": "p1", "title": "", "text": "The deposit is returned."}),
    "queries.jsonl": json.dumps({"_id": "q1", "text": "deposit back"}),
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\tp1\t1\n",
}


def packed(files: dict[str, str | bytes], top: str = "") -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        for name, text in files.items():
            writing.writestr(f"{top}{name}", text)
    archive.seek(0)
    return archive


def left_behind(workspace: Path) -> list[Path]:
    return [path for path in workspace.rglob("*") if path.name != "collections"]


@pytest.mark.parametrize("top", ["", "my collection/"])
def test_a_collection_is_kept_and_removed(tmp_path: Path, top: str) -> None:
    collection = keep(tmp_path, "Our Cases!", packed(FILES, top))
    assert (len(collection.corpus), dict(collection.queries)) == (1, {"q1": "deposit back"})
    assert [path.name for path in kept.kept(tmp_path)] == ["our-cases"]
    with pytest.raises(InputError, match="kept already"):
        keep(tmp_path, "our cases", packed(FILES))
    remove(tmp_path, "our-cases")
    assert left_behind(tmp_path) == []
    with pytest.raises(DistillerError, match="no collection"):
        remove(tmp_path, "../..")


@pytest.mark.parametrize("missing", list(FILES))
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    files = {name: text for name, text in FILES.items() if name != missing}
    with pytest.raises(DistillerError, match=missing.split("/", maxsplit=1)[0]) as told:
        keep(tmp_path, "x", packed(files))
    assert str(tmp_path) not in str(told.value)
    assert left_behind(tmp_path) == []


def test_a_fault_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DistillerError, match=r"queries\.jsonl, line 1"):
        keep(tmp_path, "x", packed({**FILES, "queries.jsonl": '{"_id": 7'}))
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"just text"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        keep(tmp_path, "x", io.BytesIO(content))
    assert left_behind(tmp_path) == []


def test_paths_that_lead_outside_and_strangers_are_left_out(tmp_path: Path) -> None:
    strangers = {"../corpus.jsonl": "x", "/queries.jsonl": "x", "run.sh": "x", "a/b/c.tsv": "x"}
    workspace = tmp_path / "workspace"
    keep(workspace, "x", packed({**FILES, **strangers}))
    assert [path.name for path in tmp_path.iterdir()] == ["workspace"]
    files = sorted(path.name for path in (workspace / "collections" / "x").rglob("*.*"))
    assert files == ["corpus.jsonl", "queries.jsonl", "test.tsv"]


def test_a_bomb_is_stopped_by_what_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 10_000)
    with pytest.raises(InputError, match="larger than"):
        keep(tmp_path, "x", packed({**FILES, "corpus.jsonl": " " * 1_000_000}))
    assert left_behind(tmp_path) == []


def test_a_gzipped_bomb_inside_is_stopped_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 10_000)
    files = {name: text for name, text in FILES.items() if name != "corpus.jsonl"}
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < kept.MOST_BYTES
    with pytest.raises(InputError, match="larger than"):
        keep(tmp_path, "x", packed({**files, "corpus.jsonl.gz": bomb}))
    assert left_behind(tmp_path) == []


def test_gzipped_files_are_taken_and_damaged_ones_told(tmp_path: Path) -> None:
    squeezed = {f"{name}.gz": gzip.compress(text.encode()) for name, text in FILES.items()}
    assert keep(tmp_path, "good", packed(squeezed)).name == "good"
    with pytest.raises(InputError, match="not gzipped"):
        keep(tmp_path, "bad", packed({**squeezed, "corpus.jsonl.gz": b"no gzip"}))
    with pytest.raises(InputError, match="cannot be read"):
        keep(tmp_path, "bad", packed({**squeezed, "corpus.jsonl.gz": gzip.compress(b"x")[:-4]}))
    assert [path.name for path in kept.kept(tmp_path)] == ["good"]


def test_two_collections_in_one_zip_are_not_mixed(tmp_path: Path) -> None:
    other = {f"other/{name}": text for name, text in FILES.items()}
    for strangers in (other, {"corpus.jsonl.gz": gzip.compress(FILES["corpus.jsonl"].encode())}):
        with pytest.raises(InputError, match="more than one collection"):
            keep(tmp_path, "x", packed({**FILES, **strangers}))
    assert left_behind(tmp_path) == []


def test_damaged_contents_are_told(tmp_path: Path) -> None:
    corpus = "\n".join(json.dumps({"_id": f"p{i}", "text": "x" * (i % 77)}) for i in range(3000))
    damaged = bytearray(packed({**FILES, "corpus.jsonl": corpus}).getvalue())
    damaged[60:160] = bytes(byte ^ 0x5A for byte in damaged[60:160])
    with pytest.raises(InputError, match="cannot be read"):
        keep(tmp_path, "x", io.BytesIO(bytes(damaged)))
    assert left_behind(tmp_path) == []


def test_links_and_odd_names_are_left_out(tmp_path: Path) -> None:
    archive = packed({**FILES, ".": "x", f"qrels/{'a' * 300}.tsv": "x", "__MACOSX/._q.tsv": "x"})
    with zipfile.ZipFile(archive, "a") as writing:
        link = zipfile.ZipInfo("metadata.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        writing.writestr(link, "/etc/passwd")
    archive.seek(0)
    keep(tmp_path, "x", archive)
    files = sorted(path.name for path in (tmp_path / "collections" / "x").rglob("*.*"))
    assert files == ["corpus.jsonl", "queries.jsonl", "test.tsv"]


def test_a_crowd_of_files_is_refused(tmp_path: Path) -> None:
    crowd = {f"{number}.txt": "" for number in range(kept.MOST_MEMBERS)}
    with pytest.raises(InputError, match=r"1,003 files"):
        keep(tmp_path, "x", packed({**FILES, **crowd}))
    assert left_behind(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "collections").write_text("in the way")
    with pytest.raises(InputError, match="cannot be kept"):
        keep(tmp_path, "x", packed(FILES))


@pytest.mark.parametrize("name", ["", "  ", "../", "…"])
def test_a_name_needs_letters(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="letters or digits"):
        keep(tmp_path, name, packed(FILES))
