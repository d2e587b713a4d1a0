"""What the documents are about, and how much of it is asked about."""

from __future__ import annotations

from collections import Counter

from corpus import passages, topic_of

from distiller.generate import topics
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
