"""The languages that data can be generated and searched in."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import files

import langcodes
import yaml
from langcodes.tag_parser import LanguageTagError
from pydantic import BaseModel, ConfigDict

from distiller.schema.errors import UnknownLanguage


class Language(BaseModel):
    """What the rooms need to know of a language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tag: str
    """BCP 47 tag as asked for, in its standard form: `de-CH`."""
    code: str
    """Its primary subtag: `de`."""
    name: str
    """English name, as prompts call it."""
    stemmer: str | None = None
    """Snowball algorithm; None where Snowball has none."""
    stopwords: str | None = None
    """Name of the stop word list of bm25s; None where it has none."""
    spaced: bool = True
    """Whether spaces part words; if not, lengths count characters."""


@cache
def _table() -> dict[str, dict[str, str | bool]]:
    text = (files("distiller.packs") / "languages.yaml").read_text(encoding="utf-8")
    table: dict[str, dict[str, str | bool]] = yaml.safe_load(text)
    return table


def codes() -> list[str]:
    """Primary subtags that the packs cover, in alphabetic order."""
    return sorted(_table())


@cache
def language(tag: str) -> Language:
    """The language of a BCP 47 tag: `en`, `de-CH`, `zh_Hans`.

    Raises:
        UnknownLanguage: the tag is not well-formed, or not of a language that the packs cover.
    """
    try:
        standard = langcodes.standardize_tag(tag.strip())
        code = langcodes.Language.get(standard).language or ""
    except LanguageTagError:
        standard = code = ""
    if code not in _table():
        raise UnknownLanguage(_unknown(tag))
    return Language.model_validate({"tag": standard, "code": code, **_table()[code]})


def _unknown(tag: str) -> str:
    names = {str(entry["name"]).casefold(): code for code, entry in _table().items()}
    folded = tag.strip().casefold()
    near = [folded] if folded in names else difflib.get_close_matches(folded, names, n=3)
    if near:
        hint = "did you mean " + " or ".join(dict.fromkeys(names.get(n, n) for n in near)) + "?"
    else:
        hint = "use a BCP 47 tag of one of: " + ", ".join(codes())
    return f"unknown language {tag!r}: {hint}"
