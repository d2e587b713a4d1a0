"""From a written answer to a passage that can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from distiller.generate.answers import WrittenPassage
from distiller.generate.wording import clean
from distiller.packs.languages import language
from distiller.quality.form import OF_ITSELF
from distiller.quality.languages import in_language
from distiller.quality.texts import length, stems, words
from distiller.schema.errors import InputError, InvalidCompletion, WrongLanguage

Length = Literal["short", "medium", "long"]

NOVEL = 0.5
"""Share of a passage's stems that must not come from the query: else it only repeats it."""


@dataclass(frozen=True)
class Bounds:
    """How long a passage of a length class is."""

    sentences: tuple[int, int]
    words: tuple[int, int]
    """Fewer than the first are too few; the second is what a text is cut to, at a sentence."""
    max_tokens: int


LENGTHS: dict[Length, Bounds] = {
    "short": Bounds((2, 4), (20, 90), 350),
    "medium": Bounds((5, 8), (50, 220), 650),
    "long": Bounds((12, 16), (130, 450), 1300),
}


def checked_length(name: str) -> Length:
    """Raises InputError for anything but short, medium or long."""
    if name not in LENGTHS:
        raise InputError(f"no length {name!r}; use short, medium or long")
    return name


def body(
    written: WrittenPassage, query: str, tag: str, size: Length, *, queries: Sequence[str] = ()
) -> tuple[str, str, str]:
    """Title, text and explanation, clean.

    `query` is what the passage answers, `tag` the language that it must be in, and `queries`
    are further texts that it must not quote.

    Raises:
        InvalidCompletion: too short, or it only repeats the query.
        WrongLanguage: it is in another language.
    """
    raw = written.model_dump_json()
    asked = {" ".join(words(text)) for text in (query, *queries)}
    sentences: dict[str, str] = {}
    for sentence in map(clean, written.sentences):
        folded = " ".join(words(sentence))
        # Reports on the task instead of the matter are left out.
        if folded and folded not in asked and not OF_ITSELF.search(sentence):
            sentences.setdefault(folded, _ended(sentence))
    joint = " " if language(tag).spaced else ""
    text = _cut(list(sentences.values()), joint, tag, LENGTHS[size].words[1])
    least = LENGTHS[size].words[0]
    if (found := length(text, tag)) < least:
        raise InvalidCompletion(f"{found} words, at least {least} are needed", completion=raw)
    parts = stems(text, tag)
    if len(parts - stems(query, tag)) < NOVEL * len(parts):
        raise InvalidCompletion("the passage only repeats the query", completion=raw)
    if not in_language(text, tag):
        raise WrongLanguage(f"not in {language(tag).name}", completion=raw)
    return clean(written.title), text, clean(written.explanation)


def _ended(sentence: str) -> str:
    """The sentence with a full stop, if it has no mark at its end."""
    return sentence if sentence[-1] in ".!?…:;。！？।؟\"')”»" else f"{sentence}."


def _cut(sentences: list[str], joint: str, tag: str, most: int) -> str:
    """As many sentences as have at most so many words; always the first."""
    kept = sentences[:1]
    for sentence in sentences[1:]:
        if length(joint.join([*kept, sentence]), tag) > most:
            break
        kept.append(sentence)
    return joint.join(kept)
