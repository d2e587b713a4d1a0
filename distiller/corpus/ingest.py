"""From files to the passages of a project's corpus, again and again, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from distiller.corpus.blocks import Unreadable
from distiller.corpus.chunking import Chunking, Cutter, Piece
from distiller.corpus.folding import THRESHOLD, Seen, Signatures
from distiller.corpus.reading import Source, blocks_of, digest_of, kind_of, read, sources
from distiller.corpus.tally import Tally
from distiller.dataset.texts import digest
from distiller.schema.base import Provenance, SourceSpan
from distiller.schema.corpus import Document
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, StageFailed
from distiller.schema.examples import Origin, Passage
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.store import Store
from distiller.store.documents import passage_prefix

STAGE = "ingest"
BATCH = 1_000
"""Passages that are folded and written at once."""


def ingest(
    store: Store,
    project: Project,
    paths: Sequence[Path],
    *,
    chunking: Chunking | None = None,
    fold_from: float = THRESHOLD,
    signatures: Path | None = None,
    on_progress: OnProgress = lambda _: None,
) -> StageReport:
    """Read files and folders into the project's corpus.

    A file that was read before adds nothing. Of a changed file, what is new is added, and passages
    that are not in it any more become stale. A file that cannot be read is listed with the reason,
    and the others go on.

    Args:
        store: Where the passages go.
        project: Whose corpus it is.
        paths: Files, and folders that are read with everything below them.
        chunking: How long passages are.
        fold_from: Jaccard similarity of word triples from which two passages count as one.
        signatures: File in which the corpus's signatures are kept, so that a small document costs
            seconds in a large corpus too; see `signatures_file`.
        on_progress: Is told after every document, and within long ones.

    Raises:
        InputError: No such file or folder, or nothing in it that can be read.
        StageFailed: No file could be read; each is listed among the project's documents.
    """
    found, others = sources(paths)
    if not found:
        raise InputError(
            f"nothing in {', '.join(map(str, paths)) or 'no folder'} can be read; give txt, md, "
            "html, pdf, docx, csv, tsv, json or jsonl files"
        )
    run = _Run(
        store,
        project,
        chunking or Chunking(),
        fold_from,
        Signatures(signatures),
        on_progress,
        len(found),
    )
    try:
        for number, source in enumerate(found):
            run.tell(number, source.name)
            run.read(source)
    finally:
        run.signatures.save()
    run.tell(len(found), "")
    if len(run.tally.problems) == len(found):
        raise StageFailed(f"no document could be read; {run.tally.problems[0]}")
    return run.tally.report(STAGE, others)


def signatures_file(workspace: Path, project: Project) -> Path:
    """Where a project's signatures are kept."""
    return workspace / "index" / project.id / "signatures.npz"


@dataclass
class _Run:
    """One run over many files."""

    store: Store
    project: Project
    chunking: Chunking
    fold_from: float
    signatures: Signatures
    on_progress: OnProgress
    total: int
    number: int = 0
    tally: Tally = field(default_factory=Tally)
    _seen: Seen | None = None
    stale: set[str] = field(default_factory=set)
    """Passages that are stale; known once `seen` is."""
    known: dict[str, Document] = field(init=False)

    def __post_init__(self) -> None:
        self.known = {one.id: one for one in self.store.documents(self.project.id)}

    def tell(self, number: int, message: str) -> None:
        self.number = number
        self.on_progress(Progress(stage=STAGE, done=number, total=self.total, message=message))

    @property
    def seen(self) -> Seen:
        """What the corpus has; read once, and only if there is something new to compare."""
        if self._seen is None:
            self._seen = Seen(self._texts, self.fold_from, self.signatures)
            corpus = self.store.corpus(self.project.id, stale=True)
            while batch := list(islice(corpus, BATCH)):
                self._seen.add([(passage.id, passage.text) for passage in batch])
                self.stale.update(passage.id for passage in batch if passage.stale)
        return self._seen

    def _texts(self, ids: Collection[str]) -> dict[str, str]:
        return self.store.corpus_texts(self.project.id, ids) if ids else {}

    def read(self, source: Source) -> None:
        """One file; whatever is wrong with it stays with it."""
        document = _document(source)
        try:
            document.digest = digest_of(source.path)
            document.id = f"d-{document.digest[:20]}"
            old = self.known.get(document.id)
            versions = [one for one in self.known.values() if one.path == document.path]
            if old and not old.problem and not old.replaced:
                self.tally.unchanged += 1
                self.tally.present += old.passages
                document = old
                others = [one for one in versions if one.id != old.id and not one.replaced]
                _Document(self, old, others).retire(others)
            else:
                self._read_new(source, document, versions)
        except (Unreadable, OSError) as error:
            document.problem = str(error) if isinstance(error, Unreadable) else _unopened(error)
            self.tally.problems.append(f"{source.name}: {document.problem}")
            self.save(document)
            return
        self._replace([one for one in versions if one.id != document.id and not one.replaced])

    def _read_new(self, source: Source, document: Document, versions: list[Document]) -> None:
        document.format, reading = read(source.path)
        cutter = Cutter(self.chunking, lambda: reading.title)
        pieces = cutter.pieces(blocks_of(reading))
        earlier = [one for one in versions if one.id != document.id]
        work = _Document(self, document, earlier)
        try:
            while batch := list(islice(pieces, BATCH)):
                work.write(batch)
        finally:
            document.title = reading.title or source.path.stem
            document.characters = cutter.characters
            document.notes = list(reading.notes)
        if not document.passages and not document.folded:
            raise Unreadable("has too little text for a passage")
        self.tally.read_anew += 1
        self.tally.remarks += [f"{source.name}: {note}" for note in reading.notes]
        work.retire(earlier)
        self.save(document)

    def _replace(self, versions: list[Document]) -> None:
        for version in versions:
            version.replaced = True
            self.save(version)

    def save(self, document: Document) -> None:
        """Write a document as it stands now."""
        self.known[document.id] = self.store.add_document(self.project.id, document)


class _Document:
    """One document being written."""

    def __init__(self, run: _Run, document: Document, earlier: list[Document]) -> None:
        self.run = run
        self.document = document
        self._prefix = passage_prefix(document.id)
        self._earlier = tuple(passage_prefix(version.id) for version in earlier)
        self._kept: set[str] = set()
        """Passages of earlier versions that stand in this one too."""

    def write(self, pieces: list[Piece]) -> None:
        """Add what is new of a batch of passages."""
        run = self.run
        passages = {one.id: one for one in map(self._passage, pieces)}
        there = run.store.corpus_state(run.project.id, passages.keys())
        new = [(id_, one.text) for id_, one in passages.items() if id_ not in there]
        folded = run.seen.fold(new, self._may_fold) if new else {}
        kept = {fold.into for fold in folded.values() if self._is_ours(fold.into)}
        shared = {fold.into for fold in folded.values()} - kept
        self._kept |= kept
        self._revive((kept & run.stale) | {id_ for id_, stale in there.items() if stale})
        added = run.store.add(
            run.project.id, (passages[id_] for id_, _ in new if id_ not in folded)
        )
        run.tally.made += len(added)
        run.tally.present += len(there) + len(kept)
        run.tally.folded += len(folded) - len(kept)
        self.document.passages += len(added) + len(there) + len(kept)
        self.document.folded += len(folded) - len(kept)
        theirs = {id_ for id_ in shared if not id_.startswith(self._prefix)}
        self.document.shared = sorted({*self.document.shared, *theirs})
        run.tell(run.number, f"{self.document.name}: {self.document.passages:,} passages")

    def retire(self, earlier: list[Document]) -> None:
        """Mark stale what earlier versions had and this one has not."""
        run = self.run
        if not earlier:
            return
        old = run.store.corpus(run.project.id, of=[version.id for version in earlier])
        elsewhere = {
            id_
            for other in run.known.values()
            if not other.replaced and other not in earlier
            for id_ in other.shared
        }
        staying = self._kept | elsewhere
        gone = (passage.id for passage in old if passage.id not in staying)
        reason = f"not in the newest version of {self.document.name}"
        for batch in _batches(gone):
            run.tally.gone += run.store.mark_passages(
                run.project.id, batch, stale=True, reason=reason
            )
            run.stale.update(batch)

    def _passage(self, piece: Piece) -> Passage:
        span = SourceSpan(document=self.document.id, start=piece.start, end=piece.end)
        return Passage(
            id=f"{self._prefix}{piece.start}-{piece.end}",
            text=piece.text,
            title=piece.title,
            origin=Origin.CORPUS,
            provenance=Provenance(source="corpus", span=span),
        )

    def _is_ours(self, id_: str) -> bool:
        return id_.startswith(self._earlier)

    def _may_fold(self, id_: str, exact: bool) -> bool:
        """Of earlier versions only the same text: a corrected number is not the old one."""
        if self._is_ours(id_):
            return exact
        return id_ not in self.run.stale

    def _revive(self, ids: set[str]) -> None:
        if ids:
            reason = f"in {self.document.name} again"
            self.run.store.mark_passages(self.run.project.id, ids, stale=False, reason=reason)
            self.run.stale -= ids


def _document(source: Source) -> Document:
    path = str(source.path.absolute())
    return Document(
        id=f"d-{digest(path)[:20]}",
        name=source.name,
        format=kind_of(source.path) or "unknown",
        digest="",
        path=path,
        title=source.path.stem,
    )


def _unopened(error: OSError) -> str:
    return f"cannot be opened ({error.strerror or error}); see who may read it"


def _batches(ids: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(ids, BATCH)):
        yield batch
