"""Words that two texts share."""

from __future__ import annotations

import pytest

from distiller.retrieve import shared_words


def marked(one: str, other: str, language: str = "en") -> tuple[list[str], list[str]]:
    first, second = shared_words(one, other, language)
    return [one[a:b] for a, b in first], [other[a:b] for a, b in second]


@pytest.mark.parametrize(
    ("one", "other", "language", "expected"),
    [
        ("Is the rent paid?", "Paying rents late", "en", (["rent"], ["rents"])),
        ("the of and", "the of and", "en", ([], [])),
        ("Mieten steigen", "Die Miete steigt.", "de", (["Mieten"], ["Miete"])),
        ("賃貸借契約", "契約の終了", "ja", (["契約"], ["契約"])),
        ("rent", "RENT! rent", "tlh", (["rent"], ["RENT", "rent"])),
        ("", "rent", "en", ([], [])),
        ("<b>rent</b>", "rent & more", "en", (["rent"], ["rent"])),
    ],
)
def test_shared_words_are_found_by_stem(one, other, language, expected):
    assert marked(one, other, language) == expected


def test_positions_stand_in_the_text_as_it_is_written():
    assert marked("İstanbul cle\u0301", "CLE\u0301 2", "fr")[1] == ["CLE\u0301"]
