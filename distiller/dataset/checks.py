"""The checks of training data: pure functions from items to the ones that fail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import lingua

from distiller.dataset.assembly import Pair
from distiller.dataset.near_duplicates import shingles
from distiller.dataset.texts import fold, words
from distiller.packs.languages import Language, language
from distiller.schema.examples import POSITIVE_GRADE, Passage, Query

MIN_NEGATIVES = 1
QUERY_WORDS = (2, 64)
PASSAGE_WORDS = (10, 600)
"""Fewest and most words; the most is about what a model of 512 tokens can still see."""

COPIED_RUN = 4
"""Words of a run: a passage that holds most runs of the query repeats it rather than answers it."""
COPIED_SHARE = 0.8

LANGUAGE_MIN_CHARACTERS = 25
"""Shorter texts, mostly terms, say too little of their language."""
LANGUAGE_MIN_PROBABILITY = 0.05
_CONTRAST = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "ar", "zh")


def unjudged(pairs: Iterable[Pair]) -> list[Pair]:
    """Pairs that nobody but their writer graded."""
    return [pair for pair in pairs if not pair.judged]


def contradicted(pairs: Iterable[Pair], by: str) -> list[Pair]:
    """Pairs where the judge says otherwise: `positive_not_confirmed` or `negative_answers`."""
    return [pair for pair in pairs if pair.disagreement == by]


def without_positive(queries: Iterable[Query], pairs: Mapping[str, Sequence[Pair]]) -> list[Query]:
    """Queries that no passage answers."""
    return [query for query in queries if not _count(pairs.get(query.id, ()), positive=True)]


def too_few_negatives(
    queries: Iterable[Query], pairs: Mapping[str, Sequence[Pair]], least: int = MIN_NEGATIVES
) -> list[Query]:
    """Queries with fewer hard negatives than `least`."""
    return [query for query in queries if _count(pairs.get(query.id, ()), positive=False) < least]


def _count(pairs: Iterable[Pair], *, positive: bool) -> int:
    return sum(
        (pair.effective.grade >= POSITIVE_GRADE) == positive
        for pair in pairs
        if pair.effective is not None and pair.disagreement is None
    )


def duplicates(texts: Mapping[str, str]) -> list[str]:
    """Keys whose folded text another key before them has."""
    by_text: dict[str, list[str]] = defaultdict(list)
    for key, text in texts.items():
        by_text[fold(text)].append(key)
    return [key for keys in by_text.values() for key in keys[1:]]


def copied(pairs: Iterable[Pair]) -> list[Pair]:
    """Pairs whose passage repeats the query: it holds most of its runs of four words."""
    return [pair for pair in pairs if copies(pair.query.query, pair.passage.text)]


def copies(query: str, passage: str) -> bool:
    """Whether a passage repeats a query of at least four words."""
    if len(words(query)) < COPIED_RUN:
        return False
    runs = shingles(query, COPIED_RUN)
    return len(runs & shingles(passage, COPIED_RUN)) >= COPIED_SHARE * len(runs)


def wrong_language(texts: Mapping[str, str], tag: str) -> list[str]:
    """Keys of texts that are in another language than the tag says; short ones are not judged."""
    found = _detector(language(tag).code)
    if found is None:
        return []
    detector, wanted = found
    long = {key: text for key, text in texts.items() if len(text) >= LANGUAGE_MIN_CHARACTERS}
    probabilities = (
        {value.language: value.value for value in detector.compute_language_confidence_values(text)}
        for text in long.values()
    )
    return [
        key
        for key, by_language in zip(long, probabilities, strict=True)
        if by_language.get(wanted, 1.0) < LANGUAGE_MIN_PROBABILITY
    ]


def can_tell_language(tag: str) -> bool:
    """Whether the language is one that can be recognised."""
    return _detector(language(tag).code) is not None


@cache
def _detector(code: str) -> tuple[lingua.LanguageDetector, lingua.Language] | None:
    by_code = {one.iso_code_639_1.name.casefold(): one for one in lingua.Language.all()}
    if code not in by_code:
        return None
    chosen = {by_code[other] for other in (code, *_CONTRAST)}
    return lingua.LanguageDetectorBuilder.from_languages(*chosen).build(), by_code[code]


def wrong_length(texts: Mapping[str, str], bounds: tuple[int, int], tongue: Language) -> list[str]:
    """Keys of texts with fewer or more words than the bounds.

    Where spaces do not part words, two characters count as one word.
    """
    low, high = bounds if tongue.spaced else (2 * bounds[0], 2 * bounds[1])
    return [key for key, text in texts.items() if not low <= len(words(text)) <= high]


def passages_of(pairs: Iterable[Pair]) -> dict[str, Passage]:
    """The passages of pairs, by identifier."""
    return {pair.passage.id: pair.passage for pair in pairs}
