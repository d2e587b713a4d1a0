"""A team's own documents on the Domain page."""

from __future__ import annotations

from pathlib import Path

from distiller.corpus.ingest import ingest
from distiller.schema.domain import Domain
from distiller.schema.examples import Query
from distiller.store import Store

PAGE = "define/domain.py"
RULE = "# Deposits\n\nThe landlord returns the deposit within thirty days of the end of the lease. "


def read(store: Store, folder: Path) -> str:
    project = store.create_project(Domain(name="tenancy"))
    folder.mkdir()
    (folder / "rules.md").write_text(RULE * 3, encoding="utf-8")
    (folder / "scan.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    ingest(store, project, [folder])
    return project.id


def test_documents_are_listed_with_what_could_not_be_read(run_page, store: Store, tmp_path: Path):
    project_id = read(store, tmp_path / "files")
    test = run_page(PAGE)
    assert not test.exception
    table = next(frame.value for frame in test.dataframe if "Document" in frame.value.columns)
    rows = {row["Document"]: row for row in table.to_dict("records")}
    good, bad = rows["rules.md"], rows["scan.pdf"]
    assert list(rows) == ["scan.pdf", "rules.md"]  # what needs a look stands first
    assert good["Passages"] == len(list(store.corpus(project_id))) > 0
    assert bad["Passages"] == 0
    assert bad["What is wrong, or was left out"]
    assert any("**1 could not be read**" in text.value for text in test.markdown)


def test_hard_negatives_are_looked_for_once_there_are_queries(
    run_page, store: Store, tmp_path: Path
):
    project_id = read(store, tmp_path / "files")
    label = "Find hard negatives in them"
    test = run_page(PAGE)
    assert label not in [button.label for button in test.button]
    store.add(project_id, [Query(id="q-1", query="when is the deposit returned")])
    test = run_page(PAGE)
    next(button for button in test.button if button.label == label).click().run()
    assert not test.exception
    [job] = store.jobs(project_id)
    assert (job.kind, job.parameters["stages"]) == ("mine", ["mine"])
