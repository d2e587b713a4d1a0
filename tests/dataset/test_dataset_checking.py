"""The checks run over a project: what is looked at again, and what findings change."""

from __future__ import annotations

from pathlib import Path

import pytest

from distiller.dataset import check_project, check_stage, content_hash, freeze, validate
from distiller.dataset.assembly import gather, put_together
from distiller.dataset.sieve import Sieve
from distiller.quality import CHECKS, of_texts
from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, Passage, Query
from distiller.schema.quality import Finding
from distiller.settings import Settings
from distiller.store import Given, Store

ANSWER = "The deposit of case {} is returned within thirty days after the keys were handed over."
OTHER = "Repairs that dwelling {} needs are ordered by its owner, who pays for them within a year."


@pytest.fixture
def project(store: Store) -> Project:
    project = store.create_project(Domain(name="residential tenancy law"))
    for number in range(4):
        fill(store, project, number)
    return project


def fill(store: Store, project: Project, number: int) -> None:
    ids = f"q{number}", f"p{number}", f"n{number}"
    store.add(
        project.id,
        [
            Query(id=ids[0], query=f"when does tenant{number} get deposit{number} back"),
            Passage(id=ids[1], text=ANSWER.format(f"{number} of landlord{number}")),
            Passage(id=ids[2], text=OTHER.format(f"{number} of owner{number}")),
            Judgment(id=f"jp{number}", query_id=ids[0], passage_id=ids[1], grade=3),
            Judgment(id=f"jn{number}", query_id=ids[0], passage_id=ids[2], grade=0),
        ],
    )


def edit(store: Store, kind: type[Query] | type[Passage], id_: str, text: str) -> None:
    field = "query" if kind is Query else "text"
    store.edit(store.get(kind, id_).model_copy(update={field: text}), who="ada")


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts whose language was looked at."""
    texts: list[str] = []
    real = of_texts.in_language
    monkeypatch.setattr(of_texts, "in_language", lambda t, tag: texts.append(t) or real(t, tag))
    return texts


def test_only_what_changed_is_looked_at_again(
    store: Store, project: Project, looked: list[str]
) -> None:
    edit(store, Query, "q1", "wann bekommt der Mieter seine Kaution vom Vermieter zurück")
    first = check_project(store, project)
    assert first.looked == 4 + 8
    assert len(looked) == 4
    assert [f.item_id for f in store.findings(project.id, checks=["query_language"])] == ["q1"]
    looked.clear()
    again = check_project(store, project)
    assert (again.looked, looked) == (0, [])
    assert again.findings == first.findings
    assert again.evidence == check_project(store, project).evidence
    edit(store, Query, "q2", "deposit")
    third = check_project(store, project)
    assert (third.looked, looked) == (1, ["deposit"])
    assert [f.item_id for f in third.findings if f.check == "query_language"] == ["q1"]
    assert [f.item_id for f in third.findings if f.check == "query_length"] == ["q2"]


def test_what_is_rejected_is_not_found_any_more(store: Store, project: Project) -> None:
    edit(store, Query, "q1", "deposit")
    check_project(store, project)
    assert store.count(project.id, Query, found="query_length") == 1
    store.set_status(project.id, Query, ["q1"], Status.REJECTED, who="ada")
    check_project(store, project)
    assert store.count(project.id, Query, found="query_length") == 0


def test_the_summary_is_the_same_whether_or_not_anything_changed(
    store: Store, project: Project
) -> None:
    edit(store, Query, "q1", "deposit")
    first = validate(store, project)
    assert first.checks["found_again"].checked == 4
    assert validate(store, project) == first
    report = check_stage(store, project)
    assert (report.stage, report.made, report.present) == ("check", 0, 12)


def test_progress_names_the_checks(store: Store, project: Project) -> None:
    told: list[str] = []
    check_project(store, project, on_progress=lambda progress: told.append(progress.message))
    assert told == [check.title.lower() for check in CHECKS.values()]


def finding(check: str, kind: str, id_: str, query_id: str = "") -> Finding:
    return Finding(check=check, item_kind=kind, item_id=id_, query_id=query_id)


def weights(store: Store, project: Project, sieve: Sieve) -> tuple[dict[str, float], dict]:
    assembly = put_together(gather(store, project), sieve)
    return {e.query_id: e.weight for e in assembly.examples}, dict(assembly.excluded)


FOUND = [
    finding("query_form", "query", "q0", "q0"),  # serious
    finding("distinct_queries", "query", "q1", "q1"),  # doubtful
    finding("own_words", "passage", "p1", "q1"),  # doubtful
    finding("passage_language", "passage", "n2"),  # serious, a negative
    finding("found_again", "query", "q3", "q3"),  # a hint
]


def test_findings_weigh_examples_down(store: Store, project: Project) -> None:
    found, excluded = weights(store, project, Sieve(FOUND, "weight"))
    assert found == {"q0": 1 / 4, "q1": 1 / 2 * 1 / 2, "q2": 1, "q3": 1}
    assert excluded == {"passage_failed_passage_language": 1}
    many = [finding("query_form", "query", "q0"), finding("query_language", "query", "q0")]
    assert weights(store, project, Sieve(many, "weight"))[0]["q0"] == 0.1


def test_findings_leave_examples_out(store: Store, project: Project) -> None:
    found, excluded = weights(store, project, Sieve(FOUND, "exclude"))
    assert found == {"q2": 1, "q3": 1}
    assert excluded == {
        "query_failed_query_form": 1,
        "query_failed_distinct_queries": 1,
        "passage_failed_passage_language": 1,
    }
    assert weights(store, project, Sieve(FOUND, "off")) == (
        dict.fromkeys(found | {"q0": 1, "q1": 1}, 1),
        {},
    )


def test_a_reviewers_word_counts_more_than_a_check(store: Store, project: Project) -> None:
    store.set_status(project.id, Query, ["q0", "q1", "q2", "q3"], Status.APPROVED, who="ada")
    store.grade(project.id, [Given("q1", "p1", 3)], who="ada")
    store.grade(project.id, [Given(f"q{n}", f"p{n}", 3) for n in (0, 2, 3)], who="ada")
    store.grade(project.id, [Given("q2", "n2", 0)], who="ada")
    for mode in ("weight", "exclude"):
        found, excluded = weights(store, project, Sieve(FOUND, mode))
        assert set(found.values()) == {1}
        assert not [reason for reason in excluded if "failed" in reason]


def test_a_snapshot_carries_weights_and_says_how_they_came(store: Store, project: Project) -> None:
    clean = freeze(store, project, quality="off")
    assert content_hash(clean.examples) == clean.content_hash
    assert freeze(store, project).id == clean.id, "without findings nothing differs"
    store.add(
        project.id,
        [
            Query(id="q9", query="deposit"),
            Judgment(id="j9", query_id="q9", passage_id="p1", grade=3),
        ],
    )
    snapshot = freeze(store, project)
    assert {e.query_id: e.weight for e in snapshot.examples if e.weight < 1} == {"q9": 0.5}
    assert snapshot.filters["quality"] == "weight"
    assert snapshot.lineage["weighed_down"] == 1
    assert snapshot.content_hash != freeze(store, project, quality="off").content_hash
    excluding = freeze(store, project, quality="exclude")
    assert excluding.id == clean.id, "what is left is what was there before"


def test_the_setting_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert Settings(workspace=tmp_path).quality == "weight"
    monkeypatch.setenv("DISTILLER_QUALITY", "exclude")
    assert Settings(workspace=tmp_path).quality == "exclude"
    monkeypatch.setenv("DISTILLER_QUALITY", "maybe")
    with pytest.raises(ValueError, match="quality"):
        Settings(workspace=tmp_path)
