"""Datasets that are mapped from files say what they say in memory."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distiller.dataset import content_hash, read, snapshot_of, write
from distiller.dataset import large as storing
from distiller.dataset.holding_out import hold_out
from distiller.dataset.large import is_large, large_snapshot, sorted_on_disk, store
from distiller.quality.texts import fold
from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage, SplitName
from distiller.schema.errors import InvalidFile, StageFailed
from tests.dataset.strategies import examples


def passage(text: str, grade: int) -> LabelledPassage:
    return LabelledPassage(passage_id=f"id of {text}", text=text, grade=grade)


def asked(
    number: int, positives: list[str], negatives: list[str], part: SplitName = "train"
) -> Example:
    return Example(
        query_id=f"q{number}",
        query=f"query {number}",
        positives=[passage(text, 3) for text in positives],
        negatives=[passage(text, 0) for text in negatives],
        split=part,
    )


@given(made=examples())
@settings(max_examples=25, deadline=None)
def test_stored_examples_are_the_examples(made: list[Example]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = store(iter(made), Path(folder) / "examples.arrow")
        assert list(found) == made
        assert [found[at] for at in range(len(made))] == made
        assert found[:2] == made[:2]
        with pytest.raises(IndexError):
            found[len(made)]


def test_any_example_of_many_is_found(tmp_path: Path) -> None:
    made = [asked(n, [f"p{n}"], [f"n{n}"]) for n in range(1234)]
    found = store(made, tmp_path / "examples.arrow")
    for at in (0, 499, 500, 1000, 1233, -1):
        assert found[at] == made[at]


@given(made=examples(), others=examples())
@settings(max_examples=15, deadline=None)
def test_a_large_snapshot_says_what_one_in_memory_says(
    made: list[Example], others: list[Example]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / "train.parquet", folder / "val.jsonl"]
        write(made, "parquet", files[0])
        write(others, "jsonl", files[1])
        held_out = [one.model_copy(update={"split": "val"}) for one in others]
        expected = snapshot_of(made + held_out)
        (folder / "data").mkdir()
        found = large_snapshot(files[0], files[1], folder / "data", seed=1)
        assert found.content_hash == expected.content_hash
        assert found.counts == expected.counts
        assert list(found.examples) == expected.examples
        assert [file.name for file in (folder / "data").iterdir()] == ["read.arrow"]


def saved(made: list[Example], path: Path) -> Path:
    [file] = write(made, "parquet", path)
    return file


def snapshot_from(tmp_path: Path, made: list[Example], seed: int = 1) -> DatasetSnapshot:
    folder = tmp_path / f"data {seed}"
    folder.mkdir(exist_ok=True)
    return large_snapshot(saved(made, tmp_path / "data.parquet"), None, folder, seed=seed)


def test_what_the_file_marks_is_held_out(tmp_path: Path) -> None:
    made = [asked(n, [f"p{n}"], [], "val" if n == 3 else "train") for n in range(30)]
    found = snapshot_from(tmp_path, made)
    assert [one.query for one in found.examples if one.split == "val"] == ["query 3"]


def test_a_file_that_marks_nothing_gives_up_a_tenth_with_its_like(tmp_path: Path) -> None:
    draw = random.Random(3)
    made = []
    for n in range(400):
        positive = f"Answer {n // 2}." if n % 2 else f"answer  {n // 2}"  # the same but for form
        shared = [f"shared {draw.randrange(60)}", f"Answer {draw.randrange(200)}."]
        made.append(asked(n, [positive], [*shared, f"own {n}"]))
    found = list(snapshot_from(tmp_path, made).examples)
    parts: dict[str, set[str]] = {"train": set(), "val": set()}
    for one in found:
        parts[one.split] |= {fold(p.text) for p in one.positives + one.negatives}
    assert sum(one.split == "val" for one in found) == 40
    assert not parts["train"] & parts["val"]
    assert [one.query for one in found] == [one.query for one in made]
    kept = sum(len(one.negatives) for one in found)
    assert 800 < kept < 1200  # most of them; those that both would hold stay on one side


def test_what_is_held_out_depends_on_the_seed_alone(tmp_path: Path) -> None:
    made = [asked(n, [f"p{n}"], []) for n in range(100)]

    def held(some: list[Example], seed: int) -> set[str]:
        return {one.query for one in hold_out(some, seed=seed) if one.split == "val"}

    assert len(held(made, 1)) == 10
    renamed = [one.model_copy(update={"query_id": f"x{n}"}) for n, one in enumerate(made)]
    assert held(renamed[::-1], 1) == held(made, 1)
    assert held(made, 2) != held(made, 1)


def test_examples_for_testing_are_not_held_out() -> None:
    made = [asked(n, [f"p{n}"], [], "test" if n % 2 else "train") for n in range(60)]
    parts = [one.split for one in hold_out(made, seed=1)]
    assert parts.count("val") == 3
    assert parts.count("test") == 30


@given(lines=st.lists(st.text(alphabet="ab {}", max_size=4)))
def test_lines_are_sorted_on_disk(lines: list[str]) -> None:
    usual, storing._LINES_AT_ONCE = storing._LINES_AT_ONCE, 3
    try:
        with tempfile.TemporaryDirectory() as folder:
            assert list(sorted_on_disk(lines, Path(folder))) == sorted(lines)
    finally:
        storing._LINES_AT_ONCE = usual


@given(made=examples())
@settings(max_examples=10, deadline=None)
def test_the_hash_does_not_depend_on_how_it_is_sorted(made: list[Example]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ordered = content_hash(made, ordered=lambda lines: sorted_on_disk(lines, Path(folder)))
    assert ordered == content_hash(made)


def test_only_the_layout_parquet_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [asked(n, [f"p{n}"], [f"n{n}"]) for n in range(5)]
    file = saved(made, tmp_path / "data.parquet")
    assert not is_large(file)
    monkeypatch.setattr(storing, "IN_MEMORY", 4)
    assert is_large(file)
    [triplets] = write(made, "triplets", tmp_path / "triplets.parquet")
    [lines] = write(made, "jsonl", tmp_path / "data.jsonl")
    assert not is_large(triplets)
    assert not is_large(lines)


def test_a_query_in_two_rows_is_refused(tmp_path: Path) -> None:
    twice = saved(
        [asked(1, ["a"], []), asked(2, ["b"], []), asked(1, ["c"], [])], tmp_path / "d.parquet"
    )
    assert len(read(twice)) == 2
    with pytest.raises(InvalidFile, match=r"line 3.*'query 1' stands in two rows"):
        large_snapshot(twice, None, tmp_path, seed=1)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match=r"cannot write the training data to .*make room"):
        store([asked(1, ["a"], [])], tmp_path / "nowhere" / "examples.arrow")
