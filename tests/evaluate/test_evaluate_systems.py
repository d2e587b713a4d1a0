"""Systems by name, on human-judged collections."""

from __future__ import annotations

import math

import pytest

from distiller.evaluate import evaluate, load, systems
from distiller.schema.errors import InputError
from distiller.schema.retrieval import Collection

SMALL = Collection(
    name="small",
    corpus={"a": "rent", "b": "deposit"},
    queries={"q": "rent"},
    qrels={"q": {"a": 1}},
)

BM25_NDCG = {
    "adi": 0.494,
    "med": 0.696,
    "cranfield": 0.524,
    "cacm": 0.503,
    "legal_plain_english": 0.601,
    "liveqa_medquad": 0.637,
    "legalquad_passages": 0.655,
}
"""bm25s 0.3.16 in its defaults, Snowball stemmer and stop words of the language, graded qrels."""


def test_names_become_systems(tmp_path):
    found = systems(["bm25"], SMALL, tmp_path)
    assert [system.name for system in found] == ["bm25"]
    assert list(found[0].retrieve({"q": "rent"}, 5)["q"]) == ["a"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [([], "no system named"), (["bm25", "bm25"], "bm25 is named twice")],
)
def test_refuses_names_that_make_no_report(names, problem, tmp_path):
    with pytest.raises(InputError, match=problem):
        systems(names, SMALL, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("adi", "med") else pytest.param(name, marks=pytest.mark.slow)
        for name in BM25_NDCG
    ],
)
def test_bm25_reaches_its_known_figure(name, collections_dir, tmp_path):
    collection = load(collections_dir / name)
    assert collection.language == ("de" if name == "legalquad_passages" else "en")
    report = evaluate(systems(["bm25"], collection, tmp_path), collection)
    assert report.systems[0].measures["ndcg@10"] == pytest.approx(BM25_NDCG[name], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "ndcg"), [("med", 0.759), ("legal_plain_english", 0.579)])
def test_the_packaged_start_model_reaches_its_known_figure(name, ndcg, collections_dir, tmp_path):
    pytest.importorskip("sentence_transformers")
    collection = load(collections_dir / name)
    report = evaluate(systems(["bm25", "tiny", "bm25+tiny"], collection, tmp_path), collection)
    bm25, tiny, fused = report.systems
    assert tiny.measures["ndcg@10"] == pytest.approx(ndcg, abs=0.005)
    assert 20 < tiny.query_dims < tiny.passage_dims < 300
    assert 0 < tiny.flops < tiny.query_dims
    assert fused.measures["ndcg@10"] > min(bm25.measures["ndcg@10"], tiny.measures["ndcg@10"])
    assert math.isclose(tiny.measures["map"], sum(tiny.per_query["map"].values()) / report.queries)


def test_a_name_may_say_how_many_terms_are_kept(tmp_path):
    pytest.importorskip("sentence_transformers")
    names = ["tiny", "tiny@2", "tiny@1/2"]
    report = evaluate(systems(names, SMALL, tmp_path), SMALL)
    whole, passages, both = report.systems
    assert [system.name for system in report.systems] == names
    assert passages.query_dims == whole.query_dims > 1
    assert (passages.passage_dims, both.query_dims, both.passage_dims) == (2, 1, 2)
    assert both.measures["ndcg@10"] == 1.0  # the heaviest term of "rent" is rent
    with pytest.raises(InputError, match="at least 1"):
        systems(["tiny@0"], SMALL, tmp_path)
