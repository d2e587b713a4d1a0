"""The Quality page, and what it brings to the pages where decisions are made."""

from __future__ import annotations

import pytest

from distiller.dataset import check_project
from distiller.generate import settle
from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.schema.quality import Finding
from distiller.settings import Settings
from distiller.store import Store

PAGE = "curate/quality.py"
ANSWER = (
    "A tenant may hold rent back while a defect stays unmended. The sum follows from how far the "
    "dwelling can be used, and the landlord must have been told of the defect before."
)
OTHER = "The owner orders repairs of the roof within a month of a written request by the tenant."


def press(test, label: str):
    return next(b for b in test.button if b.label == label).click().run()


def words(test) -> str:
    return " ".join(element.value for element in [*test.caption, *test.markdown])


@pytest.fixture
def project(store: Store) -> Project:
    project = store.create_project(Domain(name="rent"))
    store.add(
        project.id,
        [
            Query(id="q", query="when may a tenant hold the rent back"),
            Query(id="again", query="when may tenants hold the rent back"),
            Query(id="form", query="Query: who mends the **roof**"),
            Passage(id="yes", text=ANSWER),
            Passage(id="no", text=OTHER),
            Judgment(id="jy", query_id="q", passage_id="yes", grade=3),
            Judgment(id="jn", query_id="q", passage_id="no", grade=0),
            Judgment(id="jf", query_id="form", passage_id="no", grade=3),
            Judgment(id="jj", query_id="q", passage_id="no", grade=2, source=JudgmentSource.JUDGE),
        ],
    )
    return project


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list:
    """What the page asks the worker for, without a worker."""
    asked: list = []
    monkeypatch.setattr(
        "distiller.jobs.submit",
        lambda store, settings, project_id, stages, plan: asked.append((tuple(stages), plan)),
    )
    return asked


def test_it_says_what_checks_are_before_they_were_run(run_page, store, project, queued):
    test = run_page(PAGE)
    assert not test.exception
    assert "Nobody has run the checks yet" in test.info[0].value
    press(test, "Run the checks")
    assert [stages for stages, _ in queued] == [("check",)]


def test_counts_stand_in_plain_words(run_page, store, project):
    check_project(store, project)
    test = run_page(PAGE)
    assert not test.exception
    frame = test.dataframe[0].value.set_index("What was found")
    assert frame.loc["Asks the same as another query", "How often"] == 1
    assert frame.loc["Remains of a prompt in the query", "Harm"] == "teaches something wrong"
    measures = test.dataframe[-1].value.set_index("Measure")["Value"]
    assert measures["Words in a query"] == pytest.approx((8 + 7 + 5) / 3, abs=0.01)


def test_a_repair_is_shown_before_it_is_made(run_page, store, project, queued):
    check_project(store, project)
    test = run_page(PAGE, check="distinct_queries")
    assert not test.exception
    preview = test.dataframe[1].value
    assert list(preview["As it is"]) == ["when may tenants hold the rent back"]
    assert "goes to “when may a tenant hold the rent back”" in preview["What would be done"].iloc[0]
    press(test, "Mend all 1")
    [(stages, plan)] = queued
    assert stages == ("settle", "check")
    assert plan.checks == ["distinct_queries"]
    assert store.get(Query, "again").status is Status.PROPOSED, "only the job changes anything"
    settle(store, project, checks=plan.checks)
    assert store.get(Query, "again").status is Status.REJECTED


def test_what_a_model_mends_is_judged_and_checked_again(run_page, store, project, queued):
    check_project(store, project)
    test = run_page(PAGE, check="query_form")
    press(test, "Mend all 1")
    assert [stages for stages, _ in queued] == [("repair", "judge", "remine", "check")]


def test_what_findings_do_is_kept_in_the_workspace(run_page, store, project):
    check_project(store, project)
    test = run_page(PAGE)
    radio = next(r for r in test.radio if r.label.startswith("What becomes of"))
    radio.set_value("exclude").run()
    assert not test.exception
    assert Settings().quality == "exclude"


def test_queries_are_narrowed_to_what_a_check_found(run_page, store, project):
    check_project(store, project)
    test = run_page("curate/queries.py", mode="Table", check="query_form")
    assert not test.exception
    frame = test.dataframe[0].value
    assert list(frame.index) == ["form"]
    assert frame["Found"].iloc[0] == "no hard negative; remains of a prompt in the query"
    card = run_page("curate/queries.py", mode="Focus", check="query_form")
    assert not card.exception
    assert words(card).count("it begins with a label") == 1
    assert "Comes now because" in words(card)


def test_the_order_of_the_cards_is_chosen_in_the_address(run_page, store, project):
    check_project(store, project)
    useful = run_page("curate/queries.py", mode="Focus")
    assert "Comes now because" in words(useful)
    oldest = run_page("curate/queries.py", mode="Focus", queue="age")
    assert not oldest.exception
    assert oldest.subheader[0].value == "when may a tenant hold the rent back"
    assert "Comes now because" not in words(oldest)
    assert not run_page("curate/passages.py", queue="random").exception
    assert not run_page("curate/passages.py", queue="forged").exception


def test_the_judge_stays_hidden_in_reasons_and_badges(run_page, store, project):
    check_project(store, project)
    test = run_page("curate/passages.py", check="negatives_do_not_answer")
    assert not test.exception
    shown = words(test)
    assert "Comes now because: what is known of it does not agree" in shown
    assert "judge grades" not in shown
    table = run_page("curate/passages.py", mode="Table", check="negatives_do_not_answer")
    assert list(table.dataframe[0].value["Found"]) == [""]
    Settings().keep(hide_judge=False)
    assert "judge grades it 2 of 3" in words(
        run_page("curate/passages.py", check="negatives_do_not_answer")
    )


def test_foreign_text_in_a_reason_is_text(run_page, store, project):
    bad = "<script>x</script> **bold** :red[r]"
    finding = Finding(check="query_form", item_kind="query", item_id="q", query_id="q", reason=bad)
    check_project(store, project)
    store.save_findings(project.id, [finding], looked=store.looked_at(project.id))
    for page in (PAGE, "curate/queries.py"):
        test = run_page(page, check="query_form")
        assert not test.exception
        assert "**bold**" not in words(test)
        assert ":red[" not in words(test)
