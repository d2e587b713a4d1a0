"""Whether a start model reads the language that it is to learn."""

from __future__ import annotations

from distiller.packs.languages import language
from distiller.splade.start import TINY


def unread(base: str, tag: str) -> str:
    """A warning where the packaged start model is to learn a language that it does not read.

    Its words are English: elsewhere it sees pieces of words. Trained on German court decisions it
    stayed far below BM25 (docs/results/grounded_study.md).

    Args:
        base: as for `distiller.splade.resolve`. Of other models nothing is known.
        tag: BCP 47 tag of the project's language.

    Raises:
        UnknownLanguage: the packs do not cover the language.
    """
    known = language(tag)
    if base.strip() != TINY or known.code == "en":
        return ""
    return (
        f"The packaged start model reads English, not {known.name}: even trained it may find less "
        "than a search by words. Name a start model that reads it, from the Hugging Face hub or a "
        "folder, and let the evaluation say which is better."
    )
