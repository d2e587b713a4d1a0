"""The report: what it holds, what it says, and that it cannot be fooled."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console
from scipy.sparse import csr_matrix

from distiller.evaluate import evaluate, in_words, to_json
from distiller.evaluate.table import table
from distiller.retrieve import BM25, Fusion, SparseIndex
from distiller.schema.errors import InputError
from distiller.schema.retrieval import Collection, Comparison, EvaluationReport, Interval

TOPICS = [
    "rent",
    "deposit",
    "notice",
    "heating",
    "garden",
    "keys",
    "noise",
    "pets",
    "mould",
    "repairs",
]


def collection(queries=60, passages=200):
    rng = random.Random(11)
    corpus = {f"p{i:03d}": " ".join(rng.choices(TOPICS, k=6)) for i in range(passages)}
    asked = {f"q{i:02d}": " ".join(rng.sample(TOPICS, 2)) for i in range(queries)}
    qrels = {
        query_id: {
            passage_id: sum(word in text.split() for word in query.split())
            for passage_id, text in rng.sample(sorted(corpus.items()), 40)
        }
        for query_id, query in asked.items()
    }
    return Collection(name="made up", corpus=corpus, queries=asked, qrels=qrels)


COLLECTION = collection()


class WordEncoder:
    """One dimension per topic; `weight` decides what each word counts."""

    def __init__(self, name, weight):
        self.name, self.weight = name, weight

    def encode_queries(self, texts):
        return csr_matrix(
            np.float32(
                [[self.weight(t) if t in text.split() else 0 for t in TOPICS] for text in texts]
            )
        )

    encode_passages = encode_queries


class Shuffled:
    """Ranks the whole corpus at random."""

    name = "chance"

    def __init__(self, corpus, seed):
        self.corpus, self.rng = sorted(corpus), random.Random(seed)

    def retrieve(self, queries, k):
        return {q: {p: self.rng.random() for p in self.corpus} for q in queries}


@pytest.fixture(scope="module")
def report():
    return evaluate(
        [
            BM25(COLLECTION.corpus),
            SparseIndex(WordEncoder("words", lambda _: 1.0), COLLECTION.corpus),
            SparseIndex(WordEncoder("zeros", lambda _: 0.0), COLLECTION.corpus),
        ],
        COLLECTION,
    )


def test_measures_every_system(report):
    assert (report.queries, report.passages) == (60, 200)
    bm25, words, _ = report.systems
    assert bm25.flops is None
    assert bm25.query_dims is None
    assert words.query_dims == 2
    for result in (bm25, words):
        for name, by_query in result.per_query.items():
            assert result.measures[name] == pytest.approx(np.mean(list(by_query.values())))
            assert (
                result.intervals[name].low <= result.measures[name] <= result.intervals[name].high
            )


def test_a_model_of_all_zeros_earns_nothing(report):
    zeros = report.systems[2]
    assert {**zeros.measures, "flops": zeros.flops} == {
        "ndcg@10": 0,
        "recall@100": 0,
        "mrr@10": 0,
        "map": 0,
        "judged@10": None,
        "flops": 0,
    }
    against_bm25 = next(c for c in report.comparisons if (c.baseline, c.other) == ("bm25", "zeros"))
    assert against_bm25.verdict == "worse"


def test_a_model_that_scores_all_alike_is_no_better_than_chance():
    class Constant(WordEncoder):
        def encode_passages(self, texts):
            return csr_matrix(np.ones((len(texts), len(TOPICS)), dtype=np.float32))

    constant = SparseIndex(Constant("constant", lambda _: 1.0), COLLECTION.corpus)
    chance = [Shuffled(COLLECTION.corpus, seed) for seed in range(20)]
    for i, system in enumerate(chance):
        system.name = f"chance {i}"
    found = evaluate([constant, *chance], COLLECTION, baseline="constant", compared=())
    value, *expected = [result.measures["ndcg@10"] for result in found.systems]
    assert min(expected) - 0.03 <= value <= max(expected) + 0.03


def test_the_order_of_corpus_queries_and_qrels_changes_nothing(report):
    def shuffled(mapping):
        pairs = list(mapping.items())
        random.Random(1).shuffle(pairs)
        return dict(pairs)

    other = Collection(
        name=COLLECTION.name,
        corpus=shuffled(COLLECTION.corpus),
        queries=shuffled(COLLECTION.queries),
        qrels={q: shuffled(grades) for q, grades in shuffled(COLLECTION.qrels).items()},
    )
    systems = [
        BM25(other.corpus),
        SparseIndex(WordEncoder("words", lambda _: 1.0), other.corpus),
        SparseIndex(WordEncoder("zeros", lambda _: 0.0), other.corpus),
    ]
    again = evaluate(systems, other)
    for before, after in zip(report.systems, again.systems, strict=True):
        assert after.per_query == before.per_query
        assert after.intervals == before.intervals
        assert after.measures == pytest.approx(before.measures)
    assert [c.p_value for c in again.comparisons] == [c.p_value for c in report.comparisons]


def test_compares_every_pair_or_all_with_the_baseline(report):
    pairs = [(c.baseline, c.other) for c in report.comparisons]
    assert pairs == [("bm25", "words"), ("bm25", "zeros"), ("words", "zeros")]
    systems = [BM25(COLLECTION.corpus, name=name) for name in "abc"]
    found = evaluate(systems, COLLECTION, baseline="b", compared=("ndcg@10", "map"))
    assert [(c.baseline, c.other, c.measure) for c in found.comparisons] == [
        ("b", "a", "ndcg@10"),
        ("b", "a", "map"),
        ("b", "c", "ndcg@10"),
        ("b", "c", "map"),
    ]
    for same in found.comparisons:
        assert (same.ties, same.p_value, same.verdict) == (60, 1, "no difference shown")


def test_few_queries_and_queries_without_relevant_passages_are_noted():
    few = collection(queries=3)
    few.qrels["q00"] = dict.fromkeys(few.qrels["q00"], 0)
    found = evaluate([BM25(few.corpus), BM25(few.corpus, name="again")], few)
    assert found.comparisons[0].verdict == "inconclusive"
    assert any("1 of 3 queries have no relevant passage" in note for note in found.notes)
    assert any("only 3 queries" in note for note in found.notes)
    assert len(found.systems[0].per_query["ndcg@10"]) == 2
    assert len(found.systems[0].per_query["judged@10"]) == 3


def test_a_single_query_has_no_interval():
    one = collection(queries=1)
    found = evaluate([BM25(one.corpus)], one)
    assert found.systems[0].intervals == {}
    assert found.systems[0].measures["ndcg@10"] is not None


def test_json_keeps_the_contract(report):
    out = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert list(out["models"]) == ["bm25", "words", "zeros"]
    assert set(out["models"]["bm25"]) >= {
        *("ndcg@10", "recall@100", "mrr@10", "map", "judged@10", "flops", "query_dims"),
        *("passage_dims", "queries", "passages"),
    }
    assert out["models"]["bm25"]["flops"] is None
    assert out["models"]["words"]["query_dims"] == 2
    assert set(out["comparisons"][0]) >= {"baseline", "other", "difference", "p_value", "verdict"}
    assert EvaluationReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("better", "new against old: better by 2.1 points of ndcg@10, "),
        ("inconclusive", "new against old: inconclusive, under 50 queries: +2.1 points of ndcg@10, "),
        ("no difference shown", "new against old: no difference shown: +2.1 points of ndcg@10, "),
    ],
)  # fmt: skip
def test_says_it_in_words(verdict, sentence):
    comparison = Comparison(
        baseline="old",
        other="new",
        measure="ndcg@10",
        difference=Interval(value=0.021, low=0.004, high=0.038),
        p_value=0.0123,
        wins=70,
        losses=30,
        ties=20,
        verdict=verdict,
    )
    assert in_words(comparison) == (
        f"{sentence}95 % interval +0.4 to +3.8, p = 0.012, on 120 queries "
        "(70 won, 30 lost, 20 tied)."
    )


def test_the_table_fits_eighty_columns_and_shows_undefined_as_a_dash(report):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(report))
    text = console.export_text()
    bm25 = next(line for line in text.splitlines() if line.strip().startswith("bm25"))
    assert bm25.split() == [
        "bm25",
        *(f"{report.systems[0].measures[m]:.3f}" for m in
          ("ndcg@10", "recall@100", "mrr@10", "map", "judged@10")),
        *("–", "–", "–"),
    ]  # fmt: skip
    assert "zeros against bm25: worse by" in " ".join(text.split())


def test_a_fusion_is_measured_like_any_system():
    fusion = Fusion([BM25(COLLECTION.corpus, name="a"), BM25(COLLECTION.corpus, name="b")])
    found = evaluate([BM25(COLLECTION.corpus), fusion], COLLECTION)
    assert found.systems[1].name == "a+b"
    assert found.comparisons[0].ties == 60


def test_refuses_what_cannot_be_evaluated():
    bm25 = BM25(COLLECTION.corpus)
    with pytest.raises(InputError, match="no system"):
        evaluate([], COLLECTION)
    with pytest.raises(InputError, match="same name"):
        evaluate([bm25, bm25], COLLECTION)
    with pytest.raises(InputError, match="baseline nobody"):
        evaluate([bm25], COLLECTION, baseline="nobody")
    with pytest.raises(InputError, match="unknown measure accuracy"):
        evaluate([bm25], COLLECTION, compared=["accuracy"])
    with pytest.raises(InputError, match="no judged query"):
        evaluate([bm25], Collection(name="bare", corpus={"p": "x"}, queries={}, qrels={}))


def test_importing_loads_no_torch():
    code = (
        "import sys, distiller.evaluate, distiller.evaluate.table; "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
