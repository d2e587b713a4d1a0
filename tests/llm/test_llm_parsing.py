from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.llm.parsing import items, looks_like_refusal, merge, parse, salvage

scalars = st.none() | st.booleans() | st.integers() | st.text()
list_items = st.text() | st.dictionaries(
    st.text(), scalars | st.lists(scalars, max_size=3), max_size=3
)


@pytest.mark.parametrize(
    "completion",
    [
        '{"a": [1, 2]}',
        '```json\n{"a": [1, 2]}\n```',
        'Sure! Here it is:\n{"a": [1, 2]}\nAnything else?',
        '{"a": [1, 2,],}',
        '\ufeff {"a": [1, 2]}'.replace("\ufeff", ""),
    ],
)
def test_parse_sets_wrappings_aside(completion: str) -> None:
    assert parse(completion) == {"a": [1, 2]}


@pytest.mark.parametrize("completion", ["", "no data", '{"a": [1, 2', '{"a": }'])
def test_parse_refuses_what_is_not_whole(completion: str) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        parse(completion)


@given(st.lists(list_items, max_size=6), st.data())
def test_salvage_gives_a_prefix_of_the_items_wherever_the_text_is_cut(
    values: list[Any], data: st.DataObject
) -> None:
    text = json.dumps({"found": values})
    cut = data.draw(st.integers(0, len(text)))
    saved = salvage(text[:cut])
    kept = saved["found"] if saved else []
    assert kept == values[: len(kept)]
    # Nothing complete is lost: all but the item under the cut are there.
    whole = [len(json.dumps({"found": values[:n]})) - 2 for n in range(len(values) + 1)]
    strictly_inside = [n for n in range(1, len(values) + 1) if whole[n] < cut]
    assert len(kept) >= max(strictly_inside, default=0)


def test_salvage_keeps_finished_lists_and_fields_before_the_cut() -> None:
    text = '{"title": "t", "a": [{"x": 1}], "b": ["one", "two", "thr'
    assert salvage(text) == {"title": "t", "a": [{"x": 1}], "b": ["one", "two"]}


def test_salvage_finds_nothing_in_a_lone_object() -> None:
    assert salvage('{"grade": 2, "explanation": "it says') is None


def test_merge_joins_lists_without_repeating() -> None:
    merged = merge({"a": [1, 2], "t": "first"}, {"a": [2, 3], "t": "second", "b": [9]})
    assert merged == {"a": [1, 2, 3], "t": "first", "b": [9]}
    assert items(merged) == 3 + 1


@pytest.mark.parametrize(
    ("words", "declines"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot assist with this request.", True),
        ("Tenants may end a lease early.", False),
        ('I cannot say more than {"a": 1}', False),
    ],
)
def test_refusals_in_words(words: str, declines: bool) -> None:
    assert looks_like_refusal(words) is declines
