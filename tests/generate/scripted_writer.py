"""An endpoint that writes something usable for every prompt of the stages, by rule.

It stands in for a model where mechanics and faults are tested, never where quality is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from endpoint import Body, Scripted, data, yes_no

from distiller.llm import Client

Connect = Callable[..., AbstractAsyncContextManager[Client]]
Fault = Callable[[str, int], Scripted | None]


def user_of(body: Body) -> str:
    return str(body["messages"][1]["content"])


class Writer:
    """Answers by the name of the schema that is asked for; `fault` may answer instead."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.asked: Counter[str] = Counter()
        self.numbers: Counter[str] = Counter()
        self.read: set[str] = set()

    def __call__(self, body: Body) -> Scripted:
        wanted = body.get("response_format", {}).get("json_schema")
        name = wanted["name"] if wanted else "YesNo"
        self.asked[name] += 1
        wrong = self.fault(name, self.asked[name]) if self.fault else None
        if wrong is not None:
            return wrong
        if wanted is None:
            return yes_no(-0.1, -2.4)
        return data(self.value(name, wanted["schema"], user_of(body)))

    def number(self, name: str) -> int:
        self.numbers[name] += 1
        return self.numbers[name]

    def value(self, name: str, schema: dict[str, Any], user: str) -> dict[str, Any]:
        def count(field: str) -> int:
            return int(schema["properties"][field].get("minItems", 1))

        def kinds() -> list[str]:
            return [line.split(". ", 1)[1] for line in user.splitlines() if line[:1].isdigit()]

        def several(field: str, one: Callable[[], Any]) -> dict[str, Any]:
            return {field: [one() for _ in range(count(field))]}

        rules: dict[str, Callable[[], dict[str, Any]]] = {
            "SubAreas": lambda: {
                "sub_areas": [f"chapter {w}" for w in WORDS[: count("sub_areas")]]
            },
            "Glossary": lambda: several("entries", self.entry),
            "Reading": lambda: self.reading(user, count("entries")),
            "Rewritten": self.rewritten,
            "Context": self.context,
            "MendedQuery": lambda: {"query": self.query()["query"]},
            "Kinds": lambda: several("document_types", self.kind),
            "Queries": lambda: several("queries", self.keywords),
            "PassageQueries": lambda: several("queries", self.plain),
            "OtherQueries": lambda: {
                "queries": [{"kind": kind, "query": self.query()["query"]} for kind in kinds()]
            },
            "WrittenPassage": lambda: self.passage(count("sentences")),
            "Assessment": lambda: {"reason": "The passage tells what is asked.", "grade": 2},
        }
        return rules[name]()

    def entry(self) -> dict[str, Any]:
        term = f"{spelled(self.number('term'))} clause"
        return {
            "term": term,
            "definition": f"An agreement about {term} that binds landlord and tenant.",
            "example": f"They signed the {term} in spring.",
            "related_terms": ["lease", "lease", term],
        }

    def reading(self, user: str, count: int) -> dict[str, Any]:
        """Terms are long words of the passages, each once."""
        shown = " ".join(re.findall(r"<passage>(.*)</passage>", user))
        words = dict.fromkeys(re.findall(r"[a-z]{6,}", shown))
        terms = [word for word in words if word not in self.read][:count]
        self.read.update(terms)
        return {
            "sub_area": f"chapter {WORDS[self.number('chapter') - 1]}",
            "entries": [{**self.entry(), "term": term} for term in terms],
        }

    def rewritten(self) -> dict[str, Any]:
        n = spelled(self.number("rewritten"))
        return {
            "definition": f"A sum of {n} that the tenant hands over before moving in.",
            "example": f"She paid {n} months of rent at the start.",
            "related_terms": ["bond", "bond", "lease"],
        }

    def context(self) -> dict[str, Any]:
        n = spelled(self.number("context"))
        return {
            "facts": [
                f"The {n} {thing} must be in writing." for thing in ("lease", "notice", "bill")
            ],
            "typical_questions": [f"Who pays for the {n} {t}?" for t in ("heater", "roof", "door")],
            "relationships": [
                {
                    "type": "requires",
                    "description": f"The {n} {t} requires consent.",
                    "examples": [],
                }
                for t in ("sublease", "repair")
            ],
        }

    def kind(self) -> dict[str, Any]:
        n = spelled(self.number("kind"))
        return {
            "type": f"{n} letter",
            "description": f"A letter of kind {n} that the landlord writes.",
            "common_sections": ["Address", "Reason", "Address"],
        }

    def query(self) -> dict[str, Any]:
        n = spelled(self.number("query"))
        told = " ".join(
            f"{n.replace(' ', '')}{ending}" for ending in ("wall", "roof", "door", "yard")
        )
        text = f"may a tenant withhold the rent of the winter while the damage at {told} stays unmended"
        return {"concept": "rent", "query": text}

    def keywords(self) -> dict[str, Any]:
        n = spelled(self.number("query")).replace(" ", "")
        return {"concept": "rent", "query": f"withhold rent {n}wall {n}roof {n}door"}

    def plain(self) -> dict[str, Any]:
        return {"query": self.keywords()["query"]}

    def passage(self, sentences: int) -> dict[str, Any]:
        n = spelled(self.number("passage"))
        return {
            "title": f"Defects {n}",
            "sentences": [
                f"In case {n} the {spelled(k)} defect lowers what the tenant owes until it is mended"
                for k in range(1, sentences + 1)
            ],
            "explanation": "It tells when rent may be withheld.",
        }


WORDS = [
    "amber",
    "birch",
    "cedar",
    "dahlia",
    "elder",
    "fennel",
    "garlic",
    "hazel",
    "iris",
    "juniper",
    "kale",
    "laurel",
    "maple",
    "nettle",
    "olive",
    "poplar",
    "quince",
    "rowan",
    "sorrel",
    "thyme",
    "umber",
    "violet",
    "willow",
    "yarrow",
]


def spelled(number: int) -> str:
    """A number in words of its own, so that no two are near-duplicates."""
    text = ""
    while number:
        number, rest = divmod(number, len(WORDS))
        text += (" " if text else "") + WORDS[rest] * (1 + len(text.split()))
    return text
