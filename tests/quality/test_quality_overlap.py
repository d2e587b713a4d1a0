from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.quality import overlap
from distiller.quality.overlap import Sets, alike
from distiller.quality.texts import similarity

words = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=9)


def cut(text: str) -> frozenset[str]:
    return frozenset(text.split())


@given(st.lists(words, max_size=25), st.sampled_from([0.5, 0.7, 0.8, 1.0]))
def test_the_join_finds_what_comparing_each_with_each_finds(given_: list[list[str]], least: float):
    texts = {str(at): " ".join(found) for at, found in enumerate(given_)}
    sets = Sets.of(texts, cut)
    assert sorted(key for keys in sets.keys for key in keys) == sorted(texts)
    distinct = [cut(texts[keys[0]]) for keys in sets.keys]
    expected = {
        (one, two): similarity(distinct[one], distinct[two])
        for one, two in combinations(range(len(distinct)), 2)
        if similarity(distinct[one], distinct[two]) >= least
    }
    assert {(one, two): share for one, two, share in alike(sets.members, least)} == expected


def test_texts_of_the_same_words_are_one_set():
    texts = {"a": "rent is due", "b": "due is rent", "c": "rent is late"}
    assert Sets.of(texts, cut).keys == [["a", "b"], ["c"]]
    assert Sets.of({}, cut).keys == []
    assert list(alike(Sets.of({}, cut).members, 0.8)) == []


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_memory_is_bounded_by_parts_that_change_nothing(
    monkeypatch: pytest.MonkeyPatch, at_once: int
):
    texts = {str(n): f"rent a{n % 7} b{n % 5} c{n % 3} d{n % 2}" for n in range(60)}
    whole = list(alike(Sets.of(texts, cut).members, 0.6))
    assert whole
    monkeypatch.setattr(overlap, "_AT_ONCE", at_once)
    assert sorted(alike(Sets.of(texts, cut).members, 0.6)) == sorted(whole)
