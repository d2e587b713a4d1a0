"""Foreign text stays as it was written. How a browser shows it is tested in tests/browser."""

from __future__ import annotations

import re

import pytest

from distiller.ui.text import plain, shortened, told_apart

HOSTILE = [
    "<script>alert(1)</script>",
    "**bold** _it_ `code` [link](http://x.y) ![i](j)",
    ":red[warn] :material/home: :tada: $x^2$ ~~no~~",
    "# title\n- item\n1. one",
    "a -> b <- c -- d www.example.com me@example.com https://example.com",
    "שלום 🏠 مرحبا",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_keeps_the_words(text: str):
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain(text)).replace("\u200b", "")
    assert shown == " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_leaves_no_sign_unescaped(text: str):
    assert not re.search(r"(?<!\\)[*_`\[\]<>#$~|]", plain(text).replace("\\\\", ""))


def test_what_streamlit_replaces_is_parted():
    assert ":tada" not in plain(":tada:").replace("\\", "")
    assert "->" not in plain("a -> b").replace("\\", "")


def test_shortened_ends_at_a_word():
    assert shortened("one two three", 9) == "one two …"
    assert shortened("one two", 9) == "one two"


def test_headings_are_short_and_all_different():
    long = "owner/a-model-with-a-very-long-name"
    labels = told_apart(["Query", f"{long}-one", f"{long}-two", "tuned", "  "], "Query", length=20)
    assert list(labels) == ["Query", f"{long}-one", f"{long}-two", "tuned", "  "]
    assert labels["Query"] == "Query (2)"
    assert labels["tuned"] == "tuned"
    assert labels["  "] == "?"
    assert len(set(labels.values())) == 5
    assert max(map(len, labels.values())) < 30
