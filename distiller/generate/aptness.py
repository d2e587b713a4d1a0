"""What keeps a written query from being one that a searcher types. Pure functions, no model calls."""

from __future__ import annotations

import re
from collections.abc import Iterable

from distiller.generate.wording import parrots
from distiller.packs.languages import language
from distiller.packs.templates import Template
from distiller.quality.form import BRIEF, joined
from distiller.quality.texts import length, stems, words
from distiller.schema.examples import Complexity

MAX_WORDS = 70
COPIED, COPIED_SHARE = 6, 0.8
"""Words in one run with the passage from which a query is copied; the share is for shorter ones."""
LEAST_COPIED = 4
"""Shorter queries, such as a term, may well stand in the passage."""
TELLING = 4
"""Words that are no stop words, from which a query is specific, though it shares none with its passage."""
QUESTION_MARKS = "?？؟"
PARTICULAR = 2
"""Words that are no stop words and no words of the field, below which a query is about all of it;
a question word is one of them in most languages."""
SIMPLE_WORDS, MODERATE_WORDS = 8, 16

STRAYED = 3
"""Words of one worked example from which a query may have been taken from it."""

_TOLD = re.compile(r"\w{4,}[.!?]\s+\w.*\w[.!]$", re.DOTALL)
"""Of a text of several sentences that does not end in a question."""

_REFERS = {
    "en": re.compile(
        r"\b(?:according to|(?:in|from|of|by|does|do) (?:the|this|these|that) (?:given |above |following )?"
        r"(?:passage|text|excerpt|document|article|abstract|author|authors|section|paragraph))\b"
        r"|\b(?:this|the) (?:passage|excerpt|paragraph|stud(?:y|ies) (?:show|find|describe)s?)\b"
        r"|\bas (?:mentioned|described|stated) (?:above|here|in)\b|\bthe searcher\b"
        r"|\bin (?:this|the given) context\b",
        re.IGNORECASE,
    ),
    "de": re.compile(
        r"\b(?:laut|gemäß|im|in|aus)\s(?:dem |der |diesem |dieser )?(?:Text|Textabschnitt|Passage)\b"
        r"|\bdiese[mnrs]?\s(?:Text(?:es)?|Textabschnitts?|Abschnitts?|Passage|Auszugs?)\b"
        r"|\bwie (?:oben|hier) (?:erwähnt|beschrieben)\b"
        r"|\bin diesem (?:zusammenhang|kontext)\b",
        re.IGNORECASE,
    ),
    "fr": re.compile(r"\b(?:selon|dans) (?:le|ce|cet|l['’]) ?(?:passage|texte|extrait)\b", re.I),
    "es": re.compile(r"\b(?:según|en) (?:el|este) (?:pasaje|texto|fragmento)\b", re.IGNORECASE),
}
"""Of a query that speaks of the text it was written from, by language; English is what models
fall back into."""


_NAMES_KIND = re.compile(
    r"\b(?:key ?words?|search terms?|stichwört\w*|stichwort\w*|suchbegriff\w*)\b", re.IGNORECASE
)
"""Of a query that says that it is made of keywords instead of being made of them."""


def refers(text: str, tag: str) -> bool:
    """Whether a query speaks of a text that its searcher has not seen."""
    code = language(tag).code
    return any(_REFERS[c].search(text) for c in {"en", code} if c in _REFERS)


def copied_run(text: str, source: str, tag: str) -> int:
    """Words of the longest run that both texts share; signs by two where spaces part no words."""
    one, shown = words(text), f" {' '.join(words(source))} "
    longest, start = 0, 0
    for end in range(1, len(one) + 1):
        while end - start > longest and f" {' '.join(one[start:end])} " not in shown:
            start += 1
        longest = max(longest, end - start)
    return longest if language(tag).spaced else longest // 2


def copied(text: str, source: str, tag: str) -> bool:
    """Whether a query repeats a phrase of its passage instead of asking in other words."""
    size = length(text, tag)
    if size < LEAST_COPIED:
        return False
    run = copied_run(text, source, tag)
    return run >= COPIED or run >= COPIED_SHARE * size


def first_asked(text: str) -> str:
    """The first of several questions: models that must write much ask one after the other."""
    marks = [at for at, sign in enumerate(text) if sign in QUESTION_MARKS]
    return text[: marks[0] + 1] if len(marks) > 1 else text


def describes_searcher(text: str, kinds: Template) -> bool:
    """Whether a text says who searches and what they do, as the prompt does, for the query itself."""
    verbs = {kind.description.split()[0] for kind in kinds.query_types}
    beginnings = [f"{persona} {verb}" for persona in kinds.personas for verb in verbs]
    return text.casefold().startswith(tuple(one.casefold() for one in beginnings))


def states(text: str) -> bool:
    """Whether a text tells in sentences instead of asking, or goes on to answer what it asks."""
    return bool(_TOLD.search(text))


def without_kind(text: str, answer_type: str) -> str:
    """The query without the kind of answer that was asked for, in brackets at its end."""
    body, bracket, rest = text.rpartition("(")
    told = rest.removesuffix(")").casefold()
    return body.strip() if bracket and told.endswith(answer_type.casefold()) else text


def general(text: str, field: str, tag: str) -> bool:
    """Whether a query asks about the whole field, and so for no passage in particular."""
    return len(stems(text, tag) - stems(field, tag)) < PARTICULAR


def vague(text: str, source: str, tag: str) -> bool:
    """Whether a query says little, and nothing of what its passage speaks of."""
    found = stems(text, tag)
    return len(found) < TELLING and not found & stems(source, tag)


def strays(text: str, source: str, shown: Iterable[str], tag: str) -> bool:
    """Whether a query has more words of one worked example that was shown than of its passage."""
    found = stems(text, tag)
    own = len(found & stems(source, tag))
    return any(len(found & stems(line, tag)) >= max(STRAYED, own + 1) for line in shown)


def asks_apart(text: str, source: str, shown: Iterable[str], tag: str) -> bool:
    """Whether a searcher who has not seen the source could have typed the text.

    `shown` are the other lines that the writer was shown: it must not repeat those either.
    """
    if not len(text) >= 2 or length(text, tag) > MAX_WORDS:
        return False
    if "=>" in text or BRIEF.search(text) or joined(text) or refers(text, tag):
        return False
    if _NAMES_KIND.search(text) and not _NAMES_KIND.search(source):
        return False
    if vague(text, source, tag):
        return False
    return not copied(text, source, tag) and not parrots(text, shown, tag)


def complexity_of(text: str, tag: str) -> Complexity:
    """By length, as the prompts ask for it."""
    size = length(text, tag)
    if size <= SIMPLE_WORDS:
        return Complexity.SIMPLE
    return Complexity.MODERATE if size <= MODERATE_WORDS else Complexity.COMPLEX
