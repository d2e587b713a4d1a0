"""A training on data that are not in memory gives the model of one on data that are."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from train_examples import example

from distiller.dataset import large, write
from distiller.dataset.large import store
from distiller.dataset.texts import passage_text
from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage
from distiller.splade import StartModel
from distiller.train import Recipe, rows, train_files
from distiller.train.files import snapshot_of_files
from distiller.train.mapped import MappedRows
from distiller.train.rows import TrainingRow, dev_set, training_rows
from distiller.train.supervision import supervision


@st.composite
def askings(draw: st.DrawFn) -> list[Example]:
    """Examples whose queries and passages are often the same."""

    def passages(grade: int) -> list[LabelledPassage]:
        texts = draw(st.lists(st.sampled_from("abcdefgh"), max_size=3))
        return [LabelledPassage(passage_id=f"{t}{grade}", text=t, grade=grade) for t in texts]

    count = draw(st.integers(2, 8))
    return [
        Example(
            query_id=str(at),
            query=f"query {at if at < 2 else draw(st.integers(0, 4))}",
            positives=passages(3) or [LabelledPassage(passage_id="z", text="z", grade=3)],
            negatives=passages(0),
            split="train" if at < 2 else draw(st.sampled_from(["train", "val"])),
        )
        for at in range(count)
    ]


def simply(examples: list[Example], count: int, seed: int) -> list[tuple[str, str, list[str]]]:
    """Query, positive and negatives of each row, drawn from lists of the texts themselves."""
    chosen = sorted(
        (one for one in examples if one.split == "train"),
        key=lambda one: (one.query, *map(passage_text, one.positives)),
    )
    corpus = list(dict.fromkeys(p.text for one in chosen for p in one.positives + one.negatives))
    draw = random.Random(seed)
    wanted = []
    for one in chosen:
        positives = {p.text for p in one.positives}
        own = dict.fromkeys(p.text for p in one.negatives)
        texts = [text for text in own if text not in positives][:count]
        if len(texts) < count:
            others = [text for text in corpus if text not in positives | own.keys()]
            texts += draw.sample(others, min(count - len(texts), len(others)))
        wanted.append(texts)
    width = min(map(len, wanted))
    return [
        (one.query, p.text, texts[:width])
        for one, texts in zip(chosen, wanted, strict=True)
        for p in one.positives
    ]


@settings(max_examples=200, deadline=None)
@given(examples=askings(), count=st.integers(0, 6), seed=st.integers(0, 50))
def test_rows_by_numbers_are_those_by_texts(examples: list[Example], count: int, seed: int) -> None:
    found = training_rows(examples, count, seed)
    assert [(r.query, r.positive, list(r.negatives)) for r in found] == simply(
        examples, count, seed
    )


ROWS = [
    TrainingRow(f"query {n}", f"positive {n}", (f"first {n}", f"second {n % 7}"), 0.5, scores)
    for n in range(2300)
    for scores in [(1.0, None, 0.5) if n % 2 else ()]
]


def test_mapped_rows_are_the_rows_also_for_another_process(tmp_path: Path) -> None:
    mapped = MappedRows.write(iter(ROWS), tmp_path / "rows.arrow")
    for found in (mapped, pickle.loads(pickle.dumps(mapped))):
        assert len(found) == 2300
        assert list(found) == ROWS
        assert found[1999] == ROWS[1999]
        assert found[3:5] == ROWS[3:5]
    assert len(pickle.dumps(mapped)) < 1000


def test_what_is_known_of_mapped_rows_is_the_same(tmp_path: Path) -> None:
    mapped = supervision(MappedRows.write(iter(ROWS), tmp_path / "rows.arrow"))
    known = supervision(ROWS)
    for name in ("weights", "teacher", "queries", "passages", "positives"):
        ours, theirs = getattr(mapped, name), getattr(known, name)
        assert ours.nan_to_num(-9).equal(theirs.nan_to_num(-9))
    assert list(mapped.passage_texts) == list(known.passage_texts)
    assert list(mapped.query_texts) == list(known.query_texts) == [row.query for row in ROWS]
    assert known.passage_texts[0:4] == ["positive 0", "first 0", "second 0", "positive 1"]
    assert mapped.longest == len("positive 1000")


def dataset(count: int) -> list[Example]:
    return [example(n, "val" if n >= count - 8 else "train") for n in range(count)]


def test_a_model_of_mapped_data_is_that_of_data_in_memory(
    tmp_path: Path, tiny: StartModel, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe.model_copy(update={"min_steps": 4, "evaluations": 2, "self_distillation": 0.1})
    [file] = write(dataset(24), "parquet", tmp_path / "data.parquet")
    expected = train_files(file, None, recipe, tiny, tmp_path / "memory")
    monkeypatch.setattr(large, "IN_MEMORY", 10)
    monkeypatch.setattr("distiller.train.files.snapshot_of_files", None)  # nothing reads it whole
    trained = train_files(file, None, recipe, tiny, tmp_path / "mapped")
    assert trained.recipe["identity"] == expected.recipe["identity"]
    assert trained.metrics == expected.metrics
    ours, theirs = (
        load_file(tmp_path / name / "model.safetensors") for name in ("mapped", "memory")
    )
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {"memory", "mapped"}


def many(count: int) -> DatasetSnapshot:
    parts = ["val" if n % 3 == 0 else "train" for n in range(count)]
    made = []
    for n, part in enumerate(parts):
        passages = [
            LabelledPassage(passage_id=f"{n} {grade}", text=f"text {n} {grade}", grade=grade)
            for grade in (3, 0)
        ]
        made.append(
            Example.model_validate(
                {
                    "query_id": f"q{n}",
                    "query": f"query {n}",
                    "positives": passages[:1],
                    "negatives": passages[1:],
                    "split": part,
                }
            )
        )
    return DatasetSnapshot(
        id="s",
        project_id=None,
        content_hash="h",
        examples=made,
        seed=1,
        counts={"train": parts.count("train"), "val": parts.count("val"), "passages": 2 * count},
    )


def test_of_very_many_a_share_is_measured_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    snapshot = many(600)
    everything = dev_set(snapshot)
    assert (len(everything.queries), len(everything.corpus)) == (200, 1200)
    monkeypatch.setattr(rows, "MOST_PASSAGES", 300)
    monkeypatch.setattr(rows, "MOST_QUERIES", 50)
    some = dev_set(snapshot)
    assert 30 < len(some.queries) < 70
    assert some.queries.items() <= everything.queries.items()
    assert all(some.qrels[query] == everything.qrels[query] for query in some.queries)
    judged = {passage for grades in some.qrels.values() for passage in grades}
    assert judged <= some.corpus.keys()
    assert 200 < len(some.corpus) - len(judged) < 400
    stored = store(snapshot.examples, tmp_path / "examples.arrow")
    assert dev_set(snapshot.model_copy(update={"examples": stored})) == some


def test_a_folder_of_a_killed_training_is_in_nobodys_way(
    tmp_path: Path, tiny: StartModel, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "IN_MEMORY", 10)
    left = tmp_path / ".model.data"
    left.mkdir()
    (left / "read.arrow").write_text("cut off")
    [file] = write(dataset(24), "parquet", tmp_path / "data.parquet")
    short = recipe.model_copy(update={"min_steps": 2, "evaluations": 1})
    trained = train_files(file, None, short, tiny, tmp_path / "model")
    assert trained.snapshot_hash == snapshot_of_files(file, seed=1).content_hash
    assert not left.exists()
