"""The example project: complete, varied, and loaded without loss."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from distiller.dataset import assemble, import_file, read, read_knowledge, write, write_knowledge
from distiller.schema.domain import Domain
from distiller.schema.examples import CONTRASTIVE_STRATEGIES, Complexity, Query, Strategy
from distiller.schema.knowledge import Concept
from distiller.store import Store

EXAMPLE = Path(__file__).parent.parent / "examples" / "tenancy"
README = EXAMPLE / "README.md"
KNOWLEDGE = EXAMPLE / "knowledge.json"
DATASET = EXAMPLE / "dataset.json"
TYPES = {
    "factual",
    "procedural",
    "definition",
    "comparison",
    "scenario",
    "troubleshooting",
    "eligibility",
}
FLAWS = {
    "wrong negative",
    "near-duplicate query",
    "off-topic positive",
    "vague query",
    "positive copies the query",
    "positive contradicts the fact sheet",
}


@pytest.fixture(scope="module")
def knowledge() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(KNOWLEDGE.read_text(encoding="utf-8"))
    return value


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads(DATASET.read_text(encoding="utf-8"))
    return value


@pytest.fixture(scope="module")
def flawed() -> dict[str, tuple[str, str]]:
    """Query → kind of flaw and what is wrong, from the table in the README."""
    table = README.read_text(encoding="utf-8").split("## Deliberate flaws")[1]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert rows[0] == ["Query", "Flaw", "What is wrong"]
    return {query: (kind, text) for query, kind, text in rows[1:]}


def passages(record: dict[str, Any]) -> list[str]:
    return [
        record["positive_document"],
        *(negative["document"] for negative in record["negative_documents"]),
    ]


def words(text: str) -> int:
    return len(text.split())


def test_the_knowledge_is_complete(knowledge: dict[str, Any]) -> None:
    counts = {key: len(value) for key, value in knowledge.items() if isinstance(value, list)}
    assert counts == {
        "concepts": 60,
        "relationships": 12,
        "typical_questions": 25,
        "document_types": 8,
        "facts": 25,
    }
    terms = [concept["term"] for concept in knowledge["concepts"]]
    assert len(set(terms)) == 60
    for concept in knowledge["concepts"]:
        assert concept["definition"]
        assert concept["example"]
        assert 2 <= len(concept["related_terms"]) <= 4
        assert set(concept["related_terms"]) <= set(terms) - {concept["term"]}
    assert all(relationship["examples"] for relationship in knowledge["relationships"])
    assert all(document["common_sections"] for document in knowledge["document_types"])


def test_every_record_has_its_passages_in_measure(records: list[dict[str, Any]]) -> None:
    assert len(records) == 120
    for record in records:
        assert len(record["negative_documents"]) == 3
        assert 60 <= words(record["positive_document"]) <= 130
        assert record["positive_explanation"]
        for negative in record["negative_documents"]:
            assert 50 <= words(negative["document"]) <= 110
            assert negative["explanation"]


def test_no_query_and_no_passage_stands_twice(records: list[dict[str, Any]]) -> None:
    assert len({record["query"].casefold() for record in records}) == 120
    assert len({text.casefold() for record in records for text in passages(record)}) == 480


def test_types_complexities_and_strategies_are_covered(records: list[dict[str, Any]]) -> None:
    own = [record["_meta"]["distiller"] for record in records]
    types = Counter(meta["type"] for meta in own)
    assert set(types) == TYPES
    assert min(types.values()) >= 10
    complexities = Counter(meta["complexity"] for meta in own)
    assert set(complexities) == set(Complexity)
    assert min(complexities.values()) >= 25
    assert all(meta["answer_type"] for meta in own)
    strategies = Counter(
        negative["strategy"] for record in records for negative in record["negative_documents"]
    )
    assert set(strategies) == {Strategy.STANDARD, *CONTRASTIVE_STRATEGIES}
    assert max(strategies.values()) - min(strategies.values()) <= 6


def test_queries_and_concepts_meet(
    records: list[dict[str, Any]], knowledge: dict[str, Any]
) -> None:
    terms = {concept["term"] for concept in knowledge["concepts"]}
    asked = [set(record["_meta"]["distiller"]["key_concepts"]) for record in records]
    assert all(asked)
    assert set.union(*asked) == terms


def test_every_flaw_is_named_in_the_readme_and_nowhere_else(
    records: list[dict[str, Any]], flawed: dict[str, tuple[str, str]]
) -> None:
    by_query = {record["query"]: record for record in records}
    assert len(flawed) == 24
    assert set(flawed) <= set(by_query)
    assert Counter(kind for kind, _ in flawed.values()) == dict.fromkeys(FLAWS, 4)
    for query, (kind, what) in flawed.items():
        if kind == "near-duplicate query":
            assert what.split('"')[1] in by_query
        if kind == "positive copies the query":
            assert query in by_query[query]["positive_document"]
    keys = {"persona", "distiller"}
    assert {key for record in records for key in record["_meta"]} == keys
    assert "flaw" not in DATASET.read_text(encoding="utf-8").casefold()


def test_the_files_are_read_and_written_without_loss(
    records: list[dict[str, Any]], knowledge: dict[str, Any], tmp_path: Path
) -> None:
    examples = read(DATASET)
    assert [
        {
            "query": e.query,
            "positive_document": e.positives[0].text,
            "positive_explanation": e.positives[0].explanation,
            "negative_documents": [
                {"document": n.text, "explanation": n.explanation, "strategy": n.strategy}
                for n in e.negatives
            ],
            "_meta": {
                **e.meta,
                "distiller": {
                    "type": e.type,
                    "complexity": e.complexity,
                    "answer_type": e.answer_type,
                    "key_concepts": e.key_concepts,
                },
            },
        }
        for e in examples
    ] == records
    write(examples, "jsonl", tmp_path / "again.jsonl")
    assert read(tmp_path / "again.jsonl") == examples
    write_knowledge(read_knowledge(KNOWLEDGE), tmp_path / "knowledge.json")
    again = json.loads((tmp_path / "knowledge.json").read_text(encoding="utf-8"))
    assert {**again, "_meta": {}} == knowledge


def test_the_example_becomes_a_project(store: Store, records: list[dict[str, Any]]) -> None:
    project = store.create_project(Domain(name="residential tenancy law"))
    assert import_file(store, project, KNOWLEDGE).added == {
        "concept": 60,
        "relationship": 12,
        "typical_question": 25,
        "document_type": 8,
        "fact": 25,
    }
    added = import_file(store, project, DATASET).added
    assert added == {"query": 120, "passage": 480, "judgment": 480}
    terms = {concept.term for concept in store.items(project.id, Concept)}
    for query in store.items(project.id, Query):
        assert set(query.key_concepts) <= terms
    assert {e.query for e in assemble(store, project)} <= {r["query"] for r in records}


def test_who_searches_survives_a_project(store: Store, records: list[dict[str, Any]]) -> None:
    """In by import, out by assemble: the persona of a query is not lost on the way."""
    project = store.create_project(Domain(name="residential tenancy law"))
    import_file(store, project, DATASET)
    personas = {record["query"]: record["_meta"]["persona"] for record in records}
    assert {e.query: e.meta["persona"] for e in assemble(store, project)} == personas
