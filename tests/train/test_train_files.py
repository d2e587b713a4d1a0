"""Dataset files as training data."""

from __future__ import annotations

from pathlib import Path

import pytest
from train_examples import example

from distiller.dataset import snapshot_of, write
from distiller.schema.dataset import Example, UnlabelledPassage
from distiller.schema.errors import InvalidFile, NotFound
from distiller.train import Recipe, train_files
from distiller.train.files import snapshot_of_files


def saved(examples: list[Example], path: Path) -> Path:
    [written] = write(examples, "jsonl", path)
    return written


def queries(snapshot, part: str) -> set[str]:
    return {example.query for example in snapshot.examples if example.split == part}


def test_a_val_file_is_the_dev_split(tmp_path: Path) -> None:
    train_file = saved([example(number, "train") for number in range(5)], tmp_path / "a.jsonl")
    val_file = saved([example(number, "train") for number in (7, 8)], tmp_path / "b.jsonl")
    snapshot = snapshot_of_files(train_file, val_file, seed=1)
    assert snapshot.counts == {"train": 5, "val": 2, "test": 0, "passages": 14}
    assert queries(snapshot, "val") == {example(number, "val").query for number in (7, 8)}
    assert snapshot.lineage == {"files": ["a.jsonl", "b.jsonl"]}
    assert snapshot_of_files(train_file, val_file, seed=1).content_hash == snapshot.content_hash


def test_the_background_of_both_files_comes_along_once(tmp_path: Path) -> None:
    background = [UnlabelledPassage(passage_id=f"b{n}", text=f"other {n}") for n in range(3)]
    examples = [example(n, "train") for n in range(4)] + [example(n, "val") for n in (7, 8)]
    whole, train_file, val_file = (tmp_path / f"{name}.jsonl" for name in "abc")
    write(examples, "jsonl", whole, background=background)
    write(examples[:4], "jsonl", train_file, background=background[:2])
    write(examples[4:], "jsonl", val_file, background=background[1:])
    made = snapshot_of(examples, background=background, seed=1)
    assert snapshot_of_files(whole, seed=1).content_hash == made.content_hash
    assert snapshot_of_files(train_file, val_file, seed=1).content_hash == made.content_hash


def test_what_the_file_marks_is_held_out(tmp_path: Path) -> None:
    parts = ["train", "train", "val", "test"]
    file = saved([example(n, part) for n, part in enumerate(parts)], tmp_path / "a.jsonl")
    snapshot = snapshot_of_files(file, seed=1)
    assert {part: snapshot.counts[part] for part in ("train", "val", "test")} == {
        "train": 2,
        "val": 1,
        "test": 1,
    }


def test_a_file_that_marks_nothing_gives_up_a_tenth(tmp_path: Path) -> None:
    file = saved([example(number, "train") for number in range(30)], tmp_path / "a.jsonl")
    snapshot = snapshot_of_files(file, seed=1)
    assert snapshot.counts["test"] == 0
    assert 1 <= snapshot.counts["val"] <= 8
    assert not queries(snapshot, "val") & queries(snapshot, "train")


def test_a_model_from_files_belongs_to_no_project(tmp_path: Path, tiny) -> None:
    file = saved([example(number, "train") for number in range(4)], tmp_path / "a.jsonl")
    other = saved([example(number, "train") for number in (7, 8)], tmp_path / "b.jsonl")
    recipe = Recipe(min_steps=2, batch_size=2, negatives_per_query=1, epochs=1, evaluations=1)
    trained = train_files(file, other, recipe, tiny, tmp_path / "m")
    assert trained.project_id is None
    assert "Files: a.jsonl, b.jsonl" in (tmp_path / "m" / "README.md").read_text()


def test_a_broken_file_is_named_with_its_line(tmp_path: Path, tiny) -> None:
    file = saved([example(number, "train") for number in range(4)], tmp_path / "a.jsonl")
    file.write_text(file.read_text() + '{"query": "cut sho')
    with pytest.raises(InvalidFile, match=r"a\.jsonl, line 5"):
        train_files(file, None, Recipe(), tiny, tmp_path / "m")
    with pytest.raises(NotFound, match=r"none\.jsonl"):
        train_files(tmp_path / "none.jsonl", None, Recipe(), tiny, tmp_path / "m")
    assert not (tmp_path / "m").exists()
