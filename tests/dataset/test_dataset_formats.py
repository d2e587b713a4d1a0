"""Everything written comes back; nothing that stands in its place is lost."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from pathlib import Path

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distiller.dataset import read, write
from distiller.dataset.formats.table import neutralise, restore
from distiller.schema.dataset import Example, LabelledPassage
from distiller.schema.errors import InputError
from tests.dataset.strategies import NASTY, examples, texts

LOSSLESS = {
    "splade": ".json",
    "dataset": ".json",
    "json": ".json",
    "jsonl": ".jsonl",
    "beir": "",
    "parquet": ".parquet",
}


def passage(identifier: str, grade: int, text: str = "") -> LabelledPassage:
    return LabelledPassage(
        passage_id=identifier, text=text or f"Text of {identifier}.", grade=grade
    )


def example(number: int, negatives: int = 1, split: str = "train") -> Example:
    return Example.model_validate(
        {
            "query_id": f"q{number}",
            "query": f"question {number}",
            "positives": [passage(f"p{number}", 3)],
            "negatives": [passage(f"n{number}-{at}", 0) for at in range(negatives)],
            "split": split,
        }
    )


@pytest.mark.parametrize("format", LOSSLESS)
@given(made=examples())
@settings(max_examples=15, deadline=None)
def test_everything_comes_back_as_it_was(format: str, made: list[Example]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data{LOSSLESS[format]}"
        write(made, format, path)
        assert read(path) == made


@pytest.mark.parametrize("format", LOSSLESS)
@given(made=examples())
@settings(max_examples=6, deadline=None)
def test_the_splits_hold_each_example_once(format: str, made: list[Example]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = write(made, format, Path(folder) / f"data{LOSSLESS[format]}", split=True)
        again = [one for file in files for one in (read(file) if _has_examples(file) else [])]
        assert sorted(again, key=lambda one: one.query_id) == made


def _has_examples(path: Path) -> bool:
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_metadata(path).num_rows > 0
    return path.is_dir() or path.stat().st_size > 4


@pytest.mark.parametrize("format", ["csv", "tsv"])
@given(made=examples())
@settings(max_examples=15, deadline=None)
def test_tables_keep_texts_and_labels(format: str, made: list[Example]) -> None:
    rows = [
        (one.query, found.text, relevant)
        for one in made
        for relevant, side in ((True, one.positives), (False, one.negatives))
        for found in side
    ]
    if len({row[:2] for row in rows}) < len(rows):
        return  # the same pair twice is one row, or a contradiction that reading refuses
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data.{format}"
        write(made, format, path)
        again = [
            (one.query, found.text, relevant)
            for one in read(path)
            for relevant, side in ((True, one.positives), (False, one.negatives))
            for found in side
        ]
    assert sorted(again) == sorted(rows)


@given(texts() | st.text(alphabet="'=+-@\t\r\n a"))
def test_no_cell_is_a_formula_and_each_is_restored(text: str) -> None:
    cell = neutralise(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert restore(cell) == text


def test_a_spreadsheet_would_run_nothing(tmp_path: Path) -> None:
    made = [example(1).model_copy(update={"query": text}) for text in NASTY]
    [path] = write(made, "csv", tmp_path / "data.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert cells[0] == "query"
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=SUM(A1:A9)" in cells
    assert "''=already quoted" in cells


def test_splade_has_a_record_for_each_positive(tmp_path: Path) -> None:
    one = example(1, negatives=2)
    one.positives.append(passage("second", 2))
    [path] = write([one], "splade", tmp_path / "data.json")
    records = json.loads(path.read_text(encoding="utf-8"))
    assert [record["positive_document"] for record in records] == ["Text of p1.", "Text of second."]
    assert records[0]["negative_documents"] == ["Text of n1-0.", "Text of n1-1."]
    assert set(records[0]) == {
        "query",
        "positive_document",
        "negative_documents",
        "explanations",
        "_meta",
    }
    assert read(path) == [one]


def test_explanations_may_begin_with_that_of_the_positive(tmp_path: Path) -> None:
    record = {
        "query": "rent?",
        "positive_document": "Rent is due monthly.",
        "negative_documents": ["Deposits are due once."],
        "explanations": ["answers it", "is about deposits"],
    }
    path = tmp_path / "data.json"
    path.write_text(json.dumps([record]), encoding="utf-8")
    [one] = read(path)
    assert one.positives[0].explanation == "answers it"
    assert one.negatives[0].explanation == "is about deposits"


def test_a_label_changed_by_hand_counts_more_than_the_grade_beside_it(tmp_path: Path) -> None:
    [path] = write([example(1)], "json", tmp_path / "data.json")
    [record] = json.loads(path.read_text(encoding="utf-8"))
    record["documents"][1]["is_relevant"] = True
    path.write_text(json.dumps([record]), encoding="utf-8")
    [one] = read(path)
    assert [found.grade for found in one.positives] == [3, 3]
    assert one.negatives == []


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    record = {"query": "q", "documents": [], "source": "forum", "_meta": {"reviewed": True}}
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(record), encoding="utf-8")
    [one] = read(path)
    assert one.meta == {"source": "forum", "reviewed": True}


def test_triplets_fill_every_column(tmp_path: Path) -> None:
    made = [example(1, negatives=3), example(2, negatives=1), example(3, negatives=0)]
    [path] = write(made, "triplets", tmp_path / "data.parquet")
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == ["anchor", "positive", "negative_1", "negative_2", "negative_3"]
    rows = table.to_pylist()
    assert list(rows[1].values())[2:] == ["Text of n2-0."] * 3
    assert set(list(rows[2].values())[2:]) == {"Text of p1.", "Text of p2."}
    assert [len(one.negatives) for one in read(path)] == [3, 1, 2]


def test_triplets_without_any_negative_have_two_columns(tmp_path: Path) -> None:
    [path] = write([example(1, negatives=0)], "triplets", tmp_path / "data.parquet")
    assert pyarrow.parquet.read_table(path).column_names == ["anchor", "positive"]


@pytest.mark.parametrize(
    ("qrels", "grades"),
    [({"a": 1, "b": 0}, [3, 0]), ({"a": 2, "b": 1}, [3, 2]), ({"a": 3, "b": 1}, [3, 1])],
)
def test_foreign_grades_become_ours(
    tmp_path: Path, qrels: dict[str, int], grades: list[int]
) -> None:
    (tmp_path / "qrels").mkdir()
    corpus = [json.dumps({"_id": key, "text": f"text {key}"}) for key in "ab"]
    (tmp_path / "corpus.jsonl").write_text("\n".join(corpus), encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "query"}', encoding="utf-8")
    rows = [f"q\t{key}\t{grade}" for key, grade in qrels.items()]
    table = "\n".join(["query-id\tcorpus-id\tscore", *rows])
    (tmp_path / "qrels" / "test.tsv").write_text(table, encoding="utf-8")
    [one] = read(tmp_path)
    assert [found.grade for found in one.positives + one.negatives] == grades
    assert one.split == "test"


def test_a_longer_file_is_kept_beside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "data.json"
    write([example(1), example(2)], "json", path)
    write([example(1)], "json", path)
    assert len(read(path)) == 1
    assert len(read(tmp_path / "data.json.bak", "json")) == 2
    assert "held 2 examples, now 1" in caplog.text


def test_a_file_of_something_else_is_kept_beside(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text("my notes", encoding="utf-8")
    write([example(1)], "json", path)
    assert (tmp_path / "notes.json.bak").read_text(encoding="utf-8") == "my notes"


def test_the_same_again_leaves_no_copy(tmp_path: Path) -> None:
    for format, name in (("json", "data.json"), ("beir", "collection")):
        write([example(1)], format, tmp_path / name)
        write([example(1), example(2)], format, tmp_path / name)
        assert len(read(tmp_path / name)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collection", "data.json"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"other files \(thesis.docx\)"):
        write([example(1)], "beir", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize("format", ["splade", "beir", "triplets", "parquet"])
def test_a_crash_leaves_the_old_file_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    path = tmp_path / "data"
    write([example(1)], format, path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write([example(1), example(2)], format, path)
    assert [one.name for one in tmp_path.iterdir()] == ["data"]
    assert len(read(path, None if format == "beir" else format)) == 1


def test_what_a_format_cannot_say_is_refused(tmp_path: Path) -> None:
    bare = example(1).model_copy(update={"positives": []})
    with pytest.raises(InputError, match="no positive"):
        write([bare], "splade", tmp_path / "data.json")
    with pytest.raises(InputError, match="unknown format 'xml'"):
        write([bare], "xml", tmp_path / "data.xml")
    twice = [example(1), example(1)]
    with pytest.raises(InputError, match="stands for two texts"):
        write(twice, "beir", tmp_path / "collection")
    infinite = example(1)
    infinite.positives[0].score = float("inf")
    with pytest.raises(InputError, match="cannot be written as JSON"):
        write([infinite], "json", tmp_path / "data.json")
    with pytest.raises(InputError, match=r"a score of 'question 1' is no number; mend it"):
        write([infinite], "parquet", tmp_path / "data.parquet")
    with pytest.raises(InputError, match="is a folder"):
        write([example(1)], "json", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        write([example(1)], "json", tmp_path / "file" / "data.json")
