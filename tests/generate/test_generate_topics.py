"""What the documents are about, and how much of it is asked about."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from corpus import passages, topic_of

from distiller.dataset import validate
from distiller.dataset.checking import in_words
from distiller.generate import passage_topics, topics
from distiller.generate.outline import corpus_outline
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.store import Store


def ask(store: Store, project: Project, name: str, item: Passage, grade: int = 3) -> None:
    store.add(
        project.id,
        [
            Query(id=name, query=f"what about {name}"),
            Judgment(
                id=f"j-{name}",
                query_id=name,
                passage_id=item.id,
                grade=grade,
                source=JudgmentSource.GENERATOR,
            ),
        ],
    )


def test_without_documents_there_are_no_topics(store: Store, project: Project):
    assert topics(store, project) == []


def test_queries_count_for_the_topic_whose_passage_answers_them(store: Store, project: Project):
    items = passages(8)
    store.add(project.id, items)
    about = {name: [one for one in items if topic_of(one.text) == name] for name in ("heating",)}
    ask(store, project, "a", about["heating"][0])
    ask(store, project, "b", about["heating"][1])
    ask(store, project, "negative", about["heating"][2], grade=0)
    ask(store, project, "rejected", about["heating"][3])
    store.set_status(project.id, Query, ["rejected"], Status.REJECTED, who="ada")
    found = topics(store, project)
    assert sum(topic.passages for topic in found) == len(items)
    asked: Counter[str] = Counter()
    for topic in found:
        [name] = {topic_of(example.text) for example in topic.examples}
        asked[name] += topic.queries
    assert asked == {"heating": 2, "deposits": 0, "notice": 0}
    shares = [topic.queries / topic.passages for topic in found]
    assert shares == sorted(shares), "what has the fewest queries for its size comes first"


def test_topics_of_passages_are_kept_until_the_documents_change(
    store: Store, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    items = passages(8)
    store.add(project.id, items)
    found = passage_topics(store, project, tmp_path)
    assert set(found) <= {item.id for item in items}
    assert len(set(found.values())) > 1
    looked: list[str] = []
    monkeypatch.setattr(
        sys.modules[topics.__module__],
        "corpus_outline",
        lambda store, one: looked.append(one.id) or corpus_outline(store, one),
    )
    assert passage_topics(store, project, tmp_path) == found
    assert looked == []
    store.set_status(project.id, Passage, [items[0].id], Status.REJECTED, who="ada")
    assert items[0].id not in passage_topics(store, project, tmp_path)
    (file,) = (tmp_path / "index" / project.id).glob("topics.json")
    file.write_text("{", encoding="utf-8")
    assert items[0].id not in passage_topics(store, project, tmp_path)
    assert len(looked) == 2


def test_the_checks_measure_coverage_by_topic(store: Store, project: Project, tmp_path: Path):
    items = passages(8)
    store.add(project.id, items)
    ask(store, project, "a", items[0])
    topics_of = partial(passage_topics, store, project, tmp_path)
    of = topics_of()
    summary = validate(store, project, topics=topics_of)
    assert summary.measures["topics_covered"] == 1 / len(set(of.values()))
    assert validate(store, project, topics=topics_of).measures == summary.measures
    [note] = in_words(summary.measures)
    assert "of the topics of the documents" in note
