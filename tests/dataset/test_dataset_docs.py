"""The examples of docs/data-formats.md are true: each is read as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distiller.dataset import FORMATS, assemble, import_file, read, read_contents
from distiller.dataset.formats.text_files import MAX_BYTES
from distiller.schema.domain import Domain
from distiller.schema.examples import Query, Strategy
from distiller.schema.knowledge import Concept
from distiller.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "data-formats.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) ([\w./]+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def blocks(name: str) -> list[tuple[str, str]]:
    return [(ending, text) for ending, label, text in BLOCKS if label == name]


def test_every_format_is_on_the_page() -> None:
    for name in FORMATS:
        assert f"`{name}`" in TEXT
    assert all(f"`{strategy}`" in TEXT for strategy in Strategy if strategy != Strategy.POSITIVE)
    assert f"{MAX_BYTES // 2**20} MB" in TEXT


@pytest.mark.parametrize("name", ["splade", "dataset", "jsonl", "csv"])
def test_training_data_of_the_page_is_read(tmp_path: Path, name: str) -> None:
    assert blocks(name)
    for ending, text in blocks(name):
        path = tmp_path / f"data.{ending}"
        path.write_text(text, encoding="utf-8")
        examples = read(path)
        assert read(path, name) == examples
        assert all(example.positives for example in examples)


def test_the_page_shows_what_meta_may_hold(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(blocks("jsonl")[1][1], encoding="utf-8")
    [example] = read(path)
    assert (example.query_id, example.split, example.cluster) == ("q1", "test", "notice")
    [passage] = example.positives
    assert (passage.passage_id, passage.title, passage.grade, passage.score) == (
        "p1",
        "Ending a tenancy",
        2,
        0.93,
    )


def test_the_page_shows_where_the_background_stands(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(blocks("jsonl")[2][1], encoding="utf-8")
    [passage] = read_contents(path).background
    assert (passage.passage_id, passage.title) == ("p7", "Heating")


def test_the_formula_of_the_page_is_restored(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(blocks("csv")[0][1], encoding="utf-8")
    assert read(path)[1].query == "=deposit"


def test_the_collection_of_the_page_is_read(tmp_path: Path) -> None:
    for _, label, text in BLOCKS:
        if label.startswith("beir/"):
            path = tmp_path / label
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    [example] = read(tmp_path / "beir")
    assert [p.grade for p in example.positives + example.negatives] == [3, 1]


def test_the_knowledge_and_queries_of_the_page_are_imported(store: Store, tmp_path: Path) -> None:
    project = store.create_project(Domain(name="residential tenancy law"))
    for name in ("bootstrap", "queries", "splade"):
        path = tmp_path / f"{name}.json"
        path.write_text(blocks(name)[0][1], encoding="utf-8")
        import_file(store, project, path)
    assert [concept.term for concept in store.items(project.id, Concept)] == ["security deposit"]
    assert len(store.items(project.id, Query)) == 1
    assert len(assemble(store, project)[0].negatives) == 2
