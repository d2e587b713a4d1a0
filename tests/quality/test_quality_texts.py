"""Words, stems, near-duplicates and the form of texts."""

from __future__ import annotations

import random

import pytest

from distiller.quality.duplicates import Seen, near_duplicates, near_queries, shared
from distiller.quality.form import passage_fault, query_fault, unfinished
from distiller.quality.texts import length, similarity, stems, words


def test_words_are_counted_as_the_language_parts_them():
    assert length("the tenant pays rent", "en") == 4
    assert length("借主は家賃を払う", "ja") == 8 / 2
    assert words("Das 3. Kapitel, STRASSE") == ["das", "3", "kapitel", "strasse"]
    assert words("租赁 contract") == ["租", "赁", "contract"]


def test_stems_leave_inflection_and_stop_words_out():
    assert stems("The deposits of a tenant", "en") == stems("deposit tenants", "en")
    assert stems("die Kautionen des Mieters", "de") == stems("Kaution Mieter", "de")
    assert stems("租赁合同", "zh") == {"租赁", "赁合", "合同"}


def test_similarity_is_jaccards():
    assert similarity(frozenset("abc"), frozenset("bcd")) == 2 / 4
    assert similarity(frozenset(), frozenset()) == 1


def test_near_duplicates_are_found_and_near_misses_are_not():
    seen = Seen("en")
    assert seen.add("What is a security deposit?")
    assert not seen.add("what is the security  deposit")
    assert seen.add("how long is the notice period for a tenant")
    assert seen.add("how long is the notice period for a landlord")
    assert not seen.add("the notice period for a tenant, how long is it")
    assert not seen.add("?!")


def test_a_thousand_different_queries_stay_a_thousand():
    seen = Seen("en")
    assert all(seen.add(f"clause a{n} of lease b{n} with annex c{n}") for n in range(1000))
    assert not any(seen.add(f"Clause a{n} of leases b{n} with an annex c{n}") for n in range(1000))


def test_queries_that_ask_the_same_share_stems_and_words():
    texts = {
        "a": "how long is the notice period for tenants",
        "b": "the notice period for a tenant, how long is it",
        "c": "how long is the notice period for a landlord",
        "d": "How long is the notice period for tenants?",
    }
    assert [pair[:2] for pair in near_queries(texts, "en")] == [("a", "b"), ("a", "d")]
    long = "may a landlord enter the flat without notice in winter if the heating of the {} leaks"
    replaced = {
        "a": long.format("kitchen"),
        "b": long.format("bath"),
        "c": long.format("kitchen now"),
    }
    assert [pair[:2] for pair in near_queries(replaced, "en")] == [("a", "c")]
    # The German list of stop words holds wer and wann: by stems alone these two were the same.
    german = {"a": "wer zahlt die Kaution", "b": "wann wird die Kaution gezahlt"}
    assert near_queries(german, "de") == []


def test_texts_of_two_sets_are_compared_across_only():
    chance = random.Random(5)
    vocabulary = [f"w{n}" for n in range(500)]
    ours = {f"a{n}": " ".join(chance.choices(vocabulary, k=30)) for n in range(300)}
    theirs = {f"b{n}": " ".join(chance.choices(vocabulary, k=30)) for n in range(300)}
    for n in range(0, 300, 10):
        theirs[f"b{n}"] = ours[f"a{n}"] + " more"
    ours["same"] = ours["a0"]
    expected = {f"a{n}": f"b{n}" for n in range(0, 300, 10)} | {"same": "b0"}
    assert shared(ours, theirs, 3) == expected
    assert near_duplicates(ours, 3) == [("a0", "same")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("how long is the notice period", ""),
        ("lease 2.5 years", ""),
        ("what is a query in law", ""),
        ("my rent went up. is that allowed?", ""),
        ("1. how long is the notice period", "mark of a list"),
        ("Query: how long is the notice period", "label"),
        ("Sure, here is the query: notice period", "introduction"),
        ("**notice period** of a tenant", "bold"),
        ("notice period; at most 8 words => notice", "how long"),
        ("As an AI language model I cannot tell", "speaks of itself"),
        ("when can [insert name] give notice", "gap"),
        ("who pays rent? when is it due?", "two things"),
        ("notice\nperiod", "several lines"),
        ("…", "placeholder"),
    ],
)
def test_what_no_searcher_types_is_named(text: str, fault: str):
    found = query_fault(text)
    assert fault in found if fault else not found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The rent is due on the first. It may be paid in cash.", ""),
        ("A copy in the document folder shows 24-hour notice, dated 2021-03.", ""),
        ("This passage explains when the rent is due.", "speaks of itself"),
        ("# Rent\nThe rent is due on the first.", "headings"),
        ("The duties are:\n- rent\n- repairs.", "headings, lists"),
        ("The tenant pays the rent on the first of every month and the landlord", "broken off"),
        ("Lorem ipsum dolor sit amet.", "placeholder"),
        ("The landlord [insert name] pays.", "gap"),
        ("Rent", ""),
    ],
)
def test_what_no_document_has_is_named(text: str, fault: str):
    found = passage_fault(text)
    assert fault in found if fault else not found


def test_only_prose_has_to_end():
    assert unfinished("one two three four five six seven eight")
    assert not unfinished("one two three four five six seven")
    assert not unfinished("他说一二三四五六七八。")
