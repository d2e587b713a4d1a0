"""What a collection shares with the training data is counted and said."""

from __future__ import annotations

from distiller.evaluate import contamination
from distiller.schema.dataset import Example, LabelledPassage
from distiller.schema.retrieval import Collection

SEEN = "The landlord returns the deposit within thirty days after the keys were handed over."
OTHER = "The roof is mended by the owner within a week of the day on which it was reported."
THIRD = "A tenant who is late pays interest from the third day on, and no other charge."


def passage(id_: str, text: str, grade: int, title: str = "") -> LabelledPassage:
    return LabelledPassage(passage_id=id_, text=text, grade=grade, title=title)


def example(id_: str, query: str, positive: LabelledPassage, split: str = "train") -> Example:
    return Example(
        query_id=id_,
        query=query,
        positives=[positive],
        negatives=[passage(f"n{id_}", THIRD, 0)],
        split=split,
    )


EXAMPLES = [
    example("a", "when is the deposit returned", passage("p", SEEN, 3)),
    example("b", "who mends the roof", passage("r", OTHER, 3, title="Roofs")),
    example("c", "who pays the interest", passage("q", "Nobody knows yet.", 3), split="test"),
]


def collection(queries: dict[str, str], corpus: dict[str, str], **grades: int) -> Collection:
    qrels = {id_: dict(grades) for id_ in queries}
    return Collection(name="c", corpus=corpus, queries=queries, qrels=qrels)


def test_near_duplicates_of_queries_and_passages_are_found() -> None:
    found = contamination(
        EXAMPLES,
        collection(
            {"t1": "When is the deposit returned?", "t2": "who pays the interest"},
            {"d1": SEEN.replace("handed over", "handed back"), "d2": f"Roofs {OTHER}", "d3": "x"},
            d1=1,
        ),
    )
    assert found.queries == {"a": "t1"}
    assert found.passages == {"p": "d1", "r": "d2"}
    assert (found.answers, found.trained, found.texts) == (1, 2, 4)
    assert found.notes[0].startswith("1 of 2 training queries are asked in this collection too")
    assert found.notes[1].startswith("2 of 4 training passages stand in this collection too, 1 of")


def test_a_title_makes_no_difference_on_either_side() -> None:
    found = contamination(EXAMPLES, collection({"t": "x"}, {"d": OTHER}))
    assert found.passages == {"r": "d"}


def test_where_nothing_is_shared_that_is_said_too() -> None:
    found = contamination(EXAMPLES, collection({"t": "how high is the fee"}, {"d": "Other words."}))
    assert found.notes == ["no query or passage of the training data stands in this collection"]
    assert contamination([], collection({"t": "x"}, {"d": "y"})).trained == 0
