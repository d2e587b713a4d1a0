"""Near-duplicates side by side, filling gaps, and merging on the pages."""

from __future__ import annotations

import pytest

from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


def test_a_duplicate_is_rejected_from_the_pair_and_the_pair_is_gone(
    run_page, store: Store, example: Project
) -> None:
    store.add(
        example.id,
        [
            Query(id="one", query="can <b>my</b> landlord keep the whole deposit"),
            Query(id="two", query="can <b>my</b> landlord keep the whole deposit?!"),
        ],
    )
    page = run_page("curate/queries.py", mode="Alike")
    assert not page.exception
    button = next(b for b in page.button if b.key and b.key.endswith("one/two/two"))
    button.click().run()
    assert not page.exception
    assert store.get(Query, "two", project_id=example.id).status is Status.REJECTED
    assert not [b for b in page.button if b.key and "one/two" in b.key]
    (event,) = store.events(example.id, "two")[-1:]
    assert (event.who, event.reason) == ("ada", "duplicate")


def test_one_is_kept_for_both_with_the_passages_of_the_other(
    run_page, store: Store, example: Project
) -> None:
    store.add(
        example.id,
        [
            Query(id="one", query="can my landlord keep the whole deposit"),
            Query(id="two", query="can the landlord keep my whole deposit?!"),
            Query(id="not", query="can my neighbour keep the whole deposit"),
            Passage(id="p", text="A landlord keeps no more of the deposit than what is owed."),
            Judgment(id="j", query_id="two", passage_id="p", grade=3),
        ],
    )
    page = run_page("curate/queries.py", mode="Alike")
    keep = {b.key.rpartition("alike/")[2]: b for b in page.button if b.key and "keep" in b.key}
    assert "one/two/one/keep" in keep
    assert not [key for key in keep if "not" in key.split("/")], "another word asks something else"
    keep["one/two/one/keep"].click().run()
    assert not page.exception
    assert store.get(Query, "two", project_id=example.id).status is Status.REJECTED
    [moved] = store.judgments(example.id, query_ids=["one"])
    assert (moved.passage_id, moved.grade) == ("p", 3)
    (event,) = store.events(example.id, "two")[-1:]
    assert (event.who, event.reason) == ("ada", "duplicate, merged into one")
    next(b for b in page.button if b.label == "Undo my last step").click().run()
    assert store.get(Query, "two", project_id=example.id).status is Status.PROPOSED


def test_more_is_written_where_the_fewest_are_or_where_one_says(
    run_page, store: Store, example: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distiller.jobs.control.ensure_worker", lambda *_: False)
    monkeypatch.setattr("distiller.jobs.ensure_worker", lambda *_: False)
    page = run_page("curate/queries.py", mode="Coverage")
    next(b for b in page.button if b.label == "Generate more here").click().run()
    assert not page.exception
    (job,) = store.jobs(example.id)
    plan = job.parameters["plan"]
    assert (job.kind, plan["queries"], plan["targets"], plan["query_type"]) == (
        "queries", 130, [], "",
    )  # fmt: skip
    store.cancel(job.id)
    page = run_page("curate/queries.py", mode="Coverage")
    concept = store.items(example.id, Concept, limit=1)[0]
    next(box for box in page.selectbox if box.label == "About").set_value(concept.term)
    kind = next(box for box in page.selectbox if box.label == "Type")
    kind.set_value(kind.options[0].replace(" ", "_"))
    next(b for b in page.button if b.label == "Generate more here").click().run()
    assert not page.exception
    plan = store.jobs(example.id)[-1].parameters["plan"]
    assert plan["targets"] == [concept.id]
    assert plan["query_type"] == kind.options[0].replace(" ", "_")
