"""Unlabelled passages of the corpus, among which dev and test queries are ranked.

A few dozen labelled passages are no search: any model finds the right one among them. What a
corpus has besides makes it one, and a small part of a large corpus is enough: what a search ranks
high for these very queries, and as much of everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple, Protocol

from distiller.dataset.texts import digest, passage_text
from distiller.quality.duplicates import PASSAGE_SHINGLE, shared
from distiller.retrieve import BM25
from distiller.schema.dataset import Example, LabelledPassage, UnlabelledPassage

MOST = 1_000
"""Passages of a background: see docs/decisions/0023-background-passages.md for what they cost."""
_HARD_SHARE = 0.5
"""Of a background that is a part of the corpus, what BM25 finds; the rest is drawn evenly."""
_DEPTH = 200
"""Ranks of a query that may give it passages."""


class CorpusPassage(Protocol):
    """A passage as the store's corpus gives it."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


class Background(NamedTuple):
    """What was chosen."""

    passages: list[UnlabelledPassage]
    of: int
    """Passages that it stands for: all of the corpus that could have been chosen."""


def unlabelled(
    corpus: Iterable[CorpusPassage], examples: Sequence[Example], answers: Sequence[str] = ()
) -> dict[str, UnlabelledPassage]:
    """Hash of title and text → passage, of what no example labels under any identifier.

    `answers` are texts of further passages that are known to answer.
    """
    labelled = [p for example in examples for p in [*example.positives, *example.negatives]]
    ids = {passage.passage_id for passage in labelled}
    hashes, right = set(map(key_of, labelled)), set(answers)
    free: dict[str, UnlabelledPassage] = {}
    for one in corpus:
        passage = UnlabelledPassage(passage_id=one.id, text=one.text, title=one.title)
        if one.id in ids or one.text in right or (key := key_of(passage)) in hashes:
            continue
        if key not in free or one.id < free[key].passage_id:
            free[key] = passage
    return free


def choose_background(
    free: Mapping[str, UnlabelledPassage],
    examples: Sequence[Example],
    *,
    answers: Sequence[str] = (),
    most: int = MOST,
    language: str = "en",
) -> Background:
    """All of a corpus that no example labels, or of a large one the hardest and an even sample.

    Copies and near-duplicates of positives stay out, for they would be right answers that count as
    wrong. The sample is drawn by a hash of the text, so that further documents change little of it,
    and neither order nor identifiers change any of it.

    Args:
        free: what `unlabelled` gives.
        examples: with their splits.
        answers: texts of further passages that are known to answer; their likes stay out, too.
        most: passages at most.
        language: BCP 47 tag, for BM25.

    Raises:
        UnknownLanguage: the packs do not cover the language.
    """
    likely = _in_order(free, examples, most, language)
    positives = [passage.text for example in examples for passage in example.positives]
    right = {str(at): text for at, text in enumerate(dict.fromkeys([*positives, *answers]))}
    kept: list[str] = []
    copies: set[str] = set()
    at = 0
    while at < len(likely) and len(kept) < most:
        part = likely[at : at + most - len(kept)]
        at += len(part)
        found = shared({key: free[key].text for key in part}, right, PASSAGE_SHINGLE)
        copies |= found.keys()
        kept += [key for key in part if key not in found]
    return Background([free[key] for key in sorted(kept)], len(free) - len(copies))


def key_of(passage: LabelledPassage | UnlabelledPassage) -> str:
    """Equal for passages of the same title and text."""
    return digest(passage.title, passage.text)


def _in_order(
    free: Mapping[str, UnlabelledPassage], examples: Sequence[Example], most: int, language: str
) -> list[str]:
    """Which to take first: all alike where there is room for all."""
    evenly = sorted(free)
    if len(free) <= most:
        return evenly
    hard = _hard(free, examples, int(most * _HARD_SHARE), language)
    return list(dict.fromkeys([*hard, *evenly]))


def _hard(
    free: Mapping[str, UnlabelledPassage], examples: Sequence[Example], count: int, language: str
) -> list[str]:
    """What BM25 ranks first for held-out queries: rank 1 of each, rank 2 of each, and so on."""
    queries = sorted({example.query for example in examples if example.split != "train"})
    if not queries or not count:
        return []
    texts = {key: passage_text(one) for key, one in free.items()}
    run = BM25(texts, language).retrieve({query: query for query in queries}, _DEPTH)
    rows: Iterator[tuple[str | None, ...]] = zip_longest(*(run[query] for query in queries))
    first = dict.fromkeys(key for key in chain.from_iterable(rows) if key is not None)
    return list(first)[:count]
