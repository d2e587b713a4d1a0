from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distiller.generate.cells import BATCH, Plan, checked_mix
from distiller.generate.grounded import slots
from distiller.generate.passages import strategies_for
from distiller.generate.records import deal, derived_id
from distiller.packs.templates import template
from distiller.schema.errors import InputError
from distiller.schema.examples import CONTRASTIVE_STRATEGIES, Complexity, Strategy
from distiller.schema.knowledge import Concept


def plan_of(concepts: int, mix: str = "mixed") -> Plan:
    made = [Concept(id=f"c{n}", term=f"term {n}", definition="…") for n in range(concepts)]
    return Plan(made, template("legal"), checked_mix(mix), "tenancy")


@given(size=st.integers(1, 30), rounds=st.integers(1, 5), salt=st.text(max_size=5))
def test_a_deck_deals_every_option_equally_often(size: int, rounds: int, salt: str):
    dealt = Counter(deal(range(size), turn, salt) for turn in range(size * rounds))
    assert dealt == dict.fromkeys(range(size), rounds)


def test_concepts_and_complexities_come_equally_often():
    cells = [plan_of(7).cell(number) for number in range(7 * 12)]
    assert set(Counter(cell.concept.id for cell in cells).values()) == {12}
    assert set(Counter(cell.complexity for cell in cells).values()) == {7 * 12 / 3}


def test_cells_of_one_request_share_their_complexity():
    plan = plan_of(5)
    for batch in range(20):
        cells = [plan.cell(batch * BATCH + place) for place in range(BATCH)]
        assert len({cell.complexity for cell in cells}) == 1


def test_kinds_fit_their_complexity_and_all_are_used():
    cells = [plan_of(5).cell(number) for number in range(300)]
    assert all(cell.complexity in cell.type.complexities for cell in cells)
    assert all(cell.answer_type in cell.type.answer_types for cell in cells)
    assert {cell.type.name for cell in cells} == {t.name for t in template("legal").query_types}
    assert {cell.persona for cell in cells} == set(template("legal").personas)


def test_concepts_meet_kinds_in_many_combinations():
    cells = [plan_of(8, "simple").cell(number) for number in range(8 * 8 * 4)]
    kinds = {cell.type.name for cell in cells}
    met = {(cell.concept.id, cell.type.name) for cell in cells}
    assert len(met) > 0.8 * len(list(product(range(8), kinds)))


@pytest.mark.parametrize("mix", ["simple", "complex"])
def test_an_unmixed_plan_has_one_complexity(mix: str):
    cells = [plan_of(3, mix).cell(number) for number in range(10)]
    assert {cell.complexity for cell in cells} == {Complexity(mix)}


def test_an_unknown_complexity_is_named():
    with pytest.raises(InputError, match="'hard'; use simple, mixed or complex"):
        checked_mix("hard")


@given(queries=st.integers(1, 40), each=st.integers(1, 8))
def test_contrastive_strategies_are_spread_evenly(queries: int, each: int):
    used = Counter(s for turn in range(queries) for s in strategies_for(turn, each, True))
    counts = [used[strategy] for strategy in CONTRASTIVE_STRATEGIES]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == queries * each


def test_standard_negatives_have_no_strategy_of_their_own():
    assert strategies_for(4, 2, False) == [Strategy.STANDARD] * 2


def test_derived_ids_tell_their_parts_apart():
    assert derived_id("p", "ab", "c") == derived_id("p", "ab", "c")
    assert derived_id("p", "ab", "c") != derived_id("p", "a", "bc")


def test_a_passage_is_asked_for_different_kinds_that_fit_their_complexity():
    kinds = template("legal").query_types
    dealt = [slots(kinds, Complexity.MODERATE, f"p-{n}", range(6)) for n in range(200)]
    for one in dealt:
        assert len({slot.type.name for slot in one}) == 6
        assert all(Complexity.MODERATE in slot.type.complexities for slot in one)
        assert all(slot.answer_type in slot.type.answer_types for slot in one)
    assert len({one[0].type.name for one in dealt}) == len(kinds) - 1  # all but keywords


def test_what_a_passage_is_asked_for_does_not_depend_on_how_much():
    kinds = template("general").query_types
    few, many = (slots(kinds, Complexity.SIMPLE, "p-1", range(n)) for n in (2, 6))
    assert many[:2] == few
