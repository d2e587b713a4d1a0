from __future__ import annotations

import pytest

from distiller.generate.answers import Queries, WrittenPassage, counted
from distiller.generate.writing import LENGTHS, body, checked_length
from distiller.quality.texts import length
from distiller.schema.errors import InputError, InvalidCompletion, WrongLanguage

SENTENCES = [
    "The landlord returns the deposit within thirty days after the keys were handed over",
    "Deductions are allowed only for damage beyond ordinary wear and for unpaid rent",
    "An itemised list of all deductions must be sent to the former tenant in writing",
    "A landlord who misses the period loses the right to keep any part of the money",
    "Interest that has accrued on the account belongs to the tenant in most cases",
]
QUERY = "how many days until my deposit comes back"


def written(*sentences: str) -> WrittenPassage:
    return WrittenPassage(title="Deposit", sentences=list(sentences), explanation="It says when.")


def test_sentences_are_joined_and_ended():
    title, text, explanation = body(written(*SENTENCES), QUERY, "en", "medium")
    assert (title, explanation) == ("Deposit", "It says when.")
    assert text == ". ".join(SENTENCES) + "."


def test_repeated_sentences_and_quoted_queries_are_left_out():
    _, text, _ = body(written(QUERY + "?", *SENTENCES, SENTENCES[0] + "."), QUERY, "en", "medium")
    assert text == ". ".join(SENTENCES) + "."


def test_a_text_beyond_its_length_is_cut_at_a_sentence():
    many = [f"{sentence} under rule {n}" for n in range(10) for sentence in SENTENCES]
    _, text, _ = body(written(*many), QUERY, "en", "short")
    assert length(text, "en") <= LENGTHS["short"].words[1]
    assert text.endswith(".")


def test_too_short_a_passage_says_how_short():
    with pytest.raises(InvalidCompletion, match="14 words, at least 50 are needed") as caught:
        body(written(SENTENCES[0]), QUERY, "en", "medium")
    assert SENTENCES[0] in caught.value.completion


def test_a_passage_that_only_repeats_the_query_is_refused():
    asked = "must the landlord pay the full deposit back within thirty days after the tenant left"
    echo = [f"{asked} again" for _ in range(1)] + [
        "the tenant left and thirty days after the landlord must pay back the full deposit",
    ]
    with pytest.raises(InvalidCompletion, match="only repeats the query"):
        body(written(*echo), asked, "en", "short")


def test_a_passage_in_another_language_is_refused():
    with pytest.raises(WrongLanguage, match="not in German"):
        body(written(*SENTENCES), "Wann kommt die Kaution zurück", "de", "medium")


def test_an_unknown_length_is_named():
    with pytest.raises(InputError, match="'huge'; use short, medium or long"):
        checked_length("huge")


def test_counts_stand_in_the_schema_but_are_no_condition():
    schema = counted(Queries, queries=3)
    asked = schema.model_json_schema()["properties"]["queries"]
    assert (asked["minItems"], asked["maxItems"]) == (3, 3)
    assert schema.model_validate({"queries": []}).queries == []
    assert schema.__name__ == "Queries"


def test_sentences_about_the_task_are_left_out():
    told = [
        "The passage accurately answers the query by describing the duty.",
        "The passage uses the field's own terms, which are precise legal prose.",
    ]
    _, text, _ = body(written(*told, *SENTENCES), QUERY, "en", "medium")
    assert text == ". ".join(SENTENCES) + "."
