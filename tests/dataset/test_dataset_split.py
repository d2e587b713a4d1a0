"""No text stands in two splits, whatever the order; fractions hold as far as clusters allow."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distiller.dataset import leaks, split
from distiller.dataset.concept_clusters import concept_clusters, main_cluster
from distiller.quality.duplicates import groups, near_duplicates, shingles
from distiller.quality.texts import similarity
from distiller.schema.base import SourceSpan
from distiller.schema.dataset import Example, LabelledPassage
from distiller.schema.errors import InputError

WORDS = [
    "rent",
    "deposit",
    "lease",
    "notice",
    "repair",
    "heating",
    "tenant",
    "landlord",
    "court",
    "fee",
]


def passage(text: str, grade: int, identifier: str = "") -> LabelledPassage:
    return LabelledPassage(passage_id=identifier or f"id of {text}", text=text, grade=grade)


def example(
    number: int, concepts: list[str], positives: list[str], negatives: list[str] | None = None
) -> Example:
    return Example(
        query_id=f"q{number}",
        query=f"{number} is what {number * 7919} asks about {' '.join(concepts)}",
        key_concepts=concepts,
        positives=[passage(text, 3) for text in positives],
        negatives=[passage(text, 0) for text in negatives or []],
    )


def apart(number: int, concepts: list[str] | None = None) -> Example:
    """An example that shares no text with another."""
    text = " ".join(f"{word}{number}" for word in WORDS)
    return example(
        number, concepts or [f"concept {number}"], [text], [f"not {text} at all {number}"]
    )


@st.composite
def tangled(draw: st.DrawFn) -> list[Example]:
    """Examples that share concepts, passages, and texts that differ by a word."""
    pool = [
        f"{a} {b} {' '.join(WORDS)} {n // 2}" for n, (a, b) in enumerate(itertools.pairwise(WORDS))
    ]
    chosen = st.lists(st.sampled_from(pool), min_size=1, max_size=2, unique=True)
    made = []
    for number in range(draw(st.integers(1, 25))):
        positives = draw(chosen) if draw(st.booleans()) else [f"own text {number} " * 3]
        negatives = [text for text in draw(chosen) if text not in positives]
        concepts = draw(st.lists(st.sampled_from(WORDS), max_size=3))
        made.append(example(number, concepts, positives, negatives))
    return made


@given(made=tangled(), seed=st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_nothing_leaks_and_no_query_or_positive_is_lost(made: list[Example], seed: int) -> None:
    result = split(made, seed=seed)
    assert leaks(result) == []
    assert [one.query_id for one in result] == [one.query_id for one in made]
    assert [one.positives for one in result] == [one.positives for one in made]
    clusters: dict[str, str] = {}
    for one in result:
        assert clusters.setdefault(one.cluster, one.split) == one.split
    splits = {one.split for one in result}
    assert "train" in splits
    assert ("val" in splits) == (len(clusters) >= 2)
    assert ("test" in splits) == (len(clusters) >= 3)


@given(made=tangled(), order=st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_neither_order_nor_identifiers_matter(made: list[Example], order: random.Random) -> None:
    names = {one.query: f"other-{at}" for at, one in enumerate(made)}
    other = [one.model_copy(update={"query_id": names[one.query]}, deep=True) for one in made]
    order.shuffle(other)
    first = {one.query: (one.split, one.cluster, one.negatives) for one in split(made)}
    second = {one.query: (one.split, one.cluster, one.negatives) for one in split(other)}
    assert first == second


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, {"train": 1}),
        (2, {"train": 1, "val": 1}),
        (3, {"train": 1, "val": 1, "test": 1}),
        (20, {"train": 16, "val": 2, "test": 2}),
        (100, {"train": 80, "val": 10, "test": 10}),
        (1000, {"train": 800, "val": 100, "test": 100}),
    ],
)
def test_fractions_hold_where_nothing_is_shared(count: int, expected: dict[str, int]) -> None:
    result = split([apart(number) for number in range(count)])
    assert Counter(one.split for one in result) == expected


def test_fractions_hold_where_concepts_chain_everything_together() -> None:
    chain = [apart(n, [f"concept {n // 5}", f"concept {n // 5 + 1}"]) for n in range(500)]
    counts = Counter(one.split for one in split(chain))
    assert abs(counts["val"] - 50) <= 5
    assert abs(counts["test"] - 50) <= 5


def test_queries_of_one_concept_stay_together() -> None:
    made = [apart(number, [f"concept {number % 30}"]) for number in range(300)]
    by_concept: dict[str, set[str]] = {}
    for one in split(made):
        by_concept.setdefault(one.key_concepts[0], set()).add(one.split)
    assert all(len(splits) == 1 for splits in by_concept.values())


def test_another_seed_is_another_split() -> None:
    made = [apart(number) for number in range(50)]
    tests = [
        {one.query_id for one in split(made, seed=seed) if one.split == "test"} for seed in (1, 2)
    ]
    assert tests[0] != tests[1]


def test_other_fractions_are_respected() -> None:
    made = [apart(number) for number in range(40)]
    counts = Counter(one.split for one in split(made, fractions=(0.5, 0.5, 0)))
    assert counts == {"train": 20, "val": 20}


@pytest.mark.parametrize(
    "fractions", [(0.8, 0.1), (0.5, 0.4, 0.2), (0, 0.5, 0.5), (1.2, -0.1, -0.1)]
)
def test_fractions_that_are_no_shares_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="fractions"):
        split([apart(1)], fractions=fractions)


def test_a_shared_negative_stays_where_it_stands_most_often() -> None:
    hub = "the same paragraph of the statute stands beside every single query here"
    made = [apart(number) for number in range(20)]
    for one in made:
        one.negatives.append(passage(hub, 0, "hub"))
    result = split(made)
    holders = Counter(one.split for one in result if any(p.text == hub for p in one.negatives))
    assert holders == {"train": 16}
    assert sum(len(one.negatives) for one in result) == 20 + 16
    assert [len(one.negatives) for one in made] == [2] * 20


def test_a_negative_that_is_a_positive_elsewhere_stays_there() -> None:
    made = [apart(number) for number in range(20)]
    by_id = {one.query_id: one for one in split(made)}
    held_out = next(one for one in made if by_id[one.query_id].split == "test")
    text = held_out.positives[0].text
    for one in made:
        if one is not held_out:
            one.negatives.append(passage(text, 0, "other name"))
    result = split(made)
    assert leaks(result) == []
    assert not [
        one for one in result if one.split != "test" for p in one.negatives if p.text == text
    ]


def test_leaks_are_found_by_text_identifier_and_likeness() -> None:
    text = " ".join(WORDS * 2)
    nearly = f"{text} indeed"
    train = example(1, [], [text])
    cases = {
        "same text": example(2, [], [text.upper()]),
        "near-duplicate": example(3, [], [nearly]),
        "same identifier": example(4, [], ["something else"]),
    }
    cases["same identifier"].positives[0].passage_id = train.positives[0].passage_id
    for one in cases.values():
        [leak] = leaks([train, one.model_copy(update={"split": "test"})])
        assert (leak.kind, leak.splits) == ("passage", ("train", "test"))
    asked_again = apart(1).model_copy(update={"query_id": "q9", "split": "val"})
    asked_again.positives = []
    asked_again.negatives = []
    assert [leak.kind for leak in leaks([apart(1), asked_again])] == ["query"]
    assert leaks([apart(1), apart(2).model_copy(update={"split": "test"})]) == []


def test_near_duplicates_agree_with_comparing_all_pairs() -> None:
    chance = random.Random(13)
    texts = {}
    for number in range(120):
        words = [chance.choice(WORDS) + str(at) for at in range(40)]
        texts[f"{number:03}"] = " ".join(words)
    for number in range(0, 120, 3):
        words = texts[f"{number:03}"].split()
        texts[f"{number + 1:03}"] = " ".join([*words, "more"])
        texts[f"{number + 2:03}"] = " ".join(words[:20])
    sets = {key: shingles(text, 3) for key, text in texts.items()}
    keys = sorted(texts)
    expected = [
        (a, b)
        for at, a in enumerate(keys)
        for b in keys[at + 1 :]
        if similarity(sets[a], sets[b]) >= 0.8
    ]
    assert len(expected) >= 40
    assert near_duplicates(texts, 3) == expected


def test_shingles_and_jaccard_by_hand() -> None:
    assert shingles("The lease, the LEASE ends!", 2) == {"the lease", "lease the", "lease ends"}
    assert shingles("租赁合同", 3) == {"租 赁 合", "赁 合 同"}
    assert shingles("?!", 3) == {"?!"}
    assert similarity(frozenset("abc"), frozenset("bcd")) == 2 / 4
    assert groups({"a": "one two", "b": "Two, one!", "c": "three"}, 1) == {
        "a": "a",
        "b": "a",
        "c": "c",
    }


def test_concepts_join_by_weight_until_the_cap() -> None:
    queries = [["rent", "deposit"]] * 3 + [["deposit", "notice"]] * 2 + [["court"]]
    assert concept_clusters(queries, {}, cap=5) == {
        "rent": "deposit",
        "deposit": "deposit",
        "notice": "deposit",
        "court": "court",
    }
    assert (
        concept_clusters(queries, {}, cap=3)["deposit"]
        != concept_clusters(queries, {}, cap=3)["rent"]
    )
    related = concept_clusters(queries, {"Notice": ["Court"]}, cap=2)
    assert related["notice"] == related["court"]


def test_the_main_cluster_is_that_of_most_concepts_then_of_the_first() -> None:
    clusters = {"a": "1", "b": "2", "c": "2"}
    assert main_cluster(["A", "b", "c"], clusters) == "2"
    assert main_cluster(["A", "b"], clusters) == "1"
    assert main_cluster(["unknown"], clusters) is None


def of_document(number: int, document: str, start: int) -> Example:
    example = apart(number)
    span = SourceSpan(document=document, start=start, end=start + 100)
    example.positives = [p.model_copy(update={"span": span}) for p in example.positives]
    return example


def test_a_document_is_never_parted_unless_it_is_too_large() -> None:
    small = [of_document(n, f"d{n // 4}", 1000 * (n % 4)) for n in range(120)]
    dealt = split(small, seed=3)
    assert {example.split for example in dealt} == {"train", "val", "test"}
    by_document: dict[str, set[str]] = {}
    for number, example in enumerate(dealt):
        by_document.setdefault(f"d{number // 4}", set()).add(example.split)
    assert {len(splits) for splits in by_document.values()} == {1}
    assert leaks(dealt) == []


def test_a_large_document_is_parted_into_runs_of_neighbours() -> None:
    chance = random.Random(5)
    starts = [1000 * n for n in range(100)]
    chance.shuffle(starts)
    dealt = split([of_document(n, "statute", start) for n, start in enumerate(starts)], seed=3)
    assert {example.split for example in dealt} == {"train", "val", "test"}
    in_order = sorted(dealt, key=lambda e: e.positives[0].span.start if e.positives[0].span else 0)
    changes = sum(a.split != b.split for a, b in itertools.pairwise(in_order))
    # Runs of 5, half of the smallest split: at most 10 runs are of val or test, with two ends each.
    assert changes <= 2 * 10
    assert [leak.kind for leak in leaks(dealt)] == []


def test_a_parted_document_is_a_leak() -> None:
    dealt = [of_document(n, f"d{n // 4}", 1000 * (n % 4)) for n in range(120)]
    assert leaks(dealt) == []
    dealt[1].split = "test"
    [leak] = leaks(dealt)
    assert (leak.kind, leak.first, leak.second) == (
        "document",
        dealt[0].query_id,
        dealt[1].query_id,
    )
    assert leak.splits == ("train", "test")
