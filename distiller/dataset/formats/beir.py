"""The layout of BEIR: `corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv` in a folder.

Thakur et al., https://arxiv.org/abs/2104.08663
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from distiller.dataset.formats.records import (
    NOT_OF_EXAMPLE,
    OWN_KEY,
    Contents,
    ExampleMeta,
    FileRecord,
    Meta,
    PassageMeta,
    Text,
    own_meta,
    passage_meta,
)
from distiller.dataset.formats.text_files import read_text, read_values, validate
from distiller.schema.dataset import Example, LabelledPassage, SplitName, UnlabelledPassage
from distiller.schema.errors import InputError, InvalidFile, NotFound
from distiller.schema.examples import POSITIVE_GRADE, Strategy

QRELS_HEADER = ("query-id", "corpus-id", "score")
FILE_OF_SPLIT: dict[SplitName, str] = {"train": "train", "val": "dev", "test": "test"}
"""BEIR's names; data that is not split is in `test`, the file that every reader opens."""

_SPLIT_OF_FILE: dict[str, SplitName] = {name: split for split, name in FILE_OF_SPLIT.items()}
_SAID = frozenset({"title", "grade"})


class CorpusRecord(FileRecord):
    id: Text = Field(alias="_id")
    title: str | None = ""
    text: str
    metadata: Any = None

    @property
    def in_background(self) -> bool:
        """Whether we wrote it as a passage of a snapshot's background."""
        own = self.metadata.get(OWN_KEY) if isinstance(self.metadata, dict) else None
        return isinstance(own, dict) and own.get("background") is True


class QueryRecord(FileRecord):
    id: Text = Field(alias="_id")
    text: Text
    metadata: Meta | None = None


@dataclass
class BeirFiles:
    """The records of a collection."""

    corpus: dict[str, dict[str, Any]] = field(default_factory=dict)
    queries: list[dict[str, Any]] = field(default_factory=list)
    qrels: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)
    """File name without ending → query_id, passage_id, grade."""


def beir_files(
    examples: Iterable[Example],
    *,
    split: bool,
    background: Iterable[UnlabelledPassage] = (),
) -> BeirFiles:
    """One corpus of all passages, all queries, and qrels by split where asked for.

    Raises:
        InputError: two passages or queries share an identifier, or it has a tab or line break.
    """
    files = BeirFiles(qrels={name: [] for name in (_SPLIT_OF_FILE if split else ["test"])})
    seen: set[str] = set()
    for example in examples:
        _check_id(example.query_id, taken=example.query_id in seen)
        seen.add(example.query_id)
        passages = [*example.positives, *example.negatives]
        for passage in passages:
            entry = {"_id": passage.passage_id, "title": passage.title, "text": passage.text}
            present = files.corpus.setdefault(passage.passage_id, entry)
            _check_id(passage.passage_id, taken=present != entry)
        judged = [passage_meta(passage, drop=_SAID) for passage in passages]
        meta = own_meta(example, documents=judged)
        files.queries.append({"_id": example.query_id, "text": example.query, "metadata": meta})
        rows = files.qrels[FILE_OF_SPLIT[example.split] if split else "test"]
        rows.extend((example.query_id, p.passage_id, p.grade) for p in passages)
    for one in background:
        _check_id(one.passage_id, taken=one.passage_id in files.corpus)
        marked = {OWN_KEY: {"background": True}}
        record = {"_id": one.passage_id, "title": one.title, "text": one.text, "metadata": marked}
        files.corpus[one.passage_id] = record
    return files


def _check_id(identifier: str, *, taken: bool) -> None:
    if taken:
        raise InputError(f"identifier {identifier!r} stands for two texts; rename one")
    if not identifier.strip() or identifier != "".join(identifier.splitlines()).replace("\t", ""):
        raise InputError(f"identifier {identifier!r} cannot stand in a table; rename it")


class _Judgments(BaseModel):
    """Rows of all qrels files, by query in the order of the files."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    grades: dict[str, dict[str, int]] = Field(default_factory=dict)
    split: dict[str, SplitName] = Field(default_factory=dict)
    where: dict[str, tuple[Path, int]] = Field(default_factory=dict)


def read_beir(folder: Path) -> Contents:
    """The judged queries of a collection with their passages, and the background that we wrote.

    Grades that we wrote are taken as they are. Others are turned into ours: where the highest is 1,
    1 means 3; where it is 2, 1 means 2 and 2 means 3; otherwise up to 3 they are ours.

    Raises:
        NotFound: a file of the layout is missing.
        InvalidFile: what is wrong, by file, line and field.
    """
    corpus = dict(_corpus(folder))
    judgments = _judgments(folder)
    queries_file = _one_of(folder, "queries")
    highest = max((g for row in judgments.grades.values() for g in row.values()), default=0)
    examples, seen = [], set()
    for line, value in read_values(queries_file):
        record = validate(QueryRecord, value, queries_file, line)
        if record.id in seen:
            problem = f"identifier {record.id!r} stands twice"
            raise InvalidFile(queries_file, problem, line=line, field="_id")
        seen.add(record.id)
        if record.id in judgments.grades:
            examples.append(_example(record, judgments, corpus, highest))
    for query_id, (path, line) in judgments.where.items():
        if query_id not in seen:
            raise InvalidFile(path, f"query {query_id!r} is not in {queries_file.name}", line=line)
    return Contents(examples, _background(corpus, examples))


def _background(
    corpus: dict[str, CorpusRecord], examples: Iterable[Example]
) -> list[UnlabelledPassage]:
    """Passages that are marked as such, where nobody has judged them in the meantime."""
    named = _named(examples)
    return [
        UnlabelledPassage(passage_id=key, text=one.text, title=one.title or "")
        for key, one in corpus.items()
        if one.in_background and key not in named
    ]


def _named(examples: Iterable[Example]) -> set[str]:
    return {p.passage_id for example in examples for p in example.positives + example.negatives}


def _example(
    record: QueryRecord, judgments: _Judgments, corpus: dict[str, CorpusRecord], highest: int
) -> Example:
    meta = record.metadata or Meta()
    own = meta.distiller if OWN_KEY in meta.model_fields_set else None
    about = {p.passage_id: p for p in (own.documents or [])} if own else {}
    grades = judgments.grades[record.id]
    order = [key for key in about if key in grades] + [key for key in grades if key not in about]
    passages = []
    for key in order:
        if key not in corpus:
            path, line = judgments.where[record.id]
            raise InvalidFile(path, f"passage {key!r} is not in the corpus", line=line)
        grade = min(grades[key], 3) if own else _our_grade(grades[key], highest)
        passages.append(_passage(corpus[key], grade, about.get(key) or PassageMeta()))
    known = (own or ExampleMeta(split=judgments.split[record.id])).model_dump(
        exclude=NOT_OF_EXAMPLE
    )
    return Example(
        query_id=record.id,
        query=record.text,
        positives=[p for p in passages if p.grade >= POSITIVE_GRADE],
        negatives=[p for p in passages if p.grade < POSITIVE_GRADE],
        meta={**record.users_meta(), **meta.users},
        **known,
    )


def _passage(record: CorpusRecord, grade: int, about: PassageMeta) -> LabelledPassage:
    return LabelledPassage(
        passage_id=record.id,
        text=record.text,
        title=record.title or "",
        grade=grade,
        explanation=about.explanation,
        strategy=about.strategy or Strategy.IMPORTED.value,
        score=about.score,
        decided_by=about.decided_by,
    )


def _our_grade(score: int, highest: int) -> int:
    lift = {1: 2, 2: 1}.get(highest, 0) if score > 0 else 0
    return max(0, min(score + lift, 3))


def unjudged_passages(folder: Path, examples: Iterable[Example]) -> int:
    """How many passages of the corpus no example names, apart from the background."""
    named = _named(examples)
    return sum(key not in named and not one.in_background for key, one in _corpus(folder))


def _corpus(folder: Path) -> Iterator[tuple[str, CorpusRecord]]:
    path = _one_of(folder, "corpus")
    seen = set()
    for line, value in read_values(path):
        record = validate(CorpusRecord, value, path, line)
        if not (record.text.strip() or (record.title or "").strip()):
            continue
        if record.id in seen:
            raise InvalidFile(
                path, f"identifier {record.id!r} stands twice", line=line, field="_id"
            )
        seen.add(record.id)
        yield record.id, record


def _one_of(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz"):
        if path.is_file():
            return path
    raise NotFound(f"{folder}: there is no {name}.jsonl; give a folder in BEIR layout")


def _judgments(folder: Path) -> _Judgments:
    judgments = _Judgments()
    files = sorted((folder / "qrels").glob("*.tsv"))
    if not files:
        raise NotFound(f"{folder}: there is no qrels/*.tsv; give a folder in BEIR layout")
    for path in files:
        split = _SPLIT_OF_FILE.get(path.stem, "train")
        for line, row in enumerate(read_text(path).split("\n"), start=1):
            cells = row.rstrip("\r").split("\t")
            if cells == [""] or (line == 1 and not _is_number(cells[-1])):
                continue
            _add_judgment(judgments, path, line, cells, split)
    return judgments


def _add_judgment(
    judgments: _Judgments, path: Path, line: int, cells: list[str], split: SplitName
) -> None:
    if len(cells) != 3:
        problem = f"{len(cells)} columns, expected {', '.join(QRELS_HEADER)} parted by tabs"
        raise InvalidFile(path, problem, line=line)
    query_id, passage_id, score = cells
    if not _is_number(score):
        raise InvalidFile(path, f"{score[:20]!r} is not a whole number", line=line, field="score")
    judgments.split.setdefault(query_id, split)
    judgments.where.setdefault(query_id, (path, line))
    grades = judgments.grades.setdefault(query_id, {})
    if grades.setdefault(passage_id, int(score)) != int(score):
        raise InvalidFile(path, f"passage {passage_id!r} has two grades for one query", line=line)


def _is_number(text: str) -> bool:
    digits = text.strip().removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 9
