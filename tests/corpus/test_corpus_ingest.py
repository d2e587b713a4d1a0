from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from distiller.corpus.chunking import Chunking
from distiller.corpus.ingest import BATCH, ingest
from distiller.corpus.reading import blocks_of, read
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError, NotFound, StageFailed
from distiller.schema.examples import Origin, Passage
from distiller.schema.jobs import Progress
from distiller.store import Store
from tests.corpus.files import PARAGRAPH, make_docx, make_pdf, make_scanned_pdf


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project(Domain(name="Residential tenancy law"))


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    return folder


def clause(number: int, word: str = "term") -> str:
    return " ".join(f"{word}{number}x{at}" for at in range(40)) + "."


def texts(store: Store, project: Project) -> list[str]:
    return [passage.text for passage in store.corpus(project.id)]


def test_a_folder_of_all_kinds_becomes_passages_that_name_their_place(
    store: Store, project: Project, documents: Path
) -> None:
    make_pdf(documents / "handbook.pdf")
    make_docx(documents / "rules.docx")
    inside = documents / "law" / "deep"
    inside.mkdir(parents=True)
    (inside / "rent.md").write_text(f"# Rent\n\n{clause(1)}\n\n{clause(2)}")
    (inside / ".hidden.md").write_text("# No\n\nNot to be read.")
    (documents / "photo.png").write_bytes(b"\x89PNG")
    report = ingest(store, project, [documents])
    passages = store.items(project.id, Passage)
    read_ones = {one.name: one for one in store.documents(project.id)}
    assert set(read_ones) == {"handbook.pdf", "law/deep/rent.md", "rules.docx"}
    assert report.made == len(passages) == sum(one.passages for one in read_ones.values())
    assert "files of other kinds passed over: 1 (.png)" in report.notes
    for passage in passages:
        span = passage.provenance.span
        assert span is not None
        assert (passage.origin, passage.provenance.source) == (Origin.CORPUS, "corpus")
        document = store.document(project.id, span.document)
        _, reading = read(Path(document.path))
        text = "\n\n".join(block.text for block in blocks_of(reading))
        assert text[span.start : span.end] == passage.text
        assert document.characters == len(text)
    assert {passage.title for passage in passages} == {
        "Tenancy handbook",
        "Tenancy handbook › Chapter 1: Deposits",
        "House rules › Quiet hours",
        "House rules › Quiet hours › At night",
        "Rent",
    }


def test_reading_again_adds_nothing(store: Store, project: Project, documents: Path) -> None:
    (documents / "a.txt").write_text(f"{clause(1)}\n\n{clause(2)}")
    first = ingest(store, project, [documents])
    before = store.items(project.id, Passage)
    again = ingest(store, project, [documents / "a.txt"])
    assert (first.made, again.made, again.present) == (1, 0, 1)
    assert store.items(project.id, Passage) == before
    assert len(store.documents(project.id)) == 1


def test_a_changed_file_adds_what_is_new_and_what_is_gone_becomes_stale(
    store: Store, project: Project, documents: Path
) -> None:
    file, short = documents / "a.txt", Chunking(words=40, overlap=0)

    def version(*clauses: str) -> tuple[int, int]:
        file.write_text("\n\n".join(clauses))
        report = ingest(store, project, [file], chunking=short)
        return report.made, report.present

    assert version(clause(1), clause(2), clause(3)) == (3, 0)
    # One number differs: nearly the same words, and still not the same clause.
    corrected = clause(2).replace("term2x20", "term2x99")
    assert version(clause(0), clause(1), corrected) == (2, 1)
    assert sorted(texts(store, project)) == sorted([clause(0), clause(1), corrected])
    assert store.count(project.id, Passage, where={"stale": True}) == 2
    assert [one.replaced for one in store.documents(project.id)] == [True, False]
    assert version(clause(1), clause(2), clause(3)) == (0, 3)
    assert sorted(texts(store, project)) == sorted([clause(1), clause(2), clause(3)])
    assert [one.replaced for one in store.documents(project.id)] == [False, True]


def test_a_clause_that_another_document_has_too_stays_when_one_of_them_loses_it(
    store: Store, project: Project, documents: Path
) -> None:
    first, second = documents / "a.txt", documents / "b.txt"
    first.write_text(clause(1))
    second.write_text(clause(1))
    ingest(store, project, [first])
    assert ingest(store, project, [documents]).made == 0
    first.write_text(clause(2))
    ingest(store, project, [documents])
    assert texts(store, project) == [clause(1), clause(2)]
    second.write_text(clause(3))
    ingest(store, project, [documents])
    first.write_text(clause(4))
    ingest(store, project, [documents])
    assert clause(2) not in texts(store, project)


@pytest.mark.parametrize("trailing", ["", "\n"], ids=["same file", "another file"])
def test_a_clause_that_had_become_stale_is_there_again_through_another_document(
    store: Store, project: Project, documents: Path, trailing: str
) -> None:
    first, second = documents / "a.txt", documents / "b.txt"
    first.write_text(clause(1))
    ingest(store, project, [first])
    first.write_text(clause(2))
    ingest(store, project, [first])
    second.write_text(clause(1) + trailing)
    ingest(store, project, [second])
    assert sorted(texts(store, project)) == [clause(1), clause(2)]


def test_near_duplicates_are_folded_and_counted(
    store: Store, project: Project, documents: Path
) -> None:
    (documents / "a.txt").write_text(clause(1) + " " + clause(2))
    (documents / "b.txt").write_text(clause(1) + " " + clause(2).replace("term2x20", "other"))
    report = ingest(store, project, [documents])
    assert report.made == 1
    assert [(one.passages, one.folded) for one in store.documents(project.id)] == [(1, 0), (0, 1)]


def test_bad_files_are_listed_and_the_others_go_on(
    store: Store, project: Project, documents: Path
) -> None:
    make_scanned_pdf(documents / "scan.pdf")
    (documents / "binary.txt").write_bytes(bytes(range(256)) * 4)
    (documents / "empty.md").write_bytes(b"")
    (documents / "good.txt").write_text(PARAGRAPH)
    report = ingest(store, project, [documents])
    assert (report.made, report.failed) == (1, 3)
    problems = {one.name: one.problem for one in store.documents(project.id)}
    assert problems.pop("good.txt") == ""
    assert all(problems.values())
    for name, problem in problems.items():
        assert f"{name}: {problem}" in report.notes
    (documents / "empty.md").write_text(clause(1))
    assert ingest(store, project, [documents / "empty.md"]).made == 1
    current = {one.name: one for one in store.documents(project.id, current=True)}
    assert current["empty.md"].problem == ""


def test_only_bad_files_are_a_failure_and_nothing_is_an_error(
    store: Store, project: Project, documents: Path
) -> None:
    with pytest.raises(NotFound, match="no such file"):
        ingest(store, project, [documents / "none"])
    with pytest.raises(InputError, match="can be read; give txt"):
        ingest(store, project, [documents])
    (documents / "a.txt").write_bytes(b"")
    with pytest.raises(StageFailed, match=r"a\.txt: is empty"):
        ingest(store, project, [documents])
    assert [one.problem for one in store.documents(project.id)] == ["is empty"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_listed(store: Store, project: Project, documents: Path) -> None:
    (documents / "a.txt").write_text(PARAGRAPH)
    (documents / "a.txt").chmod(0)
    with pytest.raises(StageFailed, match="cannot be opened"):
        ingest(store, project, [documents])


def test_files_of_one_name_are_told_apart(store: Store, project: Project, documents: Path) -> None:
    for at, name in enumerate(("one", "two")):
        (documents / name).mkdir()
        (documents / name / "a.txt").write_text(clause(at))
    ingest(store, project, [documents / "one", documents / "two"])
    assert [one.name for one in store.documents(project.id)] == ["one/a.txt", "two/a.txt"]
    assert len(texts(store, project)) == 2


def test_a_killed_run_goes_on_where_it_stopped(
    store: Store, project: Project, documents: Path
) -> None:
    file = documents / "corpus.jsonl.gz"
    with gzip.open(file, "wt") as packed:
        for number in range(2 * BATCH + 5):
            packed.write(json.dumps({"_id": str(number), "text": clause(number)}) + "\n")

    def die(progress: Progress) -> None:
        if progress.message.endswith("1,000 passages"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(store, project, [file], on_progress=die)
    assert len(texts(store, project)) == BATCH
    report = ingest(store, project, [file])
    assert (report.made, report.present) == (BATCH + 5, BATCH)
    assert store.documents(project.id)[0].format == "beir"
    assert store.documents(project.id)[0].passages == 2 * BATCH + 5


def test_projects_do_not_share_a_corpus(store: Store, project: Project, documents: Path) -> None:
    other = store.create_project(Domain(name="Other"))
    (documents / "a.txt").write_text(PARAGRAPH)
    assert ingest(store, project, [documents]).made == 1
    assert ingest(store, other, [documents]).made == 1
