"""Which language a text is in."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from distiller.packs.languages import language

if TYPE_CHECKING:
    from lingua import LanguageDetector

MIN_LETTERS = 12
"""Shorter texts tell no language."""
SURE = 0.9
"""Confidence from which another language than the wanted one is believed."""

_LINGUA_CODES = {"no": "NB", "fil": "TL"}


@cache
def _detector(code: str) -> LanguageDetector | None:
    """Tells the language apart from English, or English from Chinese; None where lingua cannot.

    Models drift into English, and those made in China into Chinese. Few candidates keep the
    detector light and sure.
    """
    from lingua import IsoCode639_1, LanguageDetectorBuilder  # noqa: PLC0415

    name = _LINGUA_CODES.get(code, code.upper())
    if not hasattr(IsoCode639_1, name):
        return None
    other = IsoCode639_1.ZH if code == "en" else IsoCode639_1.EN
    wanted = getattr(IsoCode639_1, name)
    return LanguageDetectorBuilder.from_iso_codes_639_1(wanted, other).build()


def in_language(text: str, tag: str) -> bool:
    """Whether the text is in the language, or too short to tell."""
    if sum(letter.isalpha() for letter in text) < MIN_LETTERS:
        return True
    detector = _detector(language(tag).code)
    if detector is None:
        return True
    best = detector.compute_language_confidence_values(text)[0]
    code = language(tag).code
    found = best.language.iso_code_639_1.name
    return found == _LINGUA_CODES.get(code, code.upper()) or best.value < SURE
