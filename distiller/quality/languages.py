"""Which language a text is in, and whether parts of it are in another one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from distiller.packs.languages import codes, language
from distiller.quality.texts import is_stopword, words

if TYPE_CHECKING:
    from lingua import Language, LanguageDetector

MIN_LETTERS = 12
"""Shorter texts tell no language."""
UNLIKELY = 0.05
"""Probability of the wanted language below which a text is not in it."""
SEGMENT_LETTERS = 24
"""Sentences are looked at together until they have so many letters: a shorter one alone misleads,
and more of them hide a single one in another language. Of sentences of six collections of documents
one in a thousand or fewer is then blamed."""
RUN_LETTERS = 16
"""Words in a row of which none is a function word of the language, and one is of another, are
looked at alone from so many letters: so a sentence that turns into another language is found."""
_SCRIPTS = {
    "Han": r"\u3400-\u9fff\uf900-\ufaff",
    "kana": r"\u3040-\u30ff",
    "Hangul": r"\uac00-\ud7af\u1100-\u11ff",
    "Cyrillic": r"\u0400-\u052f",
    "Arabic": r"\u0600-\u06ff\u0750-\u077f",
    "Hebrew": r"\u0590-\u05ff",
    "Thai": r"\u0e00-\u0e7f",
    "Devanagari": r"\u0900-\u097f",
}
"""Letters of scripts that models drift into; Greek ones are names of quantities in any language."""
_WRITTEN_IN = {
    "zh": "Han",
    "ja": "Han kana",
    "ko": "Hangul Han",
    "th": "Thai",
    "ru uk bg sr mk be kk mn": "Cyrillic",
    "ar fa ur": "Arabic",
    "he yi": "Hebrew",
    "hi mr ne": "Devanagari",
}
"""Codes of languages → their scripts. The other languages are written in none of them."""
_RUN = 4
"""Letters in a row, spaces aside, from which a foreign script is more than a quoted sign."""
_CONTRAST = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "ar", "zh")
"""Languages that texts go astray in. Few candidates keep the detector light and sure."""
_LINGUA_CODES = {"no": "nb", "fil": "tl"}
_SAMPLE_PASSAGES, _SAMPLE_CHARACTERS = 40, 200
_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？।؟])|\n+")


def can_tell(tag: str) -> bool:
    """Whether the language is one that can be recognised."""
    return _detector(language(tag).code) is not None


def in_language(text: str, tag: str) -> bool:
    """Whether the text as a whole is in the language, or too short to tell."""
    if _letters(text) < MIN_LETTERS:
        return True
    found = _detector(language(tag).code)
    if found is None:
        return True
    detector, wanted = found
    return detector.compute_language_confidence(text, wanted) >= UNLIKELY


def foreign_parts(text: str, tag: str) -> list[str]:
    """The sentences of a text that are in another language, wholly or in part, or of which a few
    words are in another script.
    """
    strange = _foreign_script(language(tag).code)

    def is_foreign(part: str) -> bool:
        return bool(strange.search(part)) or not in_language(part, tag) or _turns(part, tag)

    parts = groupby(_segments(text), key=is_foreign)
    return [" ".join(group) for foreign, group in parts if foreign]


def _turns(part: str, tag: str) -> bool:
    """Whether a run of words that lacks the language's function words is in another language."""
    others = [code for code in _CONTRAST if code != language(tag).code]
    for run in _runs(part, tag):
        told = {word for word in words(run) if len(word) > 1}
        if (
            _letters(run) >= RUN_LETTERS
            and any(is_stopword(word, other) for word in told for other in others)
            and not in_language(run, tag)
        ):
            return True
    return False


def _runs(part: str, tag: str) -> Iterator[str]:
    """Words in a row between the function words of the language; none where it has no list."""
    if not language(tag).stopwords:
        return
    grouped = groupby(
        part.split(), key=lambda word: any(is_stopword(one, tag) for one in words(word))
    )
    yield from (" ".join(run) for is_function, run in grouped if not is_function)


@cache
def _foreign_script(code: str) -> re.Pattern[str]:
    own = {
        s for codes_, names in _WRITTEN_IN.items() if code in codes_.split() for s in names.split()
    }
    letters = "".join(ranges for name, ranges in _SCRIPTS.items() if name not in own)
    return re.compile(rf"[{letters}](?:\s?[{letters}]){{{_RUN - 1},}}")


def _segments(text: str) -> Iterator[str]:
    """Whole sentences, as many together as have enough letters to tell; the rest with the last."""
    parts: list[list[str]] = [[]]
    gathered = 0
    for sentence in filter(None, map(str.strip, _END.split(text))):
        if gathered >= SEGMENT_LETTERS:
            parts.append([])
            gathered = 0
        parts[-1].append(sentence)
        gathered += _letters(sentence)
    if gathered < SEGMENT_LETTERS and len(parts) > 1:
        last = parts.pop()
        parts[-1] += last
    return (" ".join(part) for part in parts if part)


def _letters(text: str) -> int:
    return sum(letter.isalpha() for letter in text)


@cache
def _detector(code: str) -> tuple[LanguageDetector, Language] | None:
    """The language among those it may be taken for, with its name; None where lingua lacks it."""
    from lingua import Language, LanguageDetectorBuilder  # noqa: PLC0415 - takes a moment

    by_code = {one.iso_code_639_1.name.lower(): one for one in Language.all()}
    wanted = by_code.get(_LINGUA_CODES.get(code, code))
    if wanted is None:
        return None
    chosen = {wanted, *(by_code[other] for other in _CONTRAST)}
    return LanguageDetectorBuilder.from_languages(*chosen).build(), wanted


def detected(corpus: Mapping[str, str]) -> str:
    """Code of the language that most of an evenly spread sample is in; `en` when none is clear."""
    from lingua import Language, LanguageDetectorBuilder  # noqa: PLC0415 - takes a moment

    covered = set(codes())
    languages = [one for one in Language.all() if one.iso_code_639_1.name.lower() in covered]
    ids = sorted(passage_id for passage_id, text in corpus.items() if text)
    step = max(1, len(ids) // _SAMPLE_PASSAGES)
    sample = " ".join(corpus[key][:_SAMPLE_CHARACTERS] for key in ids[::step][:_SAMPLE_PASSAGES])
    detector = LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()
    found = detector.detect_language_of(sample)
    return found.iso_code_639_1.name.lower() if found else "en"
