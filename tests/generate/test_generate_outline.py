"""Clusters of a corpus, and the order in which its passages cover it."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest
from corpus import TOPICS, passage, passages, topic_of

from distiller.generate.outline import EMPTY, GOOD, SHORT, Outline, outline, substance
from distiller.schema.examples import Passage

CONTENTS = (
    "Contents 1 Deposits ........ 3 2 Heating ........ 7 3 Notice of the landlord ........ 12 "
    "4 Annex ........ 20"
)
NUMBERS = "| 2019 | 1,204.50 | 3.1 % | | 2020 | 1,290.00 | 3.4 % | | 2021 | 1,300.10 | 2.9 % |"
SLOGAN = "Renting made easy! " * 30
LINKS = "Home Products Prices Contact Imprint Login Basket Help Jobs Press Partners Blog News " * 2


@pytest.mark.parametrize("text", [CONTENTS, NUMBERS, SLOGAN, LINKS, "See annex.", ""])
def test_boilerplate_has_no_content(text: str):
    assert substance(text, "en") == EMPTY


def test_prose_has_content_and_a_title_little():
    assert substance(passages(1)[0].text, "en") == GOOD
    assert substance("Notice periods of tenants and landlords after 2001", "en") == SHORT


def test_a_language_without_spaces_is_measured_by_its_signs():
    assert substance("房東必須在租約結束後一個月內將押金退還給承租人" * 4, "zh") == GOOD
    assert substance("房東必須在租約結束後退還押金", "zh") == SHORT


def outlined(items: list[Passage], **options: int) -> Outline:
    return outline([items], "en", **options)


def test_topics_come_into_clusters_of_their_own():
    items = passages(8)
    found = outlined(items, clusters=3)
    topics = {item.id: topic_of(item.text) for item in items}
    members: dict[int, set[str]] = {}
    for id_, label in zip(found.ids, found.cluster.tolist(), strict=True):
        members.setdefault(label, set()).add(topics[id_])
    assert sorted(map(len, members.values())) == [1, 1, 1]


def test_every_beginning_of_the_order_covers_the_clusters_in_proportion():
    items = passages(9, ("deposits",)) + passages(6, ("heating",)) + passages(3, ("notice",))
    topics = {item.id: topic_of(item.text) for item in items}
    order = [topics[id_] for id_ in outlined(items, clusters=3).covering()]
    assert len(order) == len(items)
    for size in (6, 12, 18):
        counts = Counter(order[:size])
        assert counts == {"deposits": size / 2, "heating": size / 3, "notice": size / 6}


def test_an_order_takes_turns_among_documents():
    big = [passage(TOPICS["heating"].format(f"room{n}"), "big", start=n) for n in range(20)]
    small = [passage(TOPICS["heating"].format(f"hall{n}"), f"small{n}") for n in range(4)]
    found = outlined(big + small, clusters=1)
    sources = dict(zip(found.ids, found.documents, strict=True))
    assert {sources[id_] for id_ in islice(found.covering(), 5)} == {
        "big",
        *(f"small{n}" for n in range(4)),
    }


def test_the_order_depends_on_the_seed_and_not_on_the_order_of_reading():
    items = passages(10)
    mixed = items[:]
    random.Random(5).shuffle(mixed)
    first = list(outlined(items, seed=1).covering())
    assert list(outline([mixed[:7], mixed[7:]], "en", seed=1).covering()) == first
    assert list(outlined(items, seed=2).covering()) != first


def test_short_passages_come_last_and_boilerplate_never():
    items = [
        *passages(3),
        passage("Notice periods of tenants and landlords since 2001"),
        passage(CONTENTS),
    ]
    order = list(outlined(items).covering())
    assert order[-1] == items[-2].id
    assert items[-1].id not in order
    assert len(order) == len(items) - 1


def test_boilerplate_is_taken_where_there_is_nothing_else():
    items = [passage(CONTENTS), passage(NUMBERS)]
    assert sorted(outlined(items).covering()) == sorted(item.id for item in items)


def test_used_passages_count_for_their_cluster_and_do_not_come_again():
    items = passages(4)
    found = outlined(items, clusters=3)
    order = list(found.covering())
    assert list(found.covering(order[:5])) == order[5:]


def test_representatives_are_of_different_documents():
    items = [
        passage(TOPICS["notice"].format(w), d) for w, d in (("a", "x"), ("b", "x"), ("c", "y"))
    ]
    found = outlined(items, clusters=1)
    sources = dict(zip(found.ids, found.documents, strict=True))
    assert {sources[id_] for id_ in found.representatives(0, 2)} == {"x", "y"}
    first, more = found.representatives(0, 2), found.representatives(0, 2, turn=1)
    assert len({*first, *more}) == 3


def test_a_single_passage_is_an_outline_too():
    items = passages(1, ("notice",))
    found = outlined(items)
    assert list(found.covering()) == [items[0].id]
    assert found.labels == [0]
