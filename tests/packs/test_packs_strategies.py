from __future__ import annotations

from distiller.packs.strategies import strategies
from distiller.schema.examples import CONTRASTIVE_STRATEGIES, POSITIVE_GRADE, Strategy


def test_every_contrastive_strategy_has_its_own_variation():
    packed = strategies()
    kinds = [packed.variation(strategy, 0).kind for strategy in CONTRASTIVE_STRATEGIES]
    assert len(set(kinds)) == 6
    assert set(packed.contrastive) == set(CONTRASTIVE_STRATEGIES)


def test_standard_negatives_take_turns():
    packed = strategies()
    every = len(packed.standard)
    kinds = [packed.variation(Strategy.STANDARD, turn).kind for turn in range(2 * every)]
    assert kinds[:every] == kinds[every:]
    assert len(set(kinds)) == every


def test_no_negative_is_claimed_to_be_a_positive():
    assert all(variation.grade < POSITIVE_GRADE for variation in strategies().all)
