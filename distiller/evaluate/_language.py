"""The language of a collection as its metadata declares it."""

from __future__ import annotations

import json
from pathlib import Path

from distiller.packs.languages import language as language_pack
from distiller.schema.errors import InvalidFile, UnknownLanguage


def declared(folder: Path) -> str | None:
    """The `language` of the folder's `metadata.json`; None where it says nothing.

    Raises:
        InvalidFile: The file is not a JSON object, or its language is not one of the packs'.
    """
    path = folder / "metadata.json"
    if not path.is_file():
        return None
    try:
        metadata = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError, OSError) as error:
        raise InvalidFile(path, "not JSON in UTF-8; correct or remove it") from error
    if not isinstance(metadata, dict):
        raise InvalidFile(path, "must be a JSON object such as {…}")
    tag = metadata.get("language")
    if tag is None:
        return None
    if not isinstance(tag, str):
        raise InvalidFile(path, "must be a BCP 47 tag such as 'en'", field="language")
    try:
        return language_pack(tag).tag
    except UnknownLanguage as error:
        raise InvalidFile(path, str(error), field="language") from error
