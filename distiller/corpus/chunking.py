"""Documents to passages: cut by structure first, then by length, never in the middle of a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pydantic import Field, model_validator

from distiller.corpus.blocks import SEPARATOR, Block
from distiller.corpus.sentences import Span, lines, sentences
from distiller.quality.texts import words
from distiller.schema.base import Record

_LEAST_WORDS = 3
"""What has fewer, such as a lone page number, is no passage."""
_LEAST_OF_LONE_HEADING = 8
_REST = 0.25
"""A rest of less than this share of the target goes into the passage before it."""
_MOST_OF_SECTION = 200_000
"""Characters of a section that are in memory at once; a long one is cut there, between blocks."""
_TITLE_SEPARATOR = " › "
_LONGEST_TITLE = 200
_WORD = re.compile(r"\S+")
_LONGEST_WORD = 20
"""Characters of a run without white space that is cut like a sentence: Chinese, or a web address."""


class Chunking(Record):
    """How long passages are. Words count by character in scripts that put no space between them."""

    words: int = Field(default=150, ge=20, le=2_000)
    """Target. Models read 256 tokens: 150 English words and their title, or German ones."""
    overlap: int = Field(default=30, ge=0, le=500)
    """Words that a passage repeats of the one before, where a paragraph had to be cut."""
    whole: int = Field(default=400, ge=20, le=10_000)
    """Words up to which a table or a row stays whole."""

    @model_validator(mode="after")
    def _overlap_is_smaller(self) -> Chunking:
        if self.overlap > self.words // 2:
            raise ValueError("an overlap of more than half a passage repeats too much")
        return self


class Piece(NamedTuple):
    """A passage to be; `text` is exactly the document's text as read from start to end."""

    start: int
    end: int
    text: str
    title: str


class _Unit(NamedTuple):
    """What is not cut: a sentence, a line of a table."""

    start: int
    end: int
    words: int
    ends_block: bool


class Cutter:
    """Cuts one document, in one pass, a section in memory at a time."""

    def __init__(self, chunking: Chunking, title: Callable[[], str]) -> None:
        """`title` is asked for when a passage is made: some readers know it late."""
        self.chunking = chunking
        self.characters = 0
        """Length of the text as read so far."""
        self._title = title
        self._path: list[tuple[int, str]] = []
        self._heading: Piece | None = None
        self._section: list[tuple[int, Block]] = []

    def pieces(self, blocks: Iterable[Block]) -> Iterator[Piece]:
        """The passages of a document's blocks, in order."""
        for at, block in _placed(blocks):
            self.characters = at + len(block.text)
            if block.kind == "heading":
                yield from self._flush()
                yield from self._lone_heading()
                self._enter(at, block)
                continue
            self._heading = None
            if block.kind in ("table", "row", "record"):
                yield from self._flush()
                yield from self._whole(at, block)
            else:
                self._section.append((at, block))
                if self.characters - self._section[0][0] > _MOST_OF_SECTION:
                    yield from self._flush()
        yield from self._flush()
        yield from self._lone_heading()

    def _enter(self, at: int, block: Block) -> None:
        self._path = [(level, text) for level, text in self._path if level < block.level]
        if len(words(block.text)) >= _LEAST_OF_LONE_HEADING:
            self._heading = Piece(at, at + len(block.text), block.text, self._titled())
        self._path.append((block.level, block.text))

    def _lone_heading(self) -> Iterator[Piece]:
        """A long heading under which nothing stands: it was a sentence in large letters."""
        if self._heading is not None:
            yield self._heading
            self._heading = None

    def _titled(self, own: str = "") -> str:
        """Document title, then the two innermost headings, or a row's own title."""
        path = [self._title(), *(text for _, text in self._path[-2:]), own]
        told = [part for at, part in enumerate(path) if part and part not in path[:at]]
        return own or _TITLE_SEPARATOR.join(told)[:_LONGEST_TITLE].strip()

    def _whole(self, at: int, block: Block) -> Iterator[Piece]:
        title = self._titled(block.title)
        if block.kind == "record" or len(words(block.text)) <= self.chunking.whole:
            yield Piece(at, at + len(block.text), block.text, title)
            return
        spans = lines if block.kind == "table" else sentences
        units = list(self._units(at, block.text, spans(block.text)))
        yield from self._cut(units, block.text, at, title)

    def _flush(self) -> Iterator[Piece]:
        if not self._section:
            return
        base = self._section[0][0]
        text = SEPARATOR.join(block.text for _, block in self._section)
        units: list[_Unit] = []
        for at, block in self._section:
            units += self._units(at, block.text, sentences(block.text))
        self._section = []
        if sum(unit.words for unit in units) >= _LEAST_WORDS:
            yield from self._cut(units, text, base, self._titled())

    def _units(self, at: int, text: str, spans: Iterable[Span]) -> Iterator[_Unit]:
        found = [part for span in spans for part in _parts(text, span, self.chunking.words)]
        for number, (start, end) in enumerate(found, 1):
            count = len(words(text[start:end]))
            yield _Unit(at + start, at + end, count, number == len(found))

    def _cut(self, units: list[_Unit], text: str, base: int, title: str) -> Iterator[Piece]:
        first = done = 0
        while first < len(units):
            end = self._end(units, first, done)
            start, stop = units[first].start, units[end - 1].end
            yield Piece(start, stop, text[start - base : stop - base], title)
            first, done = self._next(units, first, end), end

    def _end(self, units: list[_Unit], first: int, done: int) -> int:
        """Where a passage that begins with unit `first` ends, beyond what is done already."""
        target = self.chunking.words
        end, total, boundary = first, 0, 0
        while end < len(units) and (end <= done or total + units[end].words <= target):
            total += units[end].words
            end += 1
            if units[end - 1].ends_block and end > done and total >= target / 2:
                boundary = end
        rest = sum(unit.words for unit in units[end : end + target])
        if rest < target * _REST and len(units) - end <= target:
            return len(units)
        return boundary or end

    def _next(self, units: list[_Unit], first: int, end: int) -> int:
        """The unit that the next passage begins with: earlier ones again, if a block was cut."""
        if end == len(units) or units[end - 1].ends_block:
            return end
        again, repeated = end, 0
        room = min(self.chunking.overlap, self.chunking.words - units[end].words)
        while again - 1 > first and repeated + units[again - 1].words <= room:
            again -= 1
            repeated += units[again].words
        return again


def _placed(blocks: Iterable[Block]) -> Iterator[tuple[int, Block]]:
    """Blocks with where they begin in the text as read."""
    at = 0
    for block in blocks:
        yield at, block
        at += len(block.text) + len(SEPARATOR)


def _parts(text: str, span: Span, most: int) -> Iterator[Span]:
    """A span, cut between words where it has more of them than a passage shall have."""
    start, end = span
    if len(words(text[start:end])) <= most:
        yield span
        return
    begun, last, count = start, start, 0
    for word_start, word_end in _words(text, start, end):
        size = max(1, len(words(text[word_start:word_end])))
        if count and count + size > most:
            yield begun, last
            begun, count = word_start, 0
        last = word_end
        count += size
    yield begun, last


def _words(text: str, start: int, end: int) -> Iterator[Span]:
    for match in _WORD.finditer(text, start, end):
        for at in range(match.start(), match.end(), _LONGEST_WORD):
            yield at, min(at + _LONGEST_WORD, match.end())
