from __future__ import annotations

import pytest

from distiller.generate.speech import in_language


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
    ],
)
def test_the_language_of_a_text_is_told(text: str, tag: str, fits: bool):
    assert in_language(text, tag) is fits
