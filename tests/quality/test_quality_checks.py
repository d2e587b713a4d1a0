"""Each check finds exactly what it should."""

from __future__ import annotations

from math import log

import pytest
from quality_evidence import DOMAIN, evidence

from distiller.quality import CHECKS, MEASURES, measures, run
from distiller.quality.copying import copies
from distiller.quality.of_sets import distinct, evenness, length_drift
from distiller.schema.knowledge import Concept
from distiller.schema.retrieval import Collection

ANSWER = (
    "Two months' rent is the ceiling of a deposit. It covers everything the landlord takes as "
    "security, and anything taken above it can be reclaimed at once."
)
OTHER = (
    "A holding fee may not exceed one week's rent. It takes the dwelling off the market for up to "
    "seven days while references are checked."
)


def found(check: str, *args, **more) -> list[tuple[str, str, str]]:
    """(item, query, other) of each finding of one check."""
    return [(f.item_id, f.query_id, f.other) for f in run(evidence(*args, **more), [check])]


def test_the_registry_speaks_to_people() -> None:
    for name, check in CHECKS.items():
        assert name == check.name
        assert check.title
        assert check.why.endswith(".")
        assert run(evidence({}), [name]) == []
        assert check.size(evidence({})) == 0


def test_a_query_that_asks_the_same_names_the_older_one() -> None:
    queries = {
        "z": "how high may the deposit be",
        "a": "How high may a deposit be?",
        "b": "how high may the deposits be",
        "c": "when is the deposit returned",
    }
    assert found("distinct_queries", queries) == [("a", "a", "z"), ("b", "b", "z")]


def test_a_passage_that_says_the_same_names_the_older_one() -> None:
    passages = {"z": ANSWER, "a": ANSWER.replace("at once", "any time"), "b": OTHER}
    assert found("distinct_passages", {}, passages) == [("a", "", "z")]


@pytest.mark.parametrize(
    ("query", "passage", "expected"),
    [
        (
            "how much notice must a landlord give",
            "How much notice must a landlord give? A lot.",
            True,
        ),
        ("how much notice must a landlord give", "A landlord gives three months of notice.", False),
        # Four of five runs are there, 4/5 = 0.8.
        (
            "one two three four five six seven eight",
            "one two three four five six seven x eight",
            True,
        ),
        (
            "one two three four five six seven eight",
            "one two three four five six x seven eight",
            False,
        ),
        ("notice period", "The notice period is three months.", False),
    ],
)
def test_a_passage_that_repeats_its_query_is_noticed(
    query: str, passage: str, expected: bool
) -> None:
    assert copies(query, passage) is expected
    failing = found("own_words", {"q": query}, {"p": passage}, [("q", "p", 3)])
    assert failing == ([("p", "q", "")] if expected else [])


def test_texts_in_another_language_are_noticed_in_parts_too() -> None:
    german = "Der Vermieter muss die Kaution innerhalb von dreißig Tagen zurückzahlen."
    queries = {"en": "when is the deposit returned", "de": "wann kommt die Kaution zurück"}
    assert found("query_language", queries) == [("de", "de", "")]
    [finding] = run(
        evidence({}, {"mixed": f"{ANSWER} {german}", "good": ANSWER}), ["passage_language"]
    )
    assert finding.item_id == "mixed"
    assert finding.score == pytest.approx(len(german) / len(f"{ANSWER} {german}"))
    assert "a part of it is not in English: “Der Vermieter" in finding.reason


def test_lengths_are_in_words_and_where_there_are_none_in_characters() -> None:
    assert found("query_length", {"short": "one", "fits": "one two", "long": "x " * 65}) == [
        ("short", "short", ""),
        ("long", "long", ""),
    ]
    chinese = DOMAIN.model_copy(update={"language": "zh"})
    texts = {"short": "租赁合同", "fits": "租" * 20}
    assert found("passage_length", {}, texts, domain=chinese) == [("short", "", "")]


def test_remains_of_a_prompt_are_found_in_written_texts_only() -> None:
    assert found("query_form", {"q": "Query: who pays", "r": "who pays"}) == [("q", "q", "")]
    broken = {"p": ANSWER[:-20], "good": ANSWER}
    assert found("passage_form", {}, broken) == [("p", "", "")]
    data = evidence({}, broken)
    data.passages["p"].provenance.source = "corpus"
    assert run(data, ["passage_form"]) == []


def test_the_judges_word_against_the_writers() -> None:
    grades = [("q", "yes", 3), ("q", "no", 0), ("q", "fine", 1)]
    data = [("q", "yes", 1, None), ("q", "no", 2, None), ("q", "fine", 1, None)]
    texts = {"yes": ANSWER, "no": OTHER, "fine": "Something else."}
    args = ({"q": "how high may it be"}, texts, grades, data)
    assert found("positives_confirmed", *args) == [("yes", "q", "")]
    assert found("negatives_do_not_answer", *args) == [("no", "q", "")]
    assert found("has_positive", *args) == []  # doubted: on the topic, and no answer
    unrelated = [("q", "yes", 0, None), *data[1:]]
    assert found("has_positive", *args[:3], unrelated) == [("q", "q", "")]
    assert found("enough_negatives", *args) == []
    assert found("judged", *args) == []
    assert len(found("judged", *args[:3])) == 3
    # Where a reviewer has spoken nobody is contradicted any more.
    reviewed = [("q", "yes", 3), ("q", "no", 0)]
    assert found("positives_confirmed", *args, reviewed) == []
    assert found("has_positive", *args, reviewed) == []


def test_a_negative_that_answers_a_twin_is_found() -> None:
    queries = {
        "q": "how high may the deposit be",
        "twin": "how high may the deposits be",
        "far": "when is a holding fee returned",
    }
    texts = {"yes": ANSWER, "again": ANSWER.replace("at once", "any time"), "no": OTHER}
    grades = [("q", "yes", 3), ("q", "no", 0), ("twin", "again", 0), ("far", "again", 0)]
    assert found("no_twins_answer", queries, texts, grades) == [("again", "twin", "yes")]
    own = [("q", "yes", 3), ("q", "again", 0)]
    assert found("no_twins_answer", queries, texts, own) == [("again", "q", "yes")]
    reviewed = [("q", "again", 0)]
    assert found("no_twins_answer", queries, texts, own, reviewed=reviewed) == []


def test_a_negative_far_above_the_answer_is_suspicious_unless_the_judge_is_sure() -> None:
    texts = {"yes": ANSWER, "no": OTHER, "low": "Something else."}
    grades = [("q", "yes", 3), ("q", "no", 0), ("q", "low", 0)]
    args = ({"q": "how high may it be"}, texts, grades)
    run_ = {"q": {"no": 3.1, "yes": 2.0, "low": 2.9}}
    check = "negatives_rank_below"
    assert found(check, *args, rankings={"a": run_}) == [("no", "q", "")]
    other = {"q": {"no": 1.0, "yes": 2.0}}
    assert found(check, *args, rankings={"a": run_, "b": other}) == []
    unsure = [("q", "yes", 3, 0.9), ("q", "no", 1, 0.89)]
    assert found(check, *args, unsure, rankings={"a": run_}) == [("no", "q", "")]
    sure = [("q", "yes", 3, 0.9), ("q", "no", 1, 0.1)]
    assert found(check, *args, sure, rankings={"a": run_}) == []
    assert found(check, *args) == []


def test_the_round_trip_says_at_which_place_the_answer_is_found() -> None:
    texts = {"yes": ANSWER, "no": OTHER}
    grades = [("q", "yes", 3), ("q", "no", 0), ("r", "no", 3)]
    far = {f"p{n}": 100.0 - n for n in range(40)}
    rankings = {"word search": {"q": far | {"yes": 1.0}, "r": {"no": 1.0}}}
    data = evidence(
        {"q": "how high", "r": "how long"}, texts, grades, rankings=rankings, corpus_size=50
    )
    [finding] = run(data, ["found_again"])
    assert (finding.item_id, finding.score) == ("q", 41.0)
    assert "only at place 41, of 50 passages" in finding.reason
    lost = evidence(
        {"q": "how high"}, texts, grades[:2], rankings={"a": {"q": far}}, corpus_size=50
    )
    [finding] = run(lost, ["found_again"])
    assert finding.score is None
    both = {**rankings, "b": {"q": {"yes": 1.0}}}
    assert found("found_again", {"q": "how"}, texts, grades[:2], rankings=both) == []


def test_concepts_that_nobody_asks_about_are_named() -> None:
    concepts = [
        Concept(id="c", term="Deposit", definition="d"),
        Concept(id="d", term="notice", definition="d"),
    ]
    data = evidence({"q": "how high"}, concepts=concepts)
    data.queries[0].key_concepts = ["deposit"]
    [finding] = run(data, ["covered_concepts"])
    assert (finding.item_kind, finding.item_id) == ("concept", "d")
    assert measures(data)["concepts_covered"] == 1 / 2


def test_queries_much_longer_than_the_experts_are_noticed() -> None:
    domain = DOMAIN.model_copy(update={"example_queries": ["deposit cap", "a b", "c d e"]})
    long = {"q": "one two three four", "r": "one two three four five"}
    [finding] = run(evidence(long, domain=domain), ["usual_length"])
    assert finding.score == 4.5 / 2
    assert finding.reason == "the queries are 2.2 times longer than the expert's examples"
    assert found("usual_length", {"q": "one two three"}, domain=domain) == []
    assert length_drift(["one two"], ["one"] * 2, "en") is None


def test_texts_of_a_test_collection_are_noticed() -> None:
    tests = {
        "mine": Collection(
            name="mine",
            corpus={"d1": ANSWER, "d2": "Something quite different stands here."},
            queries={"t1": "How high may the deposit be?"},
            qrels={"t1": {"d1": 1}},
        )
    }
    queries = {"q": "how high may the deposit be", "r": "who mends the heating"}
    texts = {"p": ANSWER, "n": OTHER}
    assert found("unseen", queries, texts, tests=tests) == [("q", "q", "t1"), ("p", "", "d1")]


def test_variety_by_hand() -> None:
    assert distinct(["a b a", "a b"], 1) == 2 / 5
    assert distinct(["a b a", "a b"], 2) == 2 / 3  # a b, b a, a b
    assert distinct(["a"], 2) is None
    assert evenness({1: 2, 2: 2}) == pytest.approx(1)
    assert evenness({1: 4, 2: 0}) == 0
    expected = -(3 / 4 * log(3 / 4) + 1 / 4 * log(1 / 4)) / log(3)
    assert evenness({1: 3, 2: 1, 3: 0}) == pytest.approx(expected)
    same = measures(evidence({"a": "rent rises", "b": "rent rises"}))
    assert same["self_similarity"] == 1
    assert measures(evidence({}))["self_similarity"] is None


def test_coverage_of_topics_is_measured_by_the_passages_that_answer():
    told = measures(
        evidence(
            {"a": "who pays", "b": "who mends", "c": "when is it due"},
            {"p": "Rent.", "r": "Roof.", "n": "Fees."},
            [("a", "p", 3), ("b", "p", 2), ("c", "r", 3), ("c", "n", 0)],
            topics={"p": 0, "r": 1, "n": 2, "other": 2},
        )
    )
    assert told["topics_covered"] == 2 / 3, "a negative covers nothing"
    assert told["topic_evenness"] == pytest.approx(
        -(2 / 3 * log(2 / 3) + 1 / 3 * log(1 / 3)) / log(3)
    )
    assert told["distinct_cells"] is None, "no query names a concept"
    data = evidence(
        {"a": "who pays", "b": "who mends"},
        {"p": "Rent.", "r": "Roof."},
        [("a", "p", 3), ("b", "p", 3)],
        concepts=[Concept(id="c", term="Rent", definition="What is paid for a dwelling.")],
        topics={"p": 0, "r": 1},
    )
    for query in data.queries:
        query.key_concepts = ["rent"]
    assert measures(data)["distinct_cells"] == 1 / 2
    assert measures(evidence({"a": "who pays"}))["topics_covered"] is None
    assert set(MEASURES) == set(told)
