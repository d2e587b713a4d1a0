"""Every page: without a project, empty, with the example, and with 10,000 queries."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from distiller.dataset import freeze
from distiller.schema.base import Provenance, Status, new_id
from distiller.schema.domain import Domain, Project
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.schema.jobs import Job, JobState
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion
from distiller.schema.retrieval import TrainedModel
from distiller.settings import Settings
from distiller.store import Store

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
QUERIES = 10_000
HOSTILE = (
    "<script>document.title='x'</script><img src=x onerror=alert(1)> **bold** :red[r] :tada: "
    "$x^2$ `c` [l](http://a.b) -> שלום \u202eabc 🏠"
)
SIGNS = ("**bold**", ":red[", "<script", "<img", "$x^2$", "`c`", "[l](http", ":tada:")

Address = dict[str, str]
PAGES: list[tuple[str, Address]] = [
    ("define/domain.py", {}),
    *[
        ("define/knowledge.py", {"view": view})
        for view in (
            "Concepts", "Relationships", "Questions", "Document types", "Facts", "Graph",
        )
    ],
    *[("curate/queries.py", {"mode": mode}) for mode in ("Focus", "Table", "Coverage", "Alike")],
    *[("curate/passages.py", {"mode": mode}) for mode in ("Focus", "Table")],
    ("curate/quality.py", {}),
    ("train/training.py", {}),
    ("train/evaluation.py", {}),
    ("admin/settings.py", {}),
    ("admin/jobs.py", {}),
]  # fmt: skip
WITHOUT_PROJECT = {"define/domain.py", "admin/settings.py"}
"""They say something of their own where there is no project yet."""
each_page = pytest.mark.parametrize(
    ("page", "address"), PAGES, ids=[f"{p}{''.join(a.values())}" for p, a in PAGES]
)


def said(test) -> list[str]:
    """Everything on the page that is read as Markdown."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "success")
    found = [element.value for kind in kinds for element in test.get(kind)]
    widgets = ("button", "radio", "selectbox", "checkbox", "text_input", "text_area", "expander")
    found += [element.label for kind in widgets for element in test.get(kind)]
    found += [element.value for element in test.get("toast")]
    found += [block.proto.text for block in test.get("progress")]
    found += [block.proto.label for block in test.get("page_link")]
    return found


@each_page
def test_without_a_project(run_page, page: str, address: Address):
    test = run_page(page, **address)
    assert not test.exception
    if page not in WITHOUT_PROJECT:
        assert "There is no project yet" in test.info[0].value
        assert not test.button


@each_page
def test_with_an_empty_project(run_page, store: Store, page: str, address: Address):
    store.create_project(Domain(name="empty"))
    test = run_page(page, **address)
    assert not test.exception
    assert not test.error
    if page not in WITHOUT_PROJECT:
        assert test.info, "an empty page says what is missing"


@each_page
def test_with_the_example(run_page, example: Project, page: str, address: Address):
    test = run_page(page, **address)
    assert not test.exception
    assert not test.error
    assert "Next: review 120 queries" in said(test)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a project of 10,000 queries, as the benchmark measures it."""
    sys.path.insert(0, str(BENCHMARKS))
    from app_pages import seed  # noqa: PLC0415 - a script beside the package

    folder = tmp_path_factory.mktemp("large")
    with Store.open(f"sqlite:///{folder / 'distiller.db'}") as opened:
        project = seed(opened, QUERIES)
        counts = opened.counts(project.id)
    assert (sum(counts["query"].values()), sum(counts["passage"].values())) == (QUERIES, 40_000)
    return folder


@pytest.fixture
def large_workspace(
    large: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    monkeypatch.setenv("DISTILLER_WORKSPACE", str(large))
    st.cache_resource.clear()
    with Store.open(Settings().database) as opened:
        yield opened


@pytest.mark.slow
@each_page
def test_with_ten_thousand_queries(run_page, large_workspace: Store, page: str, address: Address):
    test = run_page(page, project="seeded-10000", **address)
    assert not test.exception
    assert not test.error
    assert any("of 10,000 decided" in line for line in said(test))
    if address.get("mode") == "Table":
        assert len(test.dataframe[0].value) == 25


@pytest.fixture
def hostile(store: Store) -> Project:
    """Foreign text in every field that anybody or anything can write."""
    domain = Domain(
        name=HOSTILE,
        description=HOSTILE,
        audience=HOSTILE,
        exclusions=[HOSTILE],
        example_queries=[HOSTILE],
    )
    project = store.create_project(domain, "hostile")
    made = Provenance(source=HOSTILE, model=HOSTILE, prompt=HOSTILE, editor=HOSTILE)
    shared = {"provenance": made}
    about = {"query_id": "q", "explanation": HOSTILE, **shared}
    store.add(
        project.id,
        [
            Concept(
                id="c", term=HOSTILE, definition=HOSTILE, example=HOSTILE,
                related_terms=[HOSTILE], **shared,
            ),
            Relationship(id="r", type=HOSTILE, description=HOSTILE, examples=[HOSTILE], **shared),
            TypicalQuestion(id="t", question=HOSTILE, **shared),
            DocumentType(
                id="d", type=HOSTILE, description=HOSTILE, common_sections=[HOSTILE], **shared
            ),
            Fact(id="f", fact=HOSTILE, **shared),
            Query(
                id="q", query=HOSTILE, type=HOSTILE, persona=HOSTILE, answer_type=HOSTILE,
                key_concepts=[HOSTILE], **shared,
            ),
            Query(id="q2", query=f"{HOSTILE} !", type=HOSTILE, key_concepts=[HOSTILE], **shared),
            Passage(id="p", text=HOSTILE, title=HOSTILE, **shared),
            Passage(id="n", text=f"{HOSTILE} 2", title=HOSTILE, **shared),
            Judgment(id="jp", passage_id="p", grade=3, **about),
            Judgment(id="jn", passage_id="n", grade=0, **about),
            Judgment(id="j2", query_id="q2", passage_id="p", grade=3, explanation=HOSTILE, **shared),
            Judgment(
                id="j3", query_id="q2", passage_id="p", grade=3, source=JudgmentSource.JUDGE
            ),
            Judgment(id="jj", passage_id="n", grade=3, source=JudgmentSource.JUDGE, **about),
        ],
    )  # fmt: skip
    freeze(store, project)
    store.set_status(project.id, Query, ["q2"], Status.APPROVED, who=HOSTILE, reason=HOSTILE)
    store.set_status(project.id, Query, ["q2"], Status.PROPOSED, who=HOSTILE, reason=HOSTILE)
    changed = store.get(Concept, "c").model_copy(update={"definition": f"{HOSTILE} 2"})
    store.edit(changed, who=HOSTILE, project_id=project.id)
    for state in (JobState.FAILED, JobState.RUNNING):
        store.add_job(
            Job(
                id=new_id("job"), project_id=project.id, kind=HOSTILE, stage=HOSTILE,
                message=HOSTILE, state=state, done=1, total=2, worker=HOSTILE,
            )
        )  # fmt: skip
    store.add_job(
        Job(
            id=new_id("job"), project_id=project.id, kind="train", state=JobState.FAILED,
            message=HOSTILE, parameters={"plan": {"preset": HOSTILE}},
            metrics=[{"step": 1, "loss": 2.0, HOSTILE: 1.0}],
        )
    )  # fmt: skip
    store.save_model(
        TrainedModel(
            id="m", project_id=project.id, path=f"models/{HOSTILE}", base=HOSTILE,
            snapshot_hash="h", recipe={},
        )
    )  # fmt: skip
    return project


@each_page
def test_foreign_text_in_every_field_is_text(
    run_page, hostile: Project, page: str, address: Address
):
    addresses = [address]
    if page == "define/knowledge.py":
        ids = dict(
            zip(("Concepts", "Relationships", "Questions", "Document types", "Facts"), "crtdf",
                strict=True)
        )  # fmt: skip
        addresses += [address | {"item": ids[address["view"]]}] if address["view"] in ids else []
    if address.get("mode") == "Table":
        addresses.append(address | {"item": "q" if "queries" in page else "jn", "text": HOSTILE})
    for one in addresses:
        test = run_page(page, project=hostile.name, **{**one, "who": HOSTILE})
        assert not test.exception
        for line in said(test):
            shown = re.sub(r"\\.", "\0", line)  # a sign after a backslash is only a sign
            assert not any(sign in shown for sign in SIGNS), line
        for block in test.get("html"):
            assert "<script" not in block.proto.body
            assert "<img" not in block.proto.body
