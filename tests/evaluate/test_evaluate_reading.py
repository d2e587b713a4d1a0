"""What people read in a report, on rankings small enough to work out by hand."""

from __future__ import annotations

import pytest

from distiller.evaluate import evaluate, held_out, reading
from distiller.evaluate.reading import (
    TOP,
    bars,
    both_ends,
    differences,
    missed,
    quality_and_cost,
    ranking,
    slices,
    verdict_words,
    with_short_names,
)
from distiller.schema.dataset import DatasetSnapshot, Example, LabelledPassage
from distiller.schema.retrieval import (
    Collection,
    Comparison,
    EvaluationReport,
    Interval,
    Run,
)


class Fixed:
    """Ranks as it was told."""

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self._run = run

    def retrieve(self, queries, k):
        return {id_: self._run.get(id_, {}) for id_ in queries}


CORPUS = {f"p{number:02}": f"passage {number}" for number in range(20)} | {"long": "x" * 5000}
COLLECTION = Collection(
    name="c",
    corpus=CORPUS,
    queries={"q1": "one", "q2": "two", "q3": "three"},
    qrels={"q1": {"p00": 1, "p01": 0}, "q2": {"p02": 1}, "q3": {"p15": 3, "p16": 1, "p03": 0}},
    slices={"q1": {"type": "a"}, "q2": {"type": "a"}, "q3": {"type": "b", "complexity": "simple"}},
)
ALL = {f"p{number:02}": 20.0 - number for number in range(20)}
FIRST = Fixed("first", {"q1": {"p00": 2.0, "long": 1.0}, "q2": {"p05": 1.0}, "q3": ALL})
SECOND = Fixed("second", {"q1": {"p01": 2.0}, "q2": {"p02": 9.0}, "q3": {}})


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    return evaluate([FIRST, SECOND], COLLECTION)


def comparison(verdict: str, value: float, low: float, high: float) -> Comparison:
    return Comparison(
        baseline="bm25",
        other="tuned",
        measure="ndcg@10",
        difference=Interval(value=value, low=low, high=high),
        p_value=0.01,
        wins=70,
        losses=30,
        ties=20,
        verdict=verdict,
    )


@pytest.mark.parametrize(
    ("verdict", "numbers", "sentence"),
    [
        ("better", (0.021, 0.004, 0.038), "better by 2.1 points, interval 0.4 to 3.8, on 120 queries."),
        ("worse", (-0.021, -0.038, -0.004), "worse by 2.1 points, interval 0.4 to 3.8, on 120 queries."),
        (
            "no difference shown",
            (0.01, -0.02, 0.04),
            "no difference shown (+1.0 points, interval -2.0 to +4.0, on 120 queries).",
        ),
        (
            "inconclusive",
            (0.01, -0.02, 0.04),
            "too few queries to tell (+1.0 points, interval -2.0 to +4.0, on 120 queries; "
            "at least 50 are needed).",
        ),
    ],
)  # fmt: skip
def test_a_verdict_is_a_sentence(verdict, numbers, sentence):
    assert verdict_words(comparison(verdict, *numbers)) == f"tuned against bm25: {sentence}"


def test_wins_come_first_and_losses_last(report):
    found = differences(report, "first", "second")
    # q1: from the best ranking to nothing; q2: the reverse; q3: neither has one among its first.
    assert [(d.query_id, d.query, d.value) for d in found] == [
        ("q2", "two", 1.0),
        ("q3", "three", 0.0),
        ("q1", "one", -1.0),
    ]
    assert [d.value for d in differences(report, "second", "first")] == [1.0, 0.0, -1.0]
    assert both_ends(found, 2) == [found[0], found[2]]
    assert both_ends(found, 3) == found


def test_a_ranking_says_grades_and_what_nobody_judged(report):
    [best, second] = ranking(report, "first", "q1")
    assert (best.place, best.passage_id, best.text, best.grade) == (1, "p00", "passage 0", 1)
    assert (second.passage_id, second.text, second.grade) == ("long", "x" * reading.TEXT, None)
    [wrong] = ranking(report, "second", "q1")
    assert wrong.grade == 0
    assert len(ranking(report, "first", "q3")) == TOP
    assert ranking(report, "second", "q3") == []


def test_relevant_passages_that_both_miss_are_kept_best_first(report):
    assert missed(report, ["first", "second"], "q3") == [("p15", 3), ("p16", 1)]
    assert missed(report, ["second"], "q1") == [("p00", 1)]
    assert missed(report, ["first", "second"], "q1") == []
    assert report.passages_shown["p15"] == "passage 15"
    assert "p19" not in report.passages_shown


def test_of_very_many_queries_all_count_and_the_most_telling_show_rankings(monkeypatch):
    monkeypatch.setattr(reading, "MOST_RANKINGS", 2)
    found = evaluate([FIRST, SECOND], COLLECTION)
    assert len(differences(found, "first", "second")) == 3
    assert slices(found, "type")["b"]["first"] == (0.0, 1)
    assert ranking(found, "first", "q3") is None
    assert ranking(found, "first", "q2") is not None


def test_slices_average_the_queries_of_a_fact(report):
    table = slices(report, "type")
    assert table == {
        "a": {"first": (1 / 2, 2), "second": (1 / 2, 2)},
        "b": {"first": (0.0, 1), "second": (0.0, 1)},
    }
    assert list(slices(report, "complexity")) == ["simple"]
    assert slices(report, "answer_type") == {}


def test_charts_leave_out_what_is_undefined(report):
    assert [name for name, _, _ in bars(report)] == ["first", "second"]
    assert quality_and_cost(report) == []
    costly = report.model_copy(
        update={"systems": [report.systems[0].model_copy(update={"flops": 1.5})]}
    )
    [point] = quality_and_cost(costly)
    assert (point.name, point.quality, point.flops) == ("first", pytest.approx(1 / 3), 1.5)


def test_paths_are_short_unless_two_would_be_the_same(report):
    def named(*names: str) -> EvaluationReport:
        systems = [
            system.model_copy(update={"name": name})
            for system, name in zip(report.systems, names, strict=True)
        ]
        return report.model_copy(update={"systems": systems, "comparisons": []})

    short = with_short_names(named("/a/b/model", "bm25"))
    assert [system.name for system in short.systems] == ["model", "bm25"]
    same = named("/a/b/model", "/c/d/model")
    assert with_short_names(same) == same


@pytest.mark.parametrize(("sources", "notes"), [(["import"], 0), (["import", "model"], 1)])
def test_a_held_out_split_says_who_wrote_it(sources, notes):
    example = Example(
        query_id="q1",
        query="one",
        split="test",
        positives=[LabelledPassage(passage_id="p00", text="passage", grade=3)],
    )
    snapshot = DatasetSnapshot(
        id="s",
        project_id=None,
        content_hash="h",
        examples=[example],
        seed=1,
        lineage={"sources": sources},
    )
    collection = held_out(snapshot)
    assert len(collection.notes) == notes
    found = evaluate([Fixed("first", {"q1": {"p00": 1.0}})], collection)
    assert found.held_out
    assert sum("a language model wrote itself" in note for note in found.notes) == notes


def test_a_difference_that_rounds_to_nothing_has_no_minus():
    said = verdict_words(comparison("no difference shown", -0.0001, -0.02, -0.0001))
    assert "(+0.0 points, interval -2.0 to +0.0, " in said
