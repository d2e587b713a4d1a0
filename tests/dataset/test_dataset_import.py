"""Files into projects: everything or nothing, once."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distiller.dataset import (
    assemble,
    freeze,
    import_file,
    knowledge_base,
    read_knowledge,
    read_queries,
    write,
    write_knowledge,
    write_queries,
)
from distiller.schema.base import Provenance, Status
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError, InvalidFile, NotFound
from distiller.schema.examples import Complexity, Passage, Query
from distiller.schema.knowledge import (
    Concept,
    DocumentType,
    Fact,
    KnowledgeBase,
    Relationship,
    TypicalQuestion,
)
from distiller.store import Store
from distiller.store.kinds import Kind
from tests.dataset.strategies import loose_texts, texts


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project(Domain(name="residential tenancy law"))


RECORDS = [
    {
        "query": f"question {n}",
        "positive_document": f"answer {n}",
        "negative_documents": [f"no answer {n}", "shared by two" if n else "alone"],
        "explanations": ["off topic", "too general"],
    }
    for n in range(3)
]


def training_file(folder: Path) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(RECORDS), encoding="utf-8")
    return path


def test_a_training_file_becomes_queries_passages_and_judgments(
    store: Store, project: Project, tmp_path: Path
) -> None:
    report = import_file(store, project, training_file(tmp_path))
    assert report.added == {"query": 3, "passage": 8, "judgment": 9}
    examples = assemble(store, project)
    assert [e.query for e in examples] == ["question 0", "question 1", "question 2"]
    assert [(p.text, p.grade) for p in examples[0].positives] == [("answer 0", 3)]
    assert [(p.text, p.grade, p.explanation, p.strategy) for p in examples[0].negatives] == [
        ("no answer 0", 0, "off topic", "imported"),
        ("alone", 0, "too general", "imported"),
    ]
    assert {q.provenance.source for q in store.items(project.id, Query)} == {"import"}


def test_importing_twice_adds_nothing(store: Store, project: Project, tmp_path: Path) -> None:
    path = training_file(tmp_path)
    import_file(store, project, path)
    before = store.counts(project.id)
    report = import_file(store, project, path)
    assert report.added == {}
    assert report.present == {"query": 3, "passage": 8, "judgment": 9}
    assert store.counts(project.id) == before
    assert str(report).startswith(f"{path}: nothing added; 20 there already")


def test_of_a_projects_passages_only_those_of_the_file_are_read(
    store: Store, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(project.id, [Passage(id=f"p{n}", text=f"unasked {n}") for n in range(50)])
    import_file(store, project, training_file(tmp_path))
    read: list[str] = []
    make = Kind.item
    monkeypatch.setattr(Kind, "item", lambda self, row: read.append(self.name) or make(self, row))
    assert import_file(store, project, training_file(tmp_path)).added == {}
    assert read == []
    found = {text for _, _, text in store.same_passages(project.id, ["answer 0", "alone", "no"])}
    assert found == {"answer 0", "alone"}


def test_passages_without_a_text_are_imported_once(
    store: Store, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "qrels").mkdir()
    corpus = {"_id": "1", "title": "The deposit", "text": ""}
    (tmp_path / "corpus.jsonl").write_text(json.dumps(corpus), encoding="utf-8")
    asked = {"_id": "a", "text": "who keeps the deposit"}
    (tmp_path / "queries.jsonl").write_text(json.dumps(asked), encoding="utf-8")
    (tmp_path / "qrels" / "test.tsv").write_text("a\t1\t1\n", encoding="utf-8")
    assert import_file(store, project, tmp_path).added == {"query": 1, "passage": 1, "judgment": 1}
    assert import_file(store, project, tmp_path).added == {}


@pytest.mark.parametrize("format", ["splade", "dataset", "json", "jsonl", "beir"])
def test_what_a_project_exports_another_can_import(
    store: Store, project: Project, tmp_path: Path, format: str
) -> None:
    import_file(store, project, training_file(tmp_path))
    frozen = freeze(store, project)
    suffix = {"jsonl": ".jsonl", "beir": ""}.get(format, ".json")
    [path] = write(frozen.examples, format, tmp_path / f"out{suffix}")
    assert import_file(store, project, path).added == {}
    other = store.create_project(Domain(name="another field"))
    import_file(store, other, path)
    texts_of = [(e.query, e.positives, e.negatives) for e in frozen.examples]
    assert [(e.query, e.positives, e.negatives) for e in assemble(store, other)] == texts_of
    assert freeze(store, other).content_hash == frozen.content_hash


def test_identifiers_that_are_taken_by_other_texts_give_way(
    store: Store, project: Project, tmp_path: Path
) -> None:
    for number, text in enumerate(["first collection", "second collection"]):
        folder = tmp_path / str(number)
        (folder / "qrels").mkdir(parents=True)
        corpus = {"_id": "1", "title": "", "text": f"passage of the {text}"}
        (folder / "corpus.jsonl").write_text(json.dumps(corpus), encoding="utf-8")
        asked = {"_id": "a", "text": f"query of the {text}"}
        (folder / "queries.jsonl").write_text(json.dumps(asked), encoding="utf-8")
        (folder / "qrels" / "test.tsv").write_text("a\t1\t1\n", encoding="utf-8")
        for _ in range(2):
            import_file(store, project, folder)
    pairs = [(e.query, e.positives[0].text) for e in assemble(store, project)]
    assert pairs == [
        (f"query of the {text}", f"passage of the {text}")
        for text in ("first collection", "second collection")
    ]


def test_queries_that_differ_only_in_case_are_one(
    store: Store, project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    rows = ["query,document,is_relevant", "Rent due?,a,1", "rent  DUE?,b,0", "rent due?,a,1"]
    path.write_text("\n".join(rows), encoding="utf-8")
    import_file(store, project, path)
    [example] = assemble(store, project)
    assert [example.positives[0].text, example.negatives[0].text] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("cut.json", json.dumps(RECORDS)[:-30], InvalidFile),
        ("nul.json", json.dumps([{**RECORDS[0], "query": "a\0b"}]), InvalidFile),
        ("empty.json", "[]", InputError),
        ("nowhere/at/all.json", None, NotFound),
        ("last-row.csv", "query,document,is_relevant\nq,d,1\nq,d2,perhaps\n", InvalidFile),
        ("kb.json", '{"domain": "d", "concepts": [{"term": "a"}, {"term": ""}]}', InvalidFile),
        ("queries.json", '[{"query": "a"}, {"query": 1}]', InvalidFile),
    ],
)
def test_a_bad_file_changes_nothing(
    store: Store,
    project: Project,
    tmp_path: Path,
    name: str,
    content: str | None,
    error: type[InputError],
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    before = store.counts(project.id)
    with pytest.raises(error) as caught:
        import_file(store, project, path)
    assert str(path) in str(caught.value)
    assert store.counts(project.id) == before


def test_a_collection_of_human_judgments_is_imported(
    store: Store, project: Project, collections_dir: Path
) -> None:
    report = import_file(store, project, collections_dir / "adi")
    assert report.added == {"query": 35, "passage": 82 - 10, "judgment": 170}
    assert report.notes == ["10 passages of the corpus have no judgment and were left out"]
    assert len(assemble(store, project)) == 35


PROVENANCE = st.builds(
    Provenance,
    source=st.just("model"),
    model=st.none() | texts(),
    prompt=st.none() | st.just("queries.write@1"),
    editor=st.none() | texts(),
)
STATE = {
    "status": st.sampled_from(Status),
    "stale": st.booleans(),
    "version": st.integers(1, 9),
    "provenance": PROVENANCE,
}
IDS = st.uuids().map(str)
MANY = st.lists(loose_texts(), max_size=2)


@st.composite
def knowledge_bases(draw: st.DrawFn) -> KnowledgeBase:
    def some(kind: type, **fields: st.SearchStrategy[object]) -> list[object]:
        made = st.builds(kind, id=IDS, **STATE, **fields)
        return draw(st.lists(made, max_size=2))

    return KnowledgeBase.model_validate(
        {
            "domain": draw(texts()),
            "language": "de-CH",
            "concepts": some(
                Concept,
                term=texts(),
                definition=loose_texts(),
                example=loose_texts(),
                related_terms=MANY,
                sub_area=loose_texts(),
            ),
            "relationships": some(
                Relationship, type=texts(), description=loose_texts(), examples=MANY
            ),
            "typical_questions": some(TypicalQuestion, question=texts()),
            "document_types": some(
                DocumentType, type=texts(), description=loose_texts(), common_sections=MANY
            ),
            "facts": some(Fact, fact=texts()),
        }
    )


@given(knowledge=knowledge_bases())
@settings(max_examples=15, deadline=None)
def test_a_bootstrap_file_comes_back_as_it_was(knowledge: KnowledgeBase) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_knowledge(knowledge, Path(folder) / "knowledge.json")
        assert read_knowledge(path) == knowledge


QUERIES = st.builds(
    Query,
    id=IDS,
    query=texts(),
    type=loose_texts(),
    complexity=st.sampled_from(Complexity),
    answer_type=loose_texts(),
    key_concepts=MANY,
    persona=loose_texts(),
    **STATE,
)


@given(queries=st.lists(QUERIES, min_size=1, max_size=3))
@settings(max_examples=15, deadline=None)
def test_a_queries_file_comes_back_as_it_was(queries: list[Query]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_queries(queries, Path(folder) / "queries.json")
        assert read_queries(path) == queries


def test_a_knowledge_base_moves_to_another_project(
    store: Store, project: Project, tmp_path: Path
) -> None:
    concept = Concept(id="c1", term="deposit", definition="Money held.", status=Status.APPROVED)
    store.add(
        project.id,
        [concept, Fact(id="f1", fact="Rent is due monthly."), Fact(id="f2", fact="Wrong.")],
    )
    store.set_status(project.id, Fact, ["f2"], Status.REJECTED, who="Ana")
    path = write_knowledge(knowledge_base(store, project), tmp_path / "kb.json")
    other = store.create_project(Domain(name="another field", language="de"))
    report = import_file(store, other, path)
    assert report.kind == "bootstrap"
    assert report.added == {"concept": 1, "fact": 1}
    assert report.notes == ["the file is in en, the project in de"]
    [moved] = store.items(other.id, Concept)
    assert (moved.term, moved.status, moved.provenance.source) == (
        "deposit",
        Status.APPROVED,
        "import",
    )
    assert import_file(store, other, path).added == {}


def test_plain_bootstrap_and_queries_files_are_enough(
    store: Store, project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "kb.json"
    path.write_text('{"domain": "tenancy", "facts": ["Rent is due monthly."]}', encoding="utf-8")
    assert import_file(store, project, path).added == {"fact": 1}
    path = tmp_path / "queries.json"
    path.write_text('[{"query": "When is rent due?"}]', encoding="utf-8")
    assert import_file(store, project, path).added == {"query": 1}
    assert import_file(store, project, path).present == {"query": 1}
