from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.generate.wording import clean, parrots
from distiller.quality.form import joined


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Sure, here is the query: how long is the notice period", "how long is the notice period"),
        ("Here are your terms: **Notice period**", "Notice period"),
        ("Question 1: Who pays?", "Who pays?"),
        ("1. rent control", "rent control"),
        ("- rent control", "rent control"),
        ('"rent control"', "rent control"),
        ("„Mietpreisbremse“", "Mietpreisbremse"),
        ("```json\nrent\n```", "rent"),
        ("## Deposit", "Deposit"),
        ('Query: "rent  due \n date"', "rent due date"),
        ('"consent" and "notice"', '"consent" and "notice"'),
        ("Here: the tenant pays", "Here: the tenant pays"),
        ("2.5 months of rent", "2.5 months of rent"),
        ("N/A", ""),
        ("[insert term]", ""),
        ("…", ""),
        ("As an AI language model I cannot", ""),
        ("   ", ""),
    ],
)
def test_what_small_models_put_around_a_text_is_removed(raw: str, cleaned: str):
    assert clean(raw) == cleaned


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing(text: str):
    assert clean(clean(text)) == clean(text)


EXAMPLE = "why do shops repair new bikes free of charge"


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        (EXAMPLE, True),
        ("Why do bike shops repair a new bike free of charge?", True),
        ("why do landlords repair old heaters free of charge", False),  # 3 of its 6 stems
        ("repair free of charge", False),  # too short to tell
    ],
)
def test_what_the_prompt_showed_is_not_taken_for_an_answer(text: str, copied: bool):
    assert parrots(text, ["Examples from another field:", f"reason: {EXAMPLE}"], "en") is copied


def test_two_questions_in_one_are_noticed():
    assert joined("What is rent? Who pays it?")
    assert not joined("who pays the rent?")
