from __future__ import annotations

import pytest

from distiller.schema.base import Provenance, SourceSpan
from distiller.schema.corpus import Document
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import NotFound
from distiller.schema.examples import Origin, Passage
from distiller.store import Store
from distiller.store.documents import PAGE


def document(digest: str, name: str = "lease.pdf") -> Document:
    return Document(
        id=f"d-{digest}", name=name, format="pdf", digest=digest * 8, path=f"/documents/{name}"
    )


def passage(digest: str, start: int, text: str) -> Passage:
    span = SourceSpan(document=f"d-{digest}", start=start, end=start + len(text))
    return Passage(
        id=f"p-{digest}-{span.start}-{span.end}",
        text=text,
        title="Lease",
        origin=Origin.CORPUS,
        provenance=Provenance(source="corpus", span=span),
    )


def test_documents_come_back_as_they_were_and_are_written_again(
    store: Store, project: Project
) -> None:
    first, second = document("aa"), document("bb")
    second.notes = ["page 3 has no text"]
    second.title = "Lease \ud800"
    for one in (first, second):
        store.add_document(project.id, one)
    store.add_document(project.id, first.model_copy(update={"passages": 7, "replaced": True}))
    found = store.documents(project.id, path="/documents/lease.pdf")
    assert [(one.id, one.passages, one.replaced) for one in found] == [
        ("d-aa", 7, True),
        ("d-bb", 0, False),
    ]
    assert found[1].notes == ["page 3 has no text"]
    assert found[1].title == "Lease \ufffd"
    assert found[1].created == second.created
    assert [one.id for one in store.documents(project.id, current=True)] == ["d-bb"]
    assert store.documents(project.id, path="/documents/other.pdf") == []
    assert store.document(project.id, "d-aa").passages == 7


def test_document_of_another_project_or_none_is_not_found(store: Store, project: Project) -> None:
    other = store.create_project(Domain(name="Other"))
    store.add_document(other.id, document("aa"))
    assert store.documents(project.id) == []
    with pytest.raises(NotFound, match="no document 'd-aa'"):
        store.document(project.id, "d-aa")
    with pytest.raises(NotFound, match="no project"):
        store.add_document("p-none", document("aa"))


def test_corpus_is_read_page_by_page_by_document_without_generated_passages(
    store: Store, project: Project
) -> None:
    many = [passage("aa", at, f"Clause {at}") for at in range(PAGE + 5)]
    store.add(project.id, many)
    store.add(project.id, [passage("bb", 0, "Other"), Passage(id="p-gen", text="Generated")])
    assert [text.id for text in store.corpus(project.id)] == [
        *(one.id for one in many),
        "p-bb-0-5",
    ]
    assert store.corpus_texts(project.id, ["p-bb-0-5", "p-none"]) == {"p-bb-0-5": "Other"}
    (other,) = store.corpus(project.id, of=["d-bb"])
    assert other == ("p-bb-0-5", "Lease", "Other", False)
    assert list(store.corpus(project.id, of=[])) == []
    assert list(store.corpus(project.id, of=["d-b"])) == []


def test_passages_that_vanish_are_marked_and_come_back_with_a_history(
    store: Store, project: Project
) -> None:
    kept, gone = passage("aa", 0, "Kept"), passage("aa", 10, "Gone")
    store.add(project.id, [kept, gone])
    assert store.corpus_state(project.id, [kept.id, gone.id, "p-none"]) == {
        kept.id: False,
        gone.id: False,
    }
    marked = store.mark_passages(project.id, [gone.id], stale=True, reason="not in lease.pdf now")
    assert marked == 1
    assert store.mark_passages(project.id, [gone.id], stale=True, reason="again") == 0
    assert [text.id for text in store.corpus(project.id)] == [kept.id]
    assert [text.stale for text in store.corpus(project.id, stale=True)] == [False, True]
    store.mark_passages(project.id, [gone.id], stale=False, reason="back")
    assert store.get(Passage, gone.id).version == 3
    assert [(event.action, event.reason) for event in store.events(project.id, gone.id)] == [
        ("stale", "not in lease.pdf now"),
        ("fresh", "back"),
    ]
