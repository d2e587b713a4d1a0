from __future__ import annotations

import math
import random

import pytest
import torch
from sentence_transformers import SparseEncoder
from train_court import found, german

from distiller.schema.errors import StageFailed
from distiller.splade import SpladeEncoder, StartModel
from distiller.splade.loading import load_model
from distiller.train import Recipe
from distiller.train.corpus_fit import Spans, Targets, can_fit, fit_to_corpus
from distiller.train.query_table import with_query_table
from distiller.train.recipe import corpus_steps


@pytest.fixture
def start(tiny: StartModel) -> SparseEncoder:
    return load_model(tiny.source)[0]


def test_counting_alone_weighs_words_as_bm25_does(start) -> None:
    passages = ["stone river", "stone house", "stone stone tree"]
    targets = Targets(start, passages)
    (row,) = targets.weights(["stone stone tree"])
    stone, tree, river = start.tokenizer.convert_tokens_to_ids(["stone", "tree", "river"])
    length = 1.5 * (0.25 + 0.75 * 3 / (7 / 3))
    idf = {3: math.log(1 + 0.5 / 3.5), 1: math.log(1 + 2.5 / 1.5)}
    assert row[stone] == pytest.approx(math.sqrt(idf[3] * 2 * 2.5 / (2 + length)))
    assert row[tree] == pytest.approx(math.sqrt(idf[1] * 2.5 / (1 + length)))
    assert row[river] == 0
    assert (row > 0).sum() == 2


def test_an_english_model_learns_to_search_german_words_without_a_query(tiny) -> None:
    start, model = load_model(tiny.source)[0], load_model(tiny.source)[0]
    told: list[int] = []
    assert fit_to_corpus(model, list(german().values()), Recipe(), told.append)
    assert told == list(range(1, corpus_steps(Recipe(), 120) + 1))
    assert found(model) > found(start) + 0.02


def test_the_same_fit_comes_out_the_same(tiny) -> None:
    recipe, passages = Recipe(corpus_steps=3), list(german(12).values())
    weights = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        model, _ = load_model(tiny.source)
        fit_to_corpus(model, passages, recipe)
        weights.append(SpladeEncoder(model).encode_passages(passages).toarray())
    torch.testing.assert_close(*map(torch.from_numpy, weights), atol=1e-5, rtol=0)


def test_a_fit_that_diverges_says_what_to_change(tiny) -> None:
    model, _ = load_model(tiny.source)
    with pytest.raises(StageFailed, match="lower corpus_rate"):
        fit_to_corpus(model, list(german(40).values()), Recipe(corpus_rate=1e30))


def test_where_too_little_was_learned_it_says_so(tiny) -> None:
    model, _ = load_model(tiny.source)
    assert not fit_to_corpus(model, list(german(8).values()), Recipe(corpus_rate=3e-3))


def test_a_few_passages_are_not_learned_by_heart() -> None:
    assert [corpus_steps(Recipe(), count) for count in (3, 4, 400, 100_000)] == [1, 2, 200, 300]
    assert corpus_steps(Recipe(corpus_steps=0), 400) == 0


def test_a_model_with_a_query_table_of_its_own_is_left_as_it_is(start) -> None:
    assert can_fit(start)
    assert not can_fit(with_query_table(start, ["some words"]))


@pytest.mark.parametrize(
    "text",
    ["Ein Berufungsantrag ist zulässig.", "控訴は棄却された。", "a b c", "don't stop-it now"],
)
def test_spans_are_pieces_of_the_text_and_keep_words_whole(start, text) -> None:
    spans = Spans(start, [text, ""], random.Random(1)).draw(60)
    assert all(span and span in text for span in spans)
    whole = set(start.tokenizer.tokenize(text))
    assert all(set(start.tokenizer.tokenize(span)) <= whole for span in spans)
    assert len(set(spans)) > 1 or text == "a b c"
