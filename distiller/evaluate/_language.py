"""The language of a collection: declared by its metadata, or else detected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lingua import IsoCode639_1, Language, LanguageDetectorBuilder

from distiller.packs.languages import codes
from distiller.packs.languages import language as language_pack
from distiller.schema.errors import InvalidFile, UnknownLanguage

_SAMPLE_PASSAGES = 40
_SAMPLE_CHARACTERS = 200


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


def detected(corpus: Mapping[str, str]) -> str:
    """Code of the language that most of an evenly spread sample is in; `en` when none is clear."""
    covered = set(codes())
    languages = [
        language for language in Language.all() if language.iso_code_639_1.name.lower() in covered
    ]
    ids = sorted(passage_id for passage_id, text in corpus.items() if text)
    step = max(1, len(ids) // _SAMPLE_PASSAGES)
    sample = " ".join(corpus[key][:_SAMPLE_CHARACTERS] for key in ids[::step][:_SAMPLE_PASSAGES])
    detector = LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()
    language = detector.detect_language_of(sample)
    code: IsoCode639_1 | None = language.iso_code_639_1 if language else None
    return code.name.lower() if code else "en"
