"""Corpus passages as reading documents makes them; the texts are ours."""

from __future__ import annotations

import hashlib

from distiller.schema.base import Provenance, SourceSpan
from distiller.schema.examples import Origin, Passage

DEPOSITS = (
    "The landlord keeps the {0} deposit on an account of its own and returns it within two months "
    "after the tenant has left, less what repairs of damage have cost; interest belongs to the "
    "tenant, and the {0} receipt has to be kept."
)
HEATING = (
    "Between October and April the {0} heating must reach twenty degrees in living rooms by day; "
    "where the boiler fails, the tenant tells the owner in writing and may lower the rent from the "
    "day of the {0} notice on."
)
NOTICE = (
    "A tenant ends the {0} lease by letter three months ahead, a landlord needs a reason such as "
    "own use, and both have to sign; a {0} termination by mail alone is void and does not stop "
    "the period."
)
TOPICS = {"deposits": DEPOSITS, "heating": HEATING, "notice": NOTICE}
WORDS = ("amber", "birch", "cedar", "dahlia", "elder", "fennel", "garlic", "hazel", "iris", "kale")


def passage(text: str, document: str = "guide", title: str = "", start: int = 0) -> Passage:
    digest = hashlib.sha256(f"{document}/{start}/{text}".encode()).hexdigest()[:16]
    span = SourceSpan(document=document, start=start, end=start + len(text))
    return Passage(
        id=f"p-{digest}",
        text=text,
        title=title,
        origin=Origin.CORPUS,
        provenance=Provenance(source="corpus", span=span),
    )


def passages(each: int = 6, topics: tuple[str, ...] = tuple(TOPICS)) -> list[Passage]:
    """So many passages of every topic; each topic is a document."""
    return [
        passage(TOPICS[topic].format(WORDS[n % len(WORDS)]), topic, start=1_000 * n)
        for topic in topics
        for n in range(each)
    ]


def topic_of(text: str) -> str:
    return next(name for name, form in TOPICS.items() if form.split("{")[0] in text)
