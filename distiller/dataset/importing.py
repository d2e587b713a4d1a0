"""Files into a project: knowledge, queries, training data and collections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import Field

from distiller.dataset.files import format_of, read_contents
from distiller.dataset.formats.beir import unjudged_passages
from distiller.dataset.formats.knowledge import read_knowledge, read_queries
from distiller.dataset.formats.text_files import read_values
from distiller.dataset.texts import passage_id_of, query_id_of
from distiller.schema.base import Item, Provenance, Record, new_id
from distiller.schema.dataset import Example, LabelledPassage, UnlabelledPassage
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, InvalidFile, NotFound
from distiller.schema.examples import (
    Complexity,
    Judgment,
    JudgmentSource,
    Origin,
    Passage,
    Query,
    Strategy,
)
from distiller.schema.knowledge import KnowledgeBase
from distiller.store import Store
from distiller.store.kinds import folded, kind_of

_JSON_ENDINGS = {".json", ".jsonl"}


class ImportReport(Record):
    """What a file brought into a project."""

    path: str
    kind: str
    """`bootstrap`, `queries` or `examples`."""
    added: dict[str, int] = Field(default_factory=dict)
    """Items written, by kind: `query`, `passage`, `judgment`, `concept`, …"""
    present: dict[str, int] = Field(default_factory=dict)
    """Items that the project had already."""
    notes: list[str] = Field(default_factory=list)

    def __str__(self) -> str:
        parts = [
            f"{sum(counts.values()):,} {label} ({details})" if details else f"nothing {label}"
            for label, counts in (("added", self.added), ("there already", self.present))
            for details in [
                ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts.items())
            ]
        ]
        return "; ".join([f"{self.path}: {parts[0]}", *parts[1:], *self.notes])


def import_file(store: Store, project: Project, path: Path | str) -> ImportReport:
    """Bring a bootstrap, queries or training file, or a BEIR folder, into a project.

    All of it is written in one transaction or nothing is; what the project has already is left as
    it is, so that importing twice adds nothing.

    Raises:
        NotFound: there is no such file.
        InvalidFile: what is wrong, by line and field; nothing is changed.
        InputError: the file has nothing in it.
    """
    path = Path(path)
    kind = _kind(path)
    notes: list[str] = []
    if kind == "bootstrap":
        items = _knowledge_items(project, read_knowledge(path), notes)
    elif kind == "queries":
        items = list(read_queries(path))
    else:
        examples, background = read_contents(path)
        items = _Merge(store, project, examples, background).items()
        if path.is_dir() and (unjudged := unjudged_passages(path, examples)):
            notes.append(f"{unjudged:,} passages of the corpus have no judgment and were left out")
    if not items:
        raise InputError(f"{path}: holds nothing to import; check that it is the right file")
    if kind != "examples":
        items = _with_free_ids(store, project, items)
    _refuse_nul(path, items)
    before = _totals(store, project)
    store.add(project.id, items)
    added = _totals(store, project) - before
    offered = Counter(kind_of(type(item)).name for item in items)
    return ImportReport(
        path=str(path), kind=kind, added=dict(added), present=dict(offered - added), notes=notes
    )


def _knowledge_items(project: Project, knowledge: KnowledgeBase, notes: list[str]) -> list[Item]:
    if knowledge.language != project.domain.language:
        languages = f"{knowledge.language}, the project in {project.domain.language}"
        notes.append(f"the file is in {languages}")
    return [
        *knowledge.concepts,
        *knowledge.relationships,
        *knowledge.typical_questions,
        *knowledge.document_types,
        *knowledge.facts,
    ]


def _totals(store: Store, project: Project) -> Counter[str]:
    counts = store.counts(project.id)
    return Counter({kind: sum(by_status.values()) for kind, by_status in counts.items()})


def _kind(path: Path) -> str:
    if not path.exists():
        raise NotFound(f"{path}: no such file; check the path")
    if path.is_dir() or path.suffix.lower() not in _JSON_ENDINGS:
        return "examples"
    for line, value in read_values(path):
        kind = format_of(value, path, line)
        return kind if kind in {"bootstrap", "queries"} else "examples"
    return "examples"


def _with_free_ids(store: Store, project: Project, items: Sequence[Item]) -> list[Item]:
    """Give a new identifier where another item of the project has it; mark where items come from."""
    taken = {
        kind: dict(store.values(project.id, kind, ["id", "natural_key"]))
        for kind in {type(item) for item in items}
    }
    free = []
    for item in items:
        key = kind_of(type(item)).natural_key(item)
        ids = taken[type(item)]
        origin = item.provenance.model_copy(update={"source": "import"})
        update: dict[str, object] = {"provenance": origin}
        if ids.setdefault(item.id, key) != key:
            update["id"] = new_id(item.id.split("-", maxsplit=1)[0])
        free.append(item.model_copy(update=update))
    return free


def _refuse_nul(path: Path, items: Iterable[Item]) -> None:
    for item in items:
        if "\\u0000" in item.model_dump_json() and _has_nul(item.model_dump(mode="json")):
            kind = kind_of(type(item)).name.replace("_", " ")
            raise InvalidFile(path, f"a {kind} holds a NUL character; remove it")


def _has_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_nul, value.values()))
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value


class _Merge:
    """Turns examples into items of a project, using the queries and passages that it has."""

    def __init__(
        self,
        store: Store,
        project: Project,
        examples: Sequence[Example],
        background: Sequence[UnlabelledPassage],
    ) -> None:
        self._scope = project.id
        self._examples, self._background = examples, background
        queries = store.values(project.id, Query, ["query", "id"])
        self._query_ids = {folded(query): id_ for query, id_ in queries}
        self._taken_queries = set(self._query_ids.values())
        # A project may have a hundred thousand passages: of their texts, only the file's are read.
        same = store.same_passages(project.id, [_key(one)[1] for one in self._passages()])
        self._passage_ids = {(title, text): id_ for id_, title, text in same}
        self._taken_passages = set(store.ids(project.id, Passage))
        self._items: dict[tuple[str, ...], Item] = {}

    def _passages(self) -> Iterator[LabelledPassage | UnlabelledPassage]:
        for example in self._examples:
            yield from example.positives
            yield from example.negatives
        yield from self._background

    def items(self) -> list[Item]:
        """Queries, passages and judgments, each once, those that the project has included."""
        for example in self._examples:
            query_id = self._query(example)
            for passage in [*example.positives, *example.negatives]:
                passage_id = self._passage(passage)
                judgment = Judgment(
                    id=new_id("j"),
                    query_id=query_id,
                    passage_id=passage_id,
                    grade=passage.grade,
                    strategy=_strategy(passage),
                    explanation=passage.explanation,
                    source=JudgmentSource.GENERATOR,
                    score=passage.score,
                    provenance=Provenance(source="import"),
                )
                self._items.setdefault(("judgment", query_id, passage_id), judgment)
        for unlabelled in self._background:
            self._passage(unlabelled)
        return list(self._items.values())

    def _query(self, example: Example) -> str:
        key = folded(example.query)
        query_id = self._query_ids.get(key)
        if query_id is None:
            query_id = example.query_id
            if query_id in self._taken_queries:
                query_id = query_id_of(f"{self._scope} {example.query}")
            self._query_ids[key] = query_id
            self._taken_queries.add(query_id)
        known = example.complexity in set(Complexity)
        self._items.setdefault(
            ("query", query_id),
            Query(
                id=query_id,
                query=example.query,
                type=example.type or "factual",
                complexity=Complexity(example.complexity) if known else Complexity.MODERATE,
                answer_type=example.answer_type,
                key_concepts=example.key_concepts,
                persona=str(example.meta.get("persona", "")),
                provenance=Provenance(source="import"),
            ),
        )
        return query_id

    def _passage(self, passage: LabelledPassage | UnlabelledPassage) -> str:
        key = _key(passage)
        passage_id = self._passage_ids.get(key)
        if passage_id is None:
            passage_id = passage.passage_id
            if passage_id in self._taken_passages:
                passage_id = passage_id_of(passage.text, passage.title, self._scope)
            self._passage_ids[key] = passage_id
            self._taken_passages.add(passage_id)
        generated = isinstance(passage, LabelledPassage) and passage.strategy not in {
            Strategy.IMPORTED,
            Strategy.MINED,
        }
        self._items.setdefault(
            ("passage", passage_id),
            Passage(
                id=passage_id,
                text=key[1],
                title=passage.title,
                origin=Origin.GENERATED if generated else Origin.CORPUS,
                provenance=Provenance(source="import"),
            ),
        )
        return passage_id


def _key(passage: LabelledPassage | UnlabelledPassage) -> tuple[str, str]:
    """Title and text as the project has them: of a passage without a text, twice the title."""
    return passage.title, passage.text or passage.title


def _strategy(passage: LabelledPassage) -> Strategy:
    known = passage.strategy in set(Strategy)
    return Strategy(passage.strategy) if known else Strategy.IMPORTED
