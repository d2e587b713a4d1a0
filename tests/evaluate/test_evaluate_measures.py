"""Measures: worked by hand, and against pytrec_eval."""

from __future__ import annotations

import random
from math import log2
from pathlib import Path

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from distiller.evaluate.measures import (
    JUDGED,
    MAP,
    MEASURES,
    MRR,
    NDCG,
    RECALL,
    mean,
    per_query,
    reference,
)

QRELS = {"q": {"a": 3, "b": 1, "c": 0, "d": 2}}
RUN = {"q": {"c": 9.0, "a": 8.0, "x": 7.0, "b": 6.0}}


def test_worked_by_hand():
    values = per_query(RUN, QRELS)
    gained = 0 / log2(2) + 3 / log2(3) + 0 / log2(4) + 1 / log2(5)
    ideal = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert {name: by_query["q"] for name, by_query in values.items()} == {
        "ndcg@10": pytest.approx(gained / ideal, abs=1e-9),
        "recall@100": pytest.approx(2 / 3, abs=1e-9),
        "mrr@10": pytest.approx(1 / 2, abs=1e-9),
        "map": pytest.approx((1 / 2 + 2 / 4) / 3, abs=1e-9),
        "judged@10": pytest.approx(3 / 4, abs=1e-9),
    }


def test_cutoffs():
    run = {"q": {f"x{i:03d}": 1000.0 - i for i in range(100)}}
    run["q"]["a"] = 990.5  # rank 11
    run["q"]["b"] = 1.0  # rank 102
    values = per_query(run, {"q": {"a": 1, "b": 1}})
    assert values[NDCG.name]["q"] == 0
    assert values[MRR.name]["q"] == 0
    assert values[RECALL.name]["q"] == pytest.approx(1 / 2)
    assert values[MAP.name]["q"] == pytest.approx((1 / 11 + 2 / 102) / 2)
    assert values[JUDGED.name]["q"] == 0


ids = st.sampled_from([f"p{i:02d}" for i in range(25)])


@given(
    st.dictionaries(
        st.sampled_from("qrst"),
        st.tuples(
            st.dictionaries(ids, st.integers(0, 3), min_size=1),
            st.dictionaries(ids, st.floats(-5, 50, width=32), min_size=1),
        ),
        min_size=1,
    )
)
def test_agrees_with_pytrec_eval(topics):
    """pytrec_eval 0.5 wraps trec_eval 9; equal to 1e-9 where no scores are tied."""
    qrels = {q: grades for q, (grades, _) in topics.items()}
    run = {
        q: {p: s for i, (p, s) in enumerate(scores.items()) if s not in list(scores.values())[:i]}
        for q, (_, scores) in topics.items()
    }
    # The run cut at 10 gives the reciprocal rank at 10, which trec_eval lacks.
    top = {q: dict(sorted(r.items(), key=lambda ps: -ps[1])[:10]) for q, r in run.items()}
    names = {"ndcg_cut_10": "ndcg@10", "recall_100": "recall@100", "map": "map"}
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.100", "map"})
    reciprocal = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(top)
    values = per_query(run, qrels)
    for query_id, by_measure in expected.evaluate(run).items():
        if any(grade > 0 for grade in qrels[query_id].values()):
            for theirs, ours in names.items():
                assert values[ours][query_id] == pytest.approx(by_measure[theirs], abs=1e-9)
            assert values["mrr@10"][query_id] == pytest.approx(
                reciprocal[query_id]["recip_rank"], abs=1e-9
            )


def test_undefined_is_left_out_never_zero():
    values = per_query({"none": {"a": 1.0}}, {"none": {"a": 0}, "empty": {"a": 2}})
    assert values[NDCG.name] == {"empty": 0.0}
    assert values[JUDGED.name] == {"none": 1.0}
    assert mean({}) is None
    assert mean({"a": 0.0, "b": 0.5}) == 0.25


def test_a_query_that_the_run_lacks_counts_as_missed():
    values = per_query({"q": {"a": 1.0}}, {"q": {"a": 1}, "r": {"a": 1}})
    assert values[NDCG.name] == {"q": 1.0, "r": 0.0}
    assert mean(values[MAP.name]) == 0.5


def test_a_run_without_any_passage_scores_zero_everywhere_it_is_defined():
    values = per_query({"q": {}}, {"q": {"a": 1}})
    assert values == {m.name: {"q": 0.0} if m.needs_relevant else {} for m in MEASURES}


def test_ties_go_to_the_lower_passage_id_not_to_the_relevant_one():
    tied = {"q": {"b": 1.0, "a": 1.0}}
    assert per_query(tied, {"q": {"b": 1}})[MRR.name]["q"] == 1 / 2
    assert per_query(tied, {"q": {"a": 1}})[MRR.name]["q"] == 1


def test_scores_that_single_precision_cannot_tell_apart_keep_their_order():
    run = {"q": {"a": 100.0, "b": 100.0 + 1e-9}}
    assert per_query(run, {"q": {"b": 1}})[MRR.name]["q"] == 1
    assert per_query(run, {"q": {"a": 1}})[MRR.name]["q"] == 1 / 2


def test_negative_grades_are_judged_and_not_relevant():
    values = per_query({"q": {"a": 2.0, "b": 1.0}}, {"q": {"a": -2, "b": 1}})
    assert values[MRR.name]["q"] == 1 / 2
    assert values[NDCG.name]["q"] == pytest.approx((1 / log2(3)) / (1 / log2(2)))
    assert values[JUDGED.name]["q"] == 1


def test_an_order_by_chance_scores_at_chance():
    """A system that scores all alike ranks by id; over random ids that is the random ranking,
    whose expected DCG is the sum of mean gain × discount."""
    grades, corpus = [3, 2, 1], 40
    expected = sum(sum(grades) / corpus / log2(rank + 1) for rank in range(1, 11)) / sum(
        grade / log2(rank + 1) for rank, grade in enumerate(grades, start=1)
    )
    rng, scores = random.Random(3), []
    for _ in range(2000):
        labels = rng.sample(range(1000), corpus)
        run = {"q": {f"{label:04d}": 1.0 for label in labels}}
        qrels = {"q": {f"{labels[i]:04d}": grade for i, grade in enumerate(grades)}}
        scores.append(per_query(run, qrels)[NDCG.name]["q"])
    assert sum(scores) / len(scores) == pytest.approx(expected, abs=0.015)


def test_every_measure_is_documented():
    for measure in MEASURES:
        assert measure.definition.endswith(".")
        assert measure.citation


def test_the_reference_page_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "measures.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "write it anew: python -c 'from distiller.evaluate.measures import reference; "
        'print(reference(), end="")\' > docs/measures.md'
    )
