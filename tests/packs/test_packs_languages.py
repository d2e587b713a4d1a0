from __future__ import annotations

import bm25s.tokenization
import pytest
import Stemmer
from lingua import Language as LinguaLanguage

from distiller.packs import languages
from distiller.packs.languages import language
from distiller.schema.errors import UnknownLanguage


def test_german_as_spoken_in_switzerland_is_german():
    swiss = language("de_ch")
    assert (swiss.tag, swiss.code, swiss.name) == ("de-CH", "de", "German")
    assert (swiss.stemmer, swiss.stopwords) == ("german", "german")


@pytest.mark.parametrize(
    ("tag", "code"), [("eng", "en"), ("zh-Hans-CN", "zh"), (" FR ", "fr"), ("nb", "nb")]
)
def test_any_well_formed_tag_finds_its_language(tag: str, code: str):
    assert language(tag).code == code


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("german", "did you mean de?"),
        ("frnch", "did you mean fr?"),
        ("xx", "BCP 47"),
        ("", "BCP 47"),
        ("q$", "BCP 47"),
        ("klingon", "BCP 47"),
    ],
)
def test_an_unknown_language_is_named_with_what_to_do(tag: str, hint: str):
    with pytest.raises(UnknownLanguage, match=hint.replace("?", r"\?")) as caught:
        language(tag)
    assert "\n" not in str(caught.value)
    assert repr(tag) in str(caught.value)


@pytest.mark.parametrize("code", languages.codes())
def test_stemmers_and_stop_words_exist_in_their_libraries(code: str):
    entry = language(code)
    if entry.stemmer is not None:
        assert entry.stemmer in Stemmer.algorithms()
    if entry.stopwords is not None:
        assert bm25s.tokenization._infer_stopwords(entry.stopwords)


def test_japanese_chinese_and_thai_are_written_without_spaces():
    assert [code for code in languages.codes() if not language(code).spaced] == ["ja", "th", "zh"]


def test_nearly_all_languages_can_be_told_apart():
    known = {known.iso_code_639_1.name.casefold() for known in LinguaLanguage.all()}
    assert set(languages.codes()) - known == {"fil", "ne", "no", "yi"}
