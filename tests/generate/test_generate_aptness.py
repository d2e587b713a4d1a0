"""What a searcher types, and what only somebody does who has the passage before him."""

from __future__ import annotations

import pytest

from distiller.generate.aptness import (
    asks_apart,
    complexity_of,
    copied,
    copied_run,
    describes_searcher,
    first_asked,
    general,
    refers,
    states,
    strays,
    vague,
    without_kind,
)
from distiller.packs.templates import template
from distiller.schema.examples import Complexity

PASSAGE = (
    "The landlord returns the deposit within two months after the tenant has left, less the cost "
    "of repairs, and pays interest on it."
)


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("when is the deposit within two months due", 5),
        ("deposit interest", 1),
        ("The Landlord returns the DEPOSIT", 5),
        ("pays interest on it", 4),
        ("boat", 0),
        ("", 0),
    ],
)
def test_the_longest_shared_run_is_counted_in_words(text: str, run: int):
    assert copied_run(text, PASSAGE, "en") == run


def test_part_of_a_word_is_no_shared_word():
    assert copied_run("ant has", PASSAGE, "en") == 1


def test_a_language_without_spaces_is_compared_by_signs():
    assert copied_run("房東退還押金的期限", "房東退還押金給承租人", "zh") == 3


@pytest.mark.parametrize(
    ("text", "is_copied"),
    [
        ("deposit within two months", True),
        ("the deposit within two months after the tenant goes, who pays for it then", True),
        ("how soon do I get my deposit back after moving out", False),
        ("two months", False),
    ],
)
def test_phrases_are_copied_and_terms_are_not(text: str, is_copied: bool):
    assert copied(text, PASSAGE, "en") == is_copied


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("what does the passage say about deposits", "en"),
        ("purpose of cookies in this text", "en"),
        ("what do the authors of this study find", "en"),
        ("how long, as mentioned above, is the period", "en"),
        ("was steht laut Text zur Kaution", "de"),
        ("welche Frist nennt dieser Abschnitt", "de"),
        ("what does the passage say about Kaution", "de"),
        ("quelle durée selon ce texte", "fr"),
        ("qué plazo hay según el texto", "es"),
    ],
)
def test_speaking_of_the_text_is_found(text: str, tag: str):
    assert refers(text, tag)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("passage of time between notice and moving out", "en"),
        ("is a text message a valid notice", "en"),
        ("bird passage through a wind farm", "en"),
        ("wann bekomme ich die Kaution nach dem Auszug", "de"),
        ("Artikel 14 Eigentum", "de"),
    ],
)
def test_words_for_texts_may_be_what_is_asked_about(text: str, tag: str):
    assert not refers(text, tag)


def test_a_few_words_that_touch_nothing_are_vague():
    assert vague("why does it matter", PASSAGE, "en")
    assert not vague("deposit back", PASSAGE, "en")
    assert not vague("how soon must I be repaid after moving out of my flat", PASSAGE, "en")


def test_of_several_questions_the_first_is_kept():
    assert first_asked("who gets the interest? and when?") == "who gets the interest?"
    assert first_asked("is interest paid?") == "is interest paid?"
    assert first_asked("deposit interest") == "deposit interest"


def test_a_query_about_the_whole_field_is_general():
    field = "terms of service and privacy policies"
    assert general("terms of service for website", field, "en")
    assert general("What are the terms of service and privacy policies?", field, "en")
    assert not general("terms of service forbid reverse engineering", field, "en")


def test_lines_that_the_writer_was_shown_are_not_queries():
    line = "asks what to do when the other side does not comply"
    assert not asks_apart("what to do when the other side does not comply", PASSAGE, [line], "en")
    assert asks_apart("landlord does not return deposit what to do", PASSAGE, [line], "en")


@pytest.mark.parametrize(
    ("words", "complexity"),
    [
        (3, Complexity.SIMPLE),
        (8, Complexity.SIMPLE),
        (12, Complexity.MODERATE),
        (30, Complexity.COMPLEX),
    ],
)
def test_complexity_is_what_the_prompt_calls_so(words: int, complexity: Complexity):
    assert complexity_of(" ".join(["rent"] * words), "en") is complexity


def test_words_of_a_worked_example_are_no_query_of_another_passage() -> None:
    passage = "Disqus may modify this privacy policy from time to time without notice."
    shown = ["sourdough smells like nail polish", "A starter is fed with flour every day."]
    strayed = "how can I fix the smell of nail polish from a starter"
    assert strays(strayed, passage, shown, "en")
    # A searcher's other words are no reason, nor are words that the passage has too.
    assert not strays("am I told about changed data rules", passage, shown, "en")
    assert not strays("is the privacy policy read every day", passage, shown, "en")


def test_a_query_is_made_of_keywords_and_does_not_say_so() -> None:
    assert not asks_apart("keywords on deposit and interest", PASSAGE, [], "en")
    assert not asks_apart("Stichwörter zu Kaution und Zinsen", PASSAGE, [], "de")
    assert asks_apart("deposit interest tenant", PASSAGE, [], "en")
    assert asks_apart("how to bid on keywords", "Keywords are bid on in an auction.", [], "en")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("When is a cookie invalid? It's either when it expires or when it's tampered with.", True),
        ("HTTPS encrypts data. It protects confidentiality.", True),
        ("I moved out in May and the landlord kept my deposit. Can he do that?", False),
        ("deposit interest rate", False),
        ("§ 551 Abs. 3 BGB Verzinsung", False),
        ("my deposit was not returned.", False),
    ],
)
def test_sentences_that_end_in_no_question_tell_instead_of_asking(text: str, told: bool) -> None:
    assert states(text) is told


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("A law student tells a situation and asks whether courts allow something", True),
        ("a lawyer asks what a rule says", True),
        ("a lawyer for eviction near me", False),
        ("can I ask a lawyer what a rule says", False),
    ],
)
def test_who_searches_is_not_what_they_type(text: str, described: bool) -> None:
    assert describes_searcher(text, template("legal")) is described


def test_the_kind_of_answer_that_was_asked_for_is_no_part_of_the_query() -> None:
    assert without_kind("What is HTTPS? (Legal definition)", "legal definition") == "What is HTTPS?"
    assert without_kind("how do I ask for them? (steps)", "steps") == "how do I ask for them?"
    assert without_kind("deposit (commercial lease)", "amount") == "deposit (commercial lease)"
