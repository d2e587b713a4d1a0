"""Collections in the layout of BEIR: corpus.jsonl, queries.jsonl, qrels/test.tsv.

Corpus and queries may be gzipped (`.jsonl.gz`), qrels too; qrels may also stand beside them as
`qrels.tsv`, with or without a header, or in TREC's four columns. `metadata.json` may name the
`language`. Thakur et al. 2021, https://arxiv.org/abs/2104.08663.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path

from distiller.dataset.texts import passage_text
from distiller.evaluate._language import declared
from distiller.evaluate._qrels import known, read_qrels
from distiller.evaluate._records import records, text_of
from distiller.packs.languages import language as language_pack
from distiller.quality.languages import detected
from distiller.schema.dataset import DatasetSnapshot, SplitName
from distiller.schema.errors import InputError, InvalidFile, NotFound
from distiller.schema.retrieval import Collection, Qrels

_SLICES = ("type", "complexity", "answer_type")
"""What is kept of a query's metadata."""


def load(
    path: str | Path, *, split: str = "test", language: str | None = None, normalize: bool = False
) -> Collection:
    """Read a collection; queries without judgments are left out.

    Args:
        path: The folder.
        split: Which qrels: `qrels/{split}.tsv`.
        language: BCP 47 tag; None takes it from `metadata.json`, or else detects it.
        normalize: Compose letters and their accents (Unicode NFC) in corpus and queries.

    Raises:
        NotFound: The folder or one of its files is not there.
        InvalidFile: A fault in a file, with its line and field.
        UnknownLanguage: The packs do not cover the language.
    """
    folder = _folder(Path(path))
    corpus_file, queries_file = _jsonl(folder, "corpus"), _jsonl(folder, "queries")
    qrels_file = _qrels_file(folder, split)
    tag = language_pack(language).tag if language else declared(folder)
    corpus = _read_corpus(corpus_file)
    queries, slices = _read_queries(queries_file)
    qrels, notes = known(qrels_file, read_qrels(qrels_file), queries, corpus)
    if normalize:
        corpus = {key: unicodedata.normalize("NFC", text) for key, text in corpus.items()}
        queries = {key: unicodedata.normalize("NFC", text) for key, text in queries.items()}
    notes += _unicode_notes(corpus)
    if tag is None:
        tag = detected(corpus)
        notes.append(f"language detected: {tag}")
    return Collection(
        name=folder.resolve().name,
        corpus=corpus,
        queries={query_id: queries[query_id] for query_id in qrels},
        qrels=qrels,
        language=tag,
        slices={query_id: slices[query_id] for query_id in qrels if query_id in slices},
        notes=tuple(notes),
    )


def load_corpus(path: str | Path) -> dict[str, str]:
    """Read the corpus alone of a collection: passage_id → title and text.

    Raises:
        NotFound: The folder or its corpus file is not there.
        InvalidFile: A fault in the file, with its line and field.
    """
    return _read_corpus(_jsonl(_folder(Path(path)), "corpus"))


def held_out(
    snapshot: DatasetSnapshot, split: SplitName = "test", *, language: str = "en"
) -> Collection:
    """The queries of one split of a dataset, against all its passages and its background.

    Raises:
        InputError: The split has no query with a judged passage.
    """
    corpus: dict[str, str] = {}
    queries: dict[str, str] = {}
    qrels: Qrels = {}
    slices: dict[str, dict[str, str]] = {}
    for example in snapshot.examples:
        passages = [*example.positives, *example.negatives]
        for passage in passages:
            corpus[passage.passage_id] = passage_text(passage)
        if example.split == split and passages:
            queries[example.query_id] = example.query
            qrels[example.query_id] = {passage.passage_id: passage.grade for passage in passages}
            slices[example.query_id] = {
                name: value for name in _SLICES if (value := getattr(example, name))
            }
    for other in snapshot.background:
        corpus.setdefault(other.passage_id, passage_text(other))
    if not queries:
        raise InputError(f"the {split} split has no judged query; add examples or change the split")
    return Collection(
        name=f"{split} split",
        corpus=corpus,
        queries=queries,
        qrels=qrels,
        language=language,
        slices=slices,
        notes=_origin_notes(snapshot) + _background_notes(snapshot),
        held_out=True,
    )


def _background_notes(snapshot: DatasetSnapshot) -> list[str]:
    count, of = len(snapshot.background), snapshot.lineage.get("background_of", 0)
    if count >= of:
        return []
    return [
        f"beside the passages with a grade, {count:,} of {of:,} others of the documents are ranked, "
        "half of them what BM25 finds for these queries: BM25 has it a little harder here than a "
        "model has, and either easier than among all of them"
    ]


def _origin_notes(snapshot: DatasetSnapshot) -> list[str]:
    if "model" not in snapshot.lineage.get("sources", ()):
        return []
    return [
        "measured on queries or passages that a language model wrote itself; a collection of real "
        "searches, judged by people, says more"
    ]


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise NotFound(f"no collection at {path}: give a folder with corpus.jsonl, queries.jsonl")
    return path


def _jsonl(folder: Path, stem: str) -> Path:
    for name in (f"{stem}.jsonl", f"{stem}.jsonl.gz"):
        if (folder / name).is_file():
            return folder / name
    raise NotFound(f"{folder} has no {stem}.jsonl or {stem}.jsonl.gz; is it a BEIR folder?")


def _qrels_file(folder: Path, split: str) -> Path:
    candidates = [folder / "qrels" / f"{split}.tsv", folder / "qrels" / f"{split}.tsv.gz"]
    if split == "test":
        candidates += [folder / "qrels.tsv", folder / "qrels.tsv.gz"]
    for file in candidates:
        if file.is_file():
            return file
    there = sorted(file.name.split(".")[0] for file in folder.glob("qrels/*.tsv*"))
    hint = f"choose a split of: {', '.join(there)}" if there else "judgments are needed to measure"
    raise NotFound(f"{folder} has no qrels/{split}.tsv; {hint}")


def _read_corpus(path: Path) -> dict[str, str]:
    corpus: dict[str, str] = {}
    for line, record in records(path):
        passage_id = _new_id(path, line, record, corpus)
        title = text_of(path, line, record, "title") if record.get("title") is not None else ""
        corpus[passage_id] = f"{title} {text_of(path, line, record, 'text')}".strip()
    if not any(corpus.values()):
        raise InvalidFile(path, "holds no passage with text")
    return corpus


def _read_queries(path: Path) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    queries: dict[str, str] = {}
    slices: dict[str, dict[str, str]] = {}
    for line, record in records(path):
        query_id = _new_id(path, line, record, queries)
        queries[query_id] = text_of(path, line, record, "text")
        metadata = record.get("metadata")
        if isinstance(metadata, dict):
            found = {key: metadata[key] for key in _SLICES if isinstance(metadata.get(key), str)}
            if found:
                slices[query_id] = found
    if not queries:
        raise InvalidFile(path, "holds no query")
    return queries, slices


def _new_id(path: Path, line: int, record: dict[str, object], taken: Mapping[str, str]) -> str:
    key = text_of(path, line, record, "_id")
    if not key:
        raise InvalidFile(path, "is empty", line=line, field="_id")
    if key in taken:
        raise InvalidFile(
            path, f"{key!r} stands here a second time; ids must be unique", line=line, field="_id"
        )
    return key


def _unicode_notes(corpus: Mapping[str, str]) -> list[str]:
    decomposed = sum(not unicodedata.is_normalized("NFC", text) for text in corpus.values())
    if not decomposed:
        return []
    return [
        f"{decomposed} of {len(corpus)} passages hold letters apart from their accents (u + ¨); "
        "BM25 cuts words there and ranks lower than it could: measure with --normalize"
    ]
