"""Whether a start model reads the language that it is to learn."""

from __future__ import annotations

from distiller.packs.languages import language
from distiller.splade.start import TINY
from distiller.train.recipe import Recipe


def unread(base: str, tag: str) -> str:
    """A warning where the packaged start model is to learn a language that it does not read.

    Its words are English: elsewhere it sees pieces of words, and has to learn from counting what
    they weigh. On German court decisions that brought it level with BM25, not further
    (docs/results/grounded_study.md).

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
        f"The packaged start model reads English, not {known.name}: it first learns by counting "
        "which words of your passages matter, and searches about as well as a search by words. A "
        "start model that reads the language, from the Hugging Face hub or a folder, may find more; "
        "let the evaluation say which is better."
    )


def for_language(recipe: Recipe, base: str, tag: str) -> Recipe:
    """The recipe as it is for a start model and a language; see `Recipe.reads`.

    Raises:
        UnknownLanguage: As `unread`.
    """
    return recipe.model_copy(update={"reads": False}) if unread(base, tag) else recipe
