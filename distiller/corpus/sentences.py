"""Where sentences end, well enough to cut between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_CANDIDATE = re.compile(r"[.!?…]+[\"”“»’)\]]*\s+|[。！？]+[\"”」』）]*\s*|[;:]?\s*\n\s*")
_LAST_WORD = re.compile(r"[^\s(\[\"„“«]+$")
_SHORT = frozenset(
    # English, German and what scholars of any language write; all in lower case.
    re.split(
        r"\s+",
        "abs al approx art aufl bd bes bzw ca cf ch dept dr ed eds eq etc evtl fig ggf hon hrsg inc"
        " inkl jan feb mar apr jun jul aug sept sep oct okt nov dec dez lit ltd mr mrs ms no nos nr"
        " op para paras pp prof rdnr rev rn rspr sec sog sogen st tel urt usw vgl vol vs zit ziff"
        " e.g i.e z.b d.h u.a o.ä s.o s.u i.d.r i.s.d",
    )
)


def sentences(text: str) -> Iterator[Span]:
    """Spans of the sentences of a text, without the white space between them."""
    start = 0
    for match in _CANDIDATE.finditer(text):
        if match.end() < len(text) and _ends(text, match):
            end = match.start() + len(match[0].rstrip())
            if text[start:end].strip():
                yield _trimmed(text, start, end)
            start = match.end()
    if text[start:].strip():
        yield _trimmed(text, start, len(text))


def lines(text: str) -> Iterator[Span]:
    """Spans of the lines of a text that are not empty."""
    for match in re.finditer(r"[^\n]+", text):
        if match[0].strip():
            yield _trimmed(text, *match.span())


def _trimmed(text: str, start: int, end: int) -> Span:
    kept = text[start:end]
    return start + len(kept) - len(kept.lstrip()), end - len(kept) + len(kept.rstrip())


def _ends(text: str, match: re.Match[str]) -> bool:
    mark, after = match[0], text[match.end()]
    if "\n" in mark and not mark.strip():
        return False  # a line that was merely wrapped
    if mark[0] != ".":
        return not after.islower() or mark[0] in ";:"
    if after.islower():
        return False
    before = _LAST_WORD.search(text, max(0, match.start() - 30), match.start())
    word = before[0].casefold() if before else ""
    # "5. May", "§ 5 Abs. 2", "J. Smith": a number, a known abbreviation or a single letter.
    return not (word.isdigit() and len(word) < 4) and word not in _SHORT and len(word) > 1
