from __future__ import annotations

import pytest

from distiller.quality.languages import can_tell, detected, foreign_parts, in_language

GERMAN = (
    "Der Vermieter muss die Kaution innerhalb von sechs Monaten nach dem Auszug abrechnen. "
    "Er darf nur Forderungen abziehen, die er belegen kann. "
    "Zahlt er nicht, kann der Mieter auf Rückzahlung klagen."
)
ENGLISH = (
    "The landlord must return the deposit within six months after the tenant has moved out. "
    "Only claims that can be proved may be deducted."
)


@pytest.mark.parametrize(
    ("text", "tag", "fits"),
    [
        ("Der Vermieter muss die Kaution innerhalb von sechs Monaten abrechnen.", "de", True),
        ("The landlord must return the deposit within six months.", "de", False),
        ("Frist Rückzahlung Mietkaution", "de-CH", True),
        ("The landlord must return the deposit within six months.", "en", True),
        ("房东必须在三十天内退还押金，否则承担赔偿责任。", "en", False),
        ("房东必须在三十天内退还押金，否则承担赔偿责任。", "zh", True),
        ("BGB § 551", "de", True),
        ("Utleieren må betale tilbake depositumet innen seks måneder.", "no", True),
        ("El arrendador debe devolver la fianza en treinta días.", "en", False),
        ("Kaution", "en", True),
        ("The landlord must return the deposit.", "zu", False),
    ],
)
def test_the_language_of_a_text_is_told(text: str, tag: str, fits: bool):
    assert in_language(text, tag) is fits


def test_a_part_in_another_language_is_found_wherever_it_stands():
    assert foreign_parts(GERMAN, "de") == []
    for text in (f"{GERMAN}\n\n{ENGLISH}", f"{ENGLISH} {GERMAN}"):
        [part] = foreign_parts(text, "de")
        assert part.startswith("The landlord must")
    assert foreign_parts(ENGLISH, "de") == [ENGLISH]
    assert foreign_parts("Kaution. Frist. BGB.", "en") == []


def test_a_language_that_nobody_can_tell_is_never_wrong():
    assert can_tell("en")
    assert not can_tell("fil-x-private") or in_language("x", "fil")


def test_a_corpus_is_in_the_language_of_most_of_it():
    assert detected({"a": GERMAN, "b": GERMAN, "c": "Rent"}) == "de"
    assert detected({"a": ""}) == "en"
