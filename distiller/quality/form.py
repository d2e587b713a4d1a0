"""What a text must not look like: too short or long, with remains of a prompt, broken off."""

from __future__ import annotations

import re

QUERY_WORDS = (2, 64)
PASSAGE_WORDS = (10, 600)
"""Fewest and most words; the most is about what a model of 512 tokens can still see."""
ENOUGH_TO_END = 8
"""A text of so many words is prose, whose last sentence ends with a mark."""

FENCE = re.compile(r"^```\w*\s*|\s*```$")
PREAMBLE = re.compile(
    r"^(?:sure|certainly|of course|okay|ok|here (?:is|are)|here's)\b[^\n:]{0,120}:\s*",
    re.IGNORECASE,
)
MARK = re.compile(r"^\s*(?:[-*•]+\s+|#{1,6}\s+|\(?\d{1,3}[.)]\s+)")
LABEL = re.compile(
    r"^(?:example |search |sample )?(?:query|question|concept|term|title|passage|text|fact|answer)"
    r"(?:\s*#?\d+)?\s*[:.]\s+",
    re.IGNORECASE,
)
EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
PLACEHOLDER = re.compile(
    r"^(?:n/?a|none|null|nil|tbd|todo|unknown|string|text|title|example|placeholder|lorem ipsum.*"
    r"|\.{2,}|…|-+|\[[^\]]*\]|<[^>]*>)\.?$",
    re.IGNORECASE,
)
SELF = re.compile(r"\bas an ai\b|\blanguage model\b|\[insert\b|\byour (?:query|term) here\b", re.I)
OF_ITSELF = re.compile(
    r"\b(?:th(?:e|is) (?:passage|query|excerpt)|answers? the query|the field's own terms"
    r"|reasons section|in the document)\b",
    re.IGNORECASE,
)
"""Small models report on their task instead of doing it."""
_TASK = re.compile(r"\bthis (?:passage|query|excerpt)\b|\banswers? (?:the|this) query\b", re.I)
"""Narrower than what a writer's sentences are sifted by: documents do speak of themselves."""
BRIEF = re.compile(r"\b(?:at most|to) \d+ words\b")
"""Of a query that repeats what it was to be like."""
_HOLE = re.compile(r"\[(?:insert|your|name|date|amount|city|x+)\b[^\]]*\]|\blorem ipsum\b", re.I)
_MARKUP = re.compile(r"^#{1,6}\s+\S|^\s*[-*•]\s+\S|^\s*\|.*\|\s*$|```|</?[a-z]+>", re.M | re.I)
_ENDS = tuple(".!?…:;。！？।؟\"')”»]’")

_ANYWHERE = (
    (SELF, "the writer speaks of itself or left a gap to fill in"),
    (_HOLE, "a placeholder was left in it"),
    (FENCE, "it has the fence of a code block"),
    (PREAMBLE, "it begins with an introduction such as “Here is the query:”"),
    (LABEL, "it begins with a label such as “Query:”"),
    (EMPHASIS, "it has marks for bold type"),
    (PLACEHOLDER, "it is a placeholder and no text"),
)


def joined(text: str) -> bool:
    """Whether the text asks two things at once."""
    return sum(text.count(mark) for mark in "?？؟") > 1


def query_fault(text: str) -> str:
    """Why no searcher would have typed this; empty where nothing speaks against it."""
    for pattern, words in (
        *_ANYWHERE,
        (MARK, "it begins with the mark of a list"),
        (BRIEF, "it repeats how long it was to be"),
    ):
        if pattern.search(text):
            return words
    if "=>" in text:
        return "it has an arrow of the prompt in it"
    if "\n" in text.strip():
        return "it goes over several lines"
    return "it asks two things at once" if joined(text) else ""


def passage_fault(text: str) -> str:
    """Why no document would have this; empty where nothing speaks against it."""
    for pattern, words in (
        *_ANYWHERE,
        (_TASK, "it speaks of itself or of the query"),
        (_MARKUP, "it has marks of headings, lists or tables"),
    ):
        if pattern.search(text):
            return words
    return "its last sentence is broken off" if unfinished(text) else ""


def unfinished(text: str) -> bool:
    """Whether prose ends without the mark of a sentence's end."""
    return len(text.split()) >= ENOUGH_TO_END and not text.rstrip().endswith(_ENDS)
