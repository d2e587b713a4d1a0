"""What a start model reads."""

from __future__ import annotations

import pytest

from distiller.schema.errors import UnknownLanguage
from distiller.train.recipe import Recipe
from distiller.train.start_language import for_language, unread


@pytest.mark.parametrize("tag", ["en", "en-GB", "en_US"])
def test_the_packaged_model_reads_english(tag: str) -> None:
    assert not unread("tiny", tag)


def test_it_is_said_what_it_does_not_read() -> None:
    assert "reads English, not German" in unread(" tiny ", "de-CH")
    assert not unread("owner/multilingual-splade", "de")


def test_languages_that_nobody_knows_are_refused() -> None:
    with pytest.raises(UnknownLanguage):
        unread("tiny", "english, please")


def test_a_recipe_knows_whether_its_start_model_reads() -> None:
    recipe = Recipe()
    assert for_language(recipe, "tiny", "en") == recipe
    assert not for_language(recipe, "tiny", "de").reads
    assert for_language(recipe, "owner/multilingual-splade", "de") == recipe
    assert (recipe.fewest_query_dims, for_language(recipe, "tiny", "de").fewest_query_dims) == (
        5,
        1,
    )
