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


@pytest.mark.parametrize(
    ("text", "tag", "strange"),
    [
        ("Der Mieter zahlt die Miete jeden Monat.", "en", True),
        ("El inquilino paga la renta cada mes.", "en", True),
        ("Le bailleur doit rendre le dépôt.", "en", True),
        ("The tenant pays the rent each month.", "de", True),
        ("He must pay 租客每月支付租金 for it.", "en", True),
        ("Он платит за квартиру вовремя.", "de", True),
        ("It is called 押金 in Beijing, and α of Δ.", "en", False),
        ("The clause is void (BGH VIII ZR 181/12).", "en", False),
    ],
)
def test_a_single_sentence_in_another_language_is_found_among_others(
    text: str, tag: str, strange: bool
):
    around = {"en": ENGLISH, "de": GERMAN}[tag]
    first, rest = around.split(". ", 1)
    found = foreign_parts(f"{first}. {text} {rest}", tag)
    assert [part for part in found if text in part] == found
    assert bool(found) is strange


@pytest.mark.parametrize(
    ("text", "tag", "strange"),
    [
        ("Der Vermieter muss die Kaution return the deposit within six months.", "de", True),
        ("If the tenant has moved out, muss der Vermieter die Kaution abrechnen.", "de", True),
        ("The landlord must answer within sechs Monate nach dem Auszug abrechnen.", "en", True),
        ("The tenant pays the rent pendant toute la durée du bail signé.", "en", True),
        ("Der Käufer haftet beim Asset Deal nach einer Due Diligence für Altlasten.", "de", False),
        ("Das Urteil des EuGH vom 7. Mai 2009 (C-504/07, Antrop) blieb unbeachtet.", "de", False),
        ("The report by Ursula von der Leyen was read to the committee.", "en", False),
        ("The bacterium Escherichia coli was grown in vitro.", "en", False),
    ],
)
def test_a_sentence_that_turns_into_another_language_is_found(text: str, tag: str, strange: bool):
    assert bool(foreign_parts(text, tag)) is strange


def test_a_language_may_use_all_its_scripts():
    assert foreign_parts("賃貸人は敷金を返還しなければなりません。", "ja") == []
    assert foreign_parts("임대인은 보증금을 돌려주어야 합니다.", "ko") == []
    assert foreign_parts("房东必须在三十天内退还押金。アパートの家賃。", "zh")


def test_a_language_that_nobody_can_tell_is_never_wrong():
    assert can_tell("en")
    assert not can_tell("fil-x-private") or in_language("x", "fil")


def test_a_corpus_is_in_the_language_of_most_of_it():
    assert detected({"a": GERMAN, "b": GERMAN, "c": "Rent"}) == "de"
    assert detected({"a": ""}) == "en"
