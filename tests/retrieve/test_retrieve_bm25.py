"""BM25 against the formula, and where there is nothing to find."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.retrieve import BM25
from distiller.schema.errors import InputError, UnknownLanguage

CORPUS = {"a": "rent deposit", "b": "rent rent notice period", "c": "notice"}


def test_scores_follow_the_formula_of_lucene():
    # idf = ln(1 + (N - df + 0.5) / (df + 0.5)); tf / (tf + k1 (1 - b + b length / mean length))
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    mean_length = (2 + 4 + 1) / 3
    run = BM25(CORPUS).retrieve({"q": "rent"}, k=10)
    assert list(run["q"]) == ["b", "a"]
    assert run["q"]["b"] == pytest.approx(
        idf * 2 / (2 + 1.5 * (0.25 + 0.75 * 4 / mean_length)), rel=1e-6
    )
    assert run["q"]["a"] == pytest.approx(
        idf * 1 / (1 + 1.5 * (0.25 + 0.75 * 2 / mean_length)), rel=1e-6
    )


def test_stems_by_language():
    corpus = {"1": "die Kündigungen des Vermieters", "2": "der Garten"}
    assert list(BM25(corpus, "de").retrieve({"q": "Kündigung"})["q"]) == ["1"]
    assert BM25(corpus, "en").retrieve({"q": "Kündigung"})["q"] == {}


def test_stop_words_find_nothing():
    corpus = {"1": "the tenant", "2": "the garden"}
    assert BM25(corpus, "en").retrieve({"q": "the"})["q"] == {}


def test_cuts_unspaced_scripts_into_pairs():
    corpus = {"1": "押金必须在退租后退还", "2": "房东可以涨租金"}
    assert list(BM25(corpus, "zh").retrieve({"q": "退还押金"})["q"]) == ["1"]


@pytest.mark.parametrize("query", ["", "   ", "?!", "zyzzyva"])
def test_a_query_without_known_words_finds_nothing(query):
    assert BM25(CORPUS).retrieve({"q": query}) == {"q": {}}


def test_an_unknown_word_takes_nothing_from_the_known_ones():
    index = BM25(CORPUS)
    run = index.retrieve({"with": "rent zyzzyva", "without": "rent"})
    assert run["with"] == run["without"]


def test_empty_passages_are_never_retrieved():
    assert BM25({"a": "", "b": "rent", "c": "?"}).retrieve({"q": "rent"}) == {
        "q": {"b": pytest.approx(math.log(1 + (3 - 1 + 0.5) / 1.5) / (1 + 1.5 * (0.25 + 0.75 * 3)))}
    }


def test_a_corpus_without_any_word_ranks_nothing():
    assert BM25({"a": "", "b": "?!"}).retrieve({"q": "rent"}) == {"q": {}}


def test_k_larger_than_the_corpus_gives_what_there_is():
    assert len(BM25(CORPUS).retrieve({"q": "rent notice"}, k=10_000)["q"]) == 3


def test_ties_are_broken_by_passage_id_also_at_the_cutoff():
    corpus = {f"{i:02d}": "rent" for i in random.Random(5).sample(range(50), 50)}
    corpus["other"] = "garden"
    assert list(BM25(corpus).retrieve({"q": "rent"}, k=3)["q"]) == ["00", "01", "02"]


@given(
    st.dictionaries(
        st.text("abcdef0123", min_size=1, max_size=4),
        st.lists(st.sampled_from(["rent", "deposit", "notice", "garden", "key"]), max_size=6).map(
            " ".join
        ),
        min_size=1,
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_corpus_changes_nothing(corpus, rng):
    shuffled = list(corpus.items())
    rng.shuffle(shuffled)
    queries = {"q": "rent deposit rent", "r": "garden"}
    first, second = BM25(corpus).retrieve(queries, 3), BM25(dict(shuffled)).retrieve(queries, 3)
    assert first == second
    assert [list(first[q]) for q in queries] == [list(second[q]) for q in queries]


def test_refuses_what_cannot_be_ranked():
    with pytest.raises(InputError, match="no passages"):
        BM25({})
    with pytest.raises(InputError, match="k is 0"):
        BM25(CORPUS).retrieve({"q": "rent"}, k=0)
    with pytest.raises(UnknownLanguage):
        BM25(CORPUS, "xx-nowhere")


def test_scores_of_chosen_passages_are_those_of_the_ranking():
    corpus = {"b": "the deposit of the tenant", "a": "deposit deposit", "c": "a cat"}
    index = BM25(corpus)
    queries = {"q1": "deposit tenant", "q2": "dog", "q3": "cat"}
    run = index.retrieve(queries)
    scores = index.score(list(queries.values()), ["c", "a", "b"])
    for row, query_id in zip(scores, queries, strict=True):
        for score, passage_id in zip(row, ["c", "a", "b"], strict=True):
            assert score == pytest.approx(run[query_id].get(passage_id, 0.0))
    assert index.score([], ["a"]).shape == (0, 1)
    with pytest.raises(KeyError):
        index.score(["deposit"], ["zebra"])
