"""Findings: replaced as a whole, forgotten with the words that they were about, filtered by."""

from __future__ import annotations

import pytest

from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import NotFound
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.schema.quality import Finding, Worth
from distiller.store import Given, PairFilter, Store


@pytest.fixture
def project(store: Store) -> Project:
    project = store.create_project(Domain(name="rent"))
    store.add(
        project.id,
        [
            Query(id="q", query="who pays the rent"),
            Query(id="r", query="when is rent due"),
            Passage(id="p", text="The tenant pays."),
            Passage(id="n", text="It is due on the first."),
            Judgment(id="jp", query_id="q", passage_id="p", grade=3),
            Judgment(id="jn", query_id="q", passage_id="n", grade=0),
            Judgment(id="jr", query_id="r", passage_id="n", grade=3),
        ],
    )
    return project


def passage(check: str, id_: str, query_id: str = "") -> Finding:
    return Finding(check=check, item_kind="passage", item_id=id_, query_id=query_id)


def query(check: str, id_: str) -> Finding:
    return Finding(check=check, item_kind="query", item_id=id_, query_id=id_)


ALL = [query("form", "q"), passage("form", "n"), passage("twin", "n", "q"), query("same", "r")]


def test_a_run_replaces_what_an_earlier_one_found(store: Store, project: Project) -> None:
    looked = {("query", "q"): "a", ("project", ""): "b"}
    worth = Worth(item_kind="query", item_id="q", value=0.5, reason="unsure")
    store.save_findings(project.id, ALL, looked=looked, worths=[worth])
    assert store.findings(project.id) == ALL
    assert store.looked_at(project.id) == looked
    assert store.worth(project.id, "query", "q") == worth
    assert store.count_findings(project.id) == {"form": 2, "same": 1, "twin": 1}
    assert store.findings(project.id, checks=["form"], item_kind="query") == ALL[:1]
    assert store.findings(project.id, item_ids=["n"], limit=1, offset=1) == ALL[2:3]
    assert store.findings(project.id, query_ids=["q"]) == [ALL[0], ALL[2]]
    store.save_findings(project.id, ALL[:1])
    assert store.findings(project.id) == ALL[:1]
    assert store.looked_at(project.id) == {}
    assert store.worth(project.id, "query", "q") is None
    with pytest.raises(NotFound):
        store.save_findings("nobody", ALL)


def test_an_edit_forgets_what_was_about_the_old_words(store: Store, project: Project) -> None:
    store.save_findings(project.id, ALL, looked={("query", "q"): "a", ("query", "r"): "b"})
    store.set_status(project.id, Query, ["q"], Status.APPROVED, who="ada")
    assert store.findings(project.id) == ALL
    edited = store.get(Query, "q").model_copy(update={"query": "who owes rent"})
    store.edit(edited, who="ada")
    assert store.findings(project.id) == [ALL[1], ALL[3]]
    assert store.looked_at(project.id) == {("query", "r"): "b"}
    edited = store.get(Passage, "n").model_copy(update={"text": "On the second."})
    store.edit(edited, who="ada")
    assert store.findings(project.id) == ALL[3:]


def test_a_grade_forgets_what_was_found_about_the_pair(store: Store, project: Project) -> None:
    store.save_findings(project.id, ALL)
    store.grade(project.id, [Given("q", "n", 0)], who="ada")
    assert store.findings(project.id) == [ALL[0], ALL[1], ALL[3]]
    store.save_findings(project.id, ALL)
    label = store.get(Judgment, "jn")
    store.edit(label.model_copy(update={"grade": 2}), who="model")
    assert ALL[2] not in store.findings(project.id)


def test_items_and_pairs_are_filtered_by_a_check(store: Store, project: Project) -> None:
    store.save_findings(project.id, ALL)

    def queries(check: str) -> list[str]:
        assert store.count(project.id, Query, found=check) == len(
            store.ids(project.id, Query, found=check)
        )
        return [item.id for item in store.items(project.id, Query, found=check)]

    def pairs(check: str) -> list[str]:
        return [row.id for row in store.pairs(project.id, PairFilter(check=check))]

    assert queries("form") == ["q"]
    assert queries("twin") == ["q"]  # of a passage beside it
    assert queries("same") == ["r"]
    assert queries("nothing") == []
    assert [item.id for item in store.items(project.id, Passage, found="form")] == ["n"]
    assert pairs("form") == ["jn", "jr"]
    assert pairs("twin") == ["jn"]
    assert pairs("same") == []


def test_findings_of_another_project_are_left_alone(store: Store, project: Project) -> None:
    other = store.create_project(Domain(name="another"))
    store.save_findings(other.id, ALL)
    store.save_findings(project.id, [])
    assert store.findings(other.id) == ALL
    store.grade(project.id, [Given("q", "n", 0)], who="ada")
    assert store.findings(other.id) == ALL
    assert JudgmentSource.REVIEWER in {j.source for j in store.judgments(project.id)}
