"""Which planted faults the checks find, and what they blame wrongly.

    python benchmarks/planted_faults.py [--each 200] [--seed 13] [--check NAME …]

A clean set is made by seeded templates from the example project's concepts and sentences: twice
as many queries as faults and a tenth more, with one passage that answers and two that do not. Then
faults are planted, `--each` of a kind, each on a query of its own. Recall: planted faults that
their check finds. Precision: of the findings of a check on clean or its own items, those that
are planted (what it finds on items with another fault is often right, and not counted). The judge's
verdicts are no checks of ours and are not planted.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from distiller.dataset import read, read_knowledge
from distiller.quality import Evidence, Pair, run
from distiller.retrieve import BM25
from distiller.schema.base import Provenance
from distiller.schema.domain import Domain
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.schema.retrieval import Collection

NEGATIVES = 2
FOLDER = Path(__file__).parent.parent / "examples" / "tenancy"
OPENINGS = [
    "how long does a landlord have to answer about", "what must a tenant prove to rely on",
    "who pays the costs of", "can a landlord refuse", "where do I complain about",
    "what happens to", "which deadline applies to", "is a written form needed for",
    "how is compensation worked out for", "what does the law say on", "can I be evicted over",
    "who decides a dispute on",
]  # fmt: skip
SETTINGS = [
    "when the flat is shared by students", "after the building was sold at auction",
    "if the agreement was only spoken", "while the owner lives abroad",
    "once two months went by without reply", "when a relative moves in for good",
    "if the heating was out in winter", "during the last weeks of the term",
    "because the roof leaks again", "although the deposit was lodged late",
    "before the first rent is due", "since the caretaker lost a key",
    "despite a clause to the contrary", "until the tribunal has decided",
    "unless both sides sign a paper", "as long as a guest stays over",
    "whenever an inspector comes by", "without a word from the bank",
    "for a dwelling above a shop", "under the repealed ordinance",
    "where neighbours complained about noise", "if the rent is paid by an employer",
    "when the keys were never handed back", "after a fire damaged the kitchen",
]  # fmt: skip
MATTERS = [
    "the time in which a landlord answers", "what a tenant must prove", "who bears the costs",
    "whether a landlord may refuse it", "where complaints go", "what becomes of it",
    "its deadline", "its written form", "how compensation is worked out", "the law as it stands",
    "eviction", "who decides a dispute",
]  # fmt: skip
"""What the answer to each opening is about."""
GERMAN = [
    "Der Vermieter muss die Kaution spätestens sechs Monate nach dem Auszug abrechnen.",
    "Die Kündigung bedarf der Schriftform und muss dem Empfänger zugehen.",
    "Schönheitsreparaturen sind nur bei wirksamer Vereinbarung geschuldet.",
    "Eine Mieterhöhung ist frühestens nach fünfzehn Monaten zulässig.",
    "Der Mieter darf die Miete mindern, solange der Mangel nicht behoben ist.",
    "Haustiere dürfen nicht ohne sachlichen Grund verboten werden.",
]
SENTENCES = [
    "Der Mieter zahlt die Miete jeden Monat.", "Die Frist beträgt drei Monate für beide Seiten.",
    "Le bailleur doit rendre le dépôt en deux mois.", "Le préavis est de trois mois au moins.",
    "El inquilino paga la renta cada mes.", "El dueño devuelve la fianza en un mes.",
    "Il conduttore paga il canone ogni mese.", "De huurder betaalt de huur elke maand.",
    "租客每月向房东支付租金。", "Арендатор платит за квартиру каждый месяц.",
]  # fmt: skip
REMAINS = [
    "Query: {}", "1. {}", "Sure, here is the query: {}", "**{}** please", "- {}",
    "{} => at most 8 words", "As an AI language model, {}", "{} [insert name]",
]  # fmt: skip
TRACES = [
    "This passage explains the rule. {}", "# Rules\n{}", "Sure, here is the passage: {}",
    "As an AI I cannot give advice. {}", "{} The sum is [insert amount].", "Passage: {}",
]  # fmt: skip


class World:
    """The set; faults change it in place and note what they planted."""

    def __init__(self, count: int, chance: random.Random) -> None:
        self.chance = chance
        terms = [concept.term for concept in read_knowledge(FOLDER / "knowledge.json").concepts]
        pools = [
            [s.strip().rstrip(".") for s in p.text.split(". ") if len(s) > 40]
            for e in read(FOLDER / "dataset.json")
            for p in [*e.positives, *e.negatives]
        ]
        self.sentences = [sentence for pool in pools for sentence in pool]
        cells = [(o, t, s) for o in OPENINGS for t in terms for s in SETTINGS]
        chosen = chance.sample(cells, count)
        self.cells = chosen
        self.queries = [
            Query(id=f"q{n:05}", query=" ".join(cell), key_concepts=[cell[1]])
            for n, cell in enumerate(chosen)
        ]
        self.passages: dict[str, Passage] = {}
        self.labels: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for n, (opening, term, setting) in enumerate(chosen):
            matter = MATTERS[OPENINGS.index(opening)]
            answer = f"{setting.capitalize()}, a rule of its own says of {term}: {matter}"
            self.write(f"p{n:05}", [answer, *chance.sample(self.sentences, 3)])
            self.labels[f"q{n:05}"].append((f"p{n:05}", 3))
            for k in range(NEGATIVES):
                self.write(f"n{n:05}{k}", chance.sample(self.sentences, 4))
                self.labels[f"q{n:05}"].append((f"n{n:05}{k}", 0))
        self.touched: set[str] = set()
        self.tests: dict[str, str] = {}
        self.test_corpus: dict[str, str] = {"t": "Nothing of this is in the set."}

    def write(self, id_: str, sentences: list[str]) -> None:
        text = ". ".join(sentences) + "."
        self.passages[id_] = Passage(id=id_, text=text, provenance=Provenance(source="model"))

    def evidence(self) -> Evidence:
        asked = {query.id: query.query for query in self.queries}
        offered: dict[str, list[Pair]] = {}
        for query in self.queries:
            offered[query.id] = [
                Pair(query, self.passages[id_], {JudgmentSource.GENERATOR: Judgment(
                    id=f"{query.id}/{id_}", query_id=query.id, passage_id=id_, grade=grade)})
                for id_, grade in self.labels[query.id]
            ]  # fmt: skip
        corpus = {id_: passage.text for id_, passage in self.passages.items()}
        tests = Collection("test", self.test_corpus, self.tests, {})
        return Evidence(
            Domain(name="residential tenancy law"), self.queries, self.passages, offered,
            rankings={"word search": BM25(corpus).retrieve(asked, 100)},
            corpus_size=len(corpus), tests={"test": tests},
        )  # fmt: skip


def _copy(world: World, n: int, number: int, text: str) -> str:
    """A query more, with passages of its own, that copies another one."""
    world.queries[n].query = text
    world.touched.add(world.queries[number].id)
    return world.queries[n].id


def same_query(w: World, n: int) -> str:
    return _copy(w, n, n - 1, w.queries[n - 1].query.upper() + "?")


def reworded_query(w: World, n: int) -> str:
    opening, term, setting = w.cells[n - 1]
    return _copy(w, n, n - 1, f"{setting}, {opening} a {term}?")


def near_passage(w: World, n: int) -> str:
    found = w.passages[f"p{n - 1:05}"].text.split()
    found[w.chance.randrange(len(found) - 1)] = "altered"
    w.passages[f"n{n:05}0"].text = " ".join(found)
    w.touched |= {f"p{n - 1:05}"}
    return f"n{n:05}0"


def foreign_query(w: World, n: int) -> str:
    sentence = w.chance.choice(GERMAN).rstrip(".").lower()
    w.queries[n].query = f"{sentence} {w.cells[n][1]}"
    return w.queries[n].id


def foreign_passage(w: World, n: int) -> str:
    w.passages[f"p{n:05}"].text = " ".join(w.chance.sample(GERMAN, 4))
    return f"p{n:05}"


def mixed_passage(w: World, n: int) -> str:
    parts = w.passages[f"p{n:05}"].text.split(". ")
    parts.insert(
        w.chance.randrange(1, len(parts)), " ".join(w.chance.sample(GERMAN, 2)).rstrip(".")
    )
    w.passages[f"p{n:05}"].text = ". ".join(parts)
    return f"p{n:05}"


def one_sentence(w: World, n: int) -> str:
    parts = w.passages[f"p{n:05}"].text.split(". ")
    parts.insert(w.chance.randrange(1, len(parts)), w.chance.choice(SENTENCES).rstrip("."))
    w.passages[f"p{n:05}"].text = ". ".join(parts)
    return f"p{n:05}"


def half_sentence(w: World, n: int) -> str:
    parts = w.passages[f"p{n:05}"].text.split(". ")
    at = w.chance.randrange(1, len(parts))
    told, other = parts[at].split(), w.chance.choice(GERMAN).rstrip(".").split()
    parts[at] = " ".join(told[: len(told) // 2] + other[len(other) // 2 :])
    w.passages[f"p{n:05}"].text = ". ".join(parts).rstrip(".") + "."
    return f"p{n:05}"


def copied(w: World, n: int) -> str:
    old = w.passages[f"p{n:05}"].text
    w.passages[f"p{n:05}"].text = f"{w.queries[n].query.capitalize()}? {old}"
    return f"p{n:05}"


def short_query(w: World, n: int) -> str:
    w.queries[n].query = w.cells[n][1].split()[0] if n % 2 else " ".join([w.queries[n].query] * 6)
    return w.queries[n].id


def short_passage(w: World, n: int) -> str:
    w.passages[f"p{n:05}"].text = w.chance.choice(["See above.", "It depends on the case.", "Yes."])
    return f"p{n:05}"


def remains(w: World, n: int) -> str:
    w.queries[n].query = w.chance.choice(REMAINS).format(w.queries[n].query)
    return w.queries[n].id


def traces(w: World, n: int) -> str:
    w.passages[f"p{n:05}"].text = w.chance.choice(TRACES).format(w.passages[f"p{n:05}"].text)
    return f"p{n:05}"


def broken_off(w: World, n: int) -> str:
    found = w.passages[f"p{n:05}"].text.split()
    w.passages[f"p{n:05}"].text = " ".join(found[: w.chance.randrange(12, len(found) - 1)])
    w.passages[f"p{n:05}"].text = w.passages[f"p{n:05}"].text.rstrip(".,;:")
    return f"p{n:05}"


def own_answer(w: World, n: int) -> str:
    found = w.passages[f"p{n:05}"].text.split()
    found[w.chance.randrange(len(found) - 1)] = "altered"
    w.passages[f"n{n:05}1"].text = " ".join(found)
    return f"n{n:05}1"


def twins_answer(w: World, n: int) -> str:
    opening, term, setting = w.cells[n - 1]
    w.queries[n].query = f"{opening} {term} {setting} now"
    w.labels[w.queries[n].id] = [(f"p{n:05}", 3), (f"p{n - 1:05}", 0)]
    w.touched |= {w.queries[n - 1].id, f"p{n - 1:05}"}
    return f"p{n - 1:05}"


def half_answer(w: World, n: int) -> str:
    """The only sentence to the point moves from the answer into a negative."""
    first, rest = w.passages[f"p{n:05}"].text.split(". ", 1)
    w.passages[f"p{n:05}"].text = rest
    w.passages[f"n{n:05}1"].text = f"{first}. {w.passages[f'n{n:05}1'].text}"
    return f"n{n:05}1"


def off_topic(w: World, n: int) -> str:
    w.passages[f"p{n:05}"].text = ". ".join(w.chance.sample(w.sentences, 4)) + "."
    return w.queries[n].id


def asked_in_test(w: World, n: int) -> str:
    w.tests[f"t{n}"] = w.queries[n].query + " please"
    return w.queries[n].id


def stands_in_test(w: World, n: int) -> str:
    w.test_corpus[f"d{n}"] = w.passages[f"p{n:05}"].text + " Altered."
    return f"p{n:05}"


FAULTS: list[tuple[str, str, Callable[[World, int], str]]] = [
    ("distinct_queries", "same query in capitals", same_query),
    ("distinct_queries", "query reordered", reworded_query),
    ("distinct_passages", "passage with one word changed", near_passage),
    ("query_language", "query in German", foreign_query),
    ("passage_language", "passage in German", foreign_passage),
    ("passage_language", "two German sentences inside", mixed_passage),
    ("passage_language", "one short sentence of six languages inside", one_sentence),
    ("passage_language", "half a sentence in German", half_sentence),
    ("own_words", "passage begins with the query", copied),
    ("query_length", "query of one word, or of a hundred", short_query),
    ("passage_length", "passage of a few words", short_passage),
    ("query_form", "label, list mark, arrow, remark", remains),
    ("passage_form", "heading, remark, placeholder", traces),
    ("passage_form", "broken off in a sentence", broken_off),
    ("no_twins_answer", "negative repeats the answer", own_answer),
    ("no_twins_answer", "answer of a twin query as a negative", twins_answer),
    ("negatives_rank_below", "the answering sentence stands in a negative", half_answer),
    ("found_again", "the answer is about something else", off_topic),
    ("unseen", "query of a test collection", asked_in_test),
    ("unseen", "passage of a test collection", stands_in_test),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=200)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--check", action="append", choices=sorted({name for name, *_ in FAULTS}))
    options = parser.parse_args()
    # Every second query takes a fault, so that what it copies is a neighbour of its own.
    world = World(len(FAULTS) * options.each * 22 // 10, random.Random(options.seed))
    where: dict[str, dict[str, set[str]]] = defaultdict(dict)
    at = 1
    for check, kind, fault in FAULTS:
        where[check][kind] = set()
        for _ in range(options.each):
            item = fault(world, at)
            world.touched |= {world.queries[at].id, item}
            world.touched |= {id_ for id_, _ in world.labels[world.queries[at].id]}
            where[check][kind].add(item)
            at += 2
    evidence = world.evidence()
    begun = time.perf_counter()
    findings = run(evidence, options.check)
    seconds = time.perf_counter() - begun
    found: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        found[finding.check].add(finding.item_id)
        if finding.check == "distinct_passages":
            found[finding.check].add(finding.other)
    print(
        f"{len(world.queries):,} queries, {len(world.passages):,} passages, seed {options.seed}; ",
        end="",
    )
    print(f"{'these' if options.check else 'all'} checks in {seconds:.0f} s\n")
    print("| Check | Planted | Found | Recall | Wrongly blamed, of clean items | Precision |")
    print("|---|---|---|---|---|---|")
    for check, kinds in where.items():
        if options.check and check not in options.check:
            continue
        own = set().union(*kinds.values())
        wrong = {id_ for id_ in found[check] if id_ not in world.touched}
        right = len(own & found[check])
        precision = right / (right + len(wrong)) if right + len(wrong) else 0.0
        for kind, items in kinds.items():
            hit = len(items & found[check])
            print(f"| `{check}` | {len(items)} × {kind} | {hit} | {hit / len(items):.1%} ", end="")
            print(f"| {len(wrong)} | {precision:.1%} |")


if __name__ == "__main__":
    main()
