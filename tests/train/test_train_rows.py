"""Training rows and the dev set."""

from __future__ import annotations

import pytest
from train_examples import example, snapshot

from distiller.schema.dataset import Example, LabelledPassage, UnlabelledPassage
from distiller.schema.errors import InputError
from distiller.train.rows import Weights, dev_set, training_rows


def labelled(passage_id: str, text: str, grade: int, title: str = "") -> LabelledPassage:
    return LabelledPassage(passage_id=passage_id, text=text, grade=grade, title=title)


def asked(number: int, positives: list[str], negatives: list[str], part: str = "train") -> Example:
    return Example.model_validate(
        {
            "query_id": f"q{number}",
            "query": f"query {number}",
            "positives": [labelled(f"{number}+{text}", text, 3) for text in positives],
            "negatives": [labelled(f"{number}-{text}", text, 0) for text in negatives],
            "split": part,
        }
    )


def test_every_positive_makes_a_row_with_the_first_negatives() -> None:
    examples = [asked(1, ["a", "b"], ["x", "y", "z"]), asked(2, ["c"], ["u", "v"])]
    rows = training_rows(examples, 2, seed=1)
    assert [(row.query, row.positive, row.negatives) for row in rows] == [
        ("query 1", "a", ("x", "y")),
        ("query 1", "b", ("x", "y")),
        ("query 2", "c", ("u", "v")),
    ]


def test_missing_negatives_are_train_passages_nobody_judged_for_the_query() -> None:
    examples = [
        asked(1, ["a"], ["x"]),
        asked(2, ["c"], ["x", "u"]),
        asked(3, ["secret"], ["held out"], "test"),
    ]
    first, second = training_rows(examples, 3, seed=1)
    assert first.negatives[0] == "x"
    assert set(first.negatives[1:]) == {"c", "u"}
    assert second.negatives == ("x", "u", "a")
    assert training_rows(examples, 3, seed=1) == [first, second]


def test_rows_are_as_wide_as_the_smallest_corpus_allows() -> None:
    rows = training_rows([asked(1, ["a"], []), asked(2, ["c"], [])], 5, seed=1)
    assert [row.negatives for row in rows] == [("c",), ("a",)]


def test_a_passage_that_is_both_is_no_negative() -> None:
    rows = training_rows([asked(1, ["a"], ["a", "x"]), asked(2, ["c"], ["u"])], 1, seed=1)
    assert [row.negatives for row in rows] == [("x",), ("u",)]


def test_an_examples_weight_is_that_of_its_rows() -> None:
    one, two = asked(1, ["a", "b"], ["c"]), asked(2, ["d"], ["e"])
    one.weight = 0.25
    rows = training_rows([one, two], 1, seed=13)
    assert [(row.positive, row.weight) for row in rows] == [("a", 0.25), ("b", 0.25), ("d", 1.0)]
    one.positives[0].decided_by = "reviewer"
    expert = training_rows([one, two], 1, seed=13, weights=Weights(expert=2.0))
    assert [row.weight for row in expert] == [0.5, 0.25, 1.0]


def test_titles_are_read_before_the_text() -> None:
    one = asked(1, ["a"], [])
    one.positives = [labelled("p", "text", 3, title="Title")]
    assert training_rows([one, asked(2, ["c"], [])], 0, seed=1)[0].positive == "Title text"


@pytest.mark.parametrize(
    "examples",
    [[], [asked(1, ["a"], ["b"])], [asked(1, ["a"], []), asked(2, [], ["b"])]],
    ids=["none", "one", "one with a positive"],
)
def test_too_little_to_contrast_is_said(examples: list[Example]) -> None:
    with pytest.raises(InputError, match="at least 2 train queries"):
        training_rows(examples, 1, seed=1)


def test_dev_queries_are_ranked_against_the_passages_of_every_split() -> None:
    examples = [
        asked(1, ["a"], ["x"]),
        asked(2, ["b"], ["y"], "val"),
        asked(3, ["c"], ["z"], "test"),
    ]
    dev = dev_set(snapshot(examples))
    assert sorted(dev.corpus.values()) == ["a", "b", "c", "x", "y", "z"]
    assert dev.queries == {"q2": "query 2"}
    assert dev.qrels == {"q2": {"2+b": 3, "2-y": 0}}


def test_equal_texts_are_one_passage_with_the_best_grade() -> None:
    examples = [asked(1, ["a"], ["same"]), asked(2, ["same"], ["same"], "val")]
    dev = dev_set(snapshot(examples))
    assert dev.corpus == {"1+a": "a", "1-same": "same"}
    assert dev.qrels == {"q2": {"1-same": 3}}


def test_without_a_dev_split_there_are_texts_but_no_qrels() -> None:
    dev = dev_set(snapshot([example(number, "train") for number in range(30)]))
    assert dev.qrels == {}
    assert len(dev.queries) == 30
    assert len(dev.corpus) == 60


def test_the_order_of_the_examples_does_not_count() -> None:
    examples = [asked(1, ["a"], []), asked(2, ["c"], ["u"]), asked(3, ["d"], ["v", "w"])]
    assert training_rows(examples[::-1], 2, seed=1) == training_rows(examples, 2, seed=1)


def test_passages_of_two_files_with_the_same_numbers_stay_apart() -> None:
    one, two = asked(1, [], []), asked(2, [], [], "val")
    one.positives, two.positives = [labelled("1", "a", 3)], [labelled("1", "b", 3)]
    dev = dev_set(snapshot([one, two]))
    assert dev.corpus == {"1": "a", "1#1": "b"}
    assert dev.qrels == {"q2": {"1#1": 3}}


def test_a_row_weighs_by_its_positives_grade_and_who_gave_it() -> None:
    one, two = asked(1, ["a", "b"], ["x"]), asked(2, ["c"], ["u"])
    one.positives[0].decided_by = "reviewer"
    one.positives[1].grade = 2
    two.positives[0].grade = 2
    two.positives[0].decided_by = "reviewer"
    rows = training_rows([one, two], 1, seed=1, weights=Weights(expert=2.0, partial=0.25))
    assert [row.weight for row in rows] == [2.0, 0.25, 0.5]
    assert [row.weight for row in training_rows([one, two], 1, seed=1)] == [1.0, 1.0, 1.0]


def test_teacher_scores_stand_beside_their_passages() -> None:
    one, two = asked(1, ["a"], ["x", "y"]), asked(2, ["c"], ["u"])
    one.positives[0].score = 0.9
    one.negatives[1].score = 0.2
    first, second = training_rows([one, two], 2, seed=1)
    assert first.scores == (0.9, None, 0.2)
    assert second.scores == ()


def test_dev_queries_are_ranked_among_the_background_and_nothing_is_learned_from_it() -> None:
    one = asked(1, ["a"], ["x"])
    held = asked(2, ["secret"], ["held out"], "val")
    more = [asked(3, ["c"], ["y"]), held]
    background = [
        UnlabelledPassage(passage_id="b1", text="other", title="Title"),
        UnlabelledPassage(passage_id="b2", text="secret"),
        UnlabelledPassage(passage_id="2+secret", text="of the same identifier"),
    ]
    whole = snapshot([one, *more], background=background)
    plain = dev_set(snapshot([one, *more]))
    dev = dev_set(whole)
    assert (dev.queries, dev.qrels) == (plain.queries, plain.qrels)
    added = {id_: text for id_, text in dev.corpus.items() if id_ not in plain.corpus}
    assert list(added.values()) == ["Title other", "of the same identifier"]
    rows = training_rows(whole.examples, 3, seed=1)
    assert not {"other", "Title other"} & {text for row in rows for text in row.negatives}
    assert set(dev_set(snapshot([one], background=background)).corpus.values()) == {"a", "x"}
