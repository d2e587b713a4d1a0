from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from distiller.corpus.blocks import SEPARATOR, Block
from distiller.corpus.chunking import Chunking, Cutter, Piece
from distiller.corpus.sentences import sentences
from distiller.quality.texts import words

SMALL = Chunking(words=20, overlap=6, whole=30)


def cut(blocks: list[Block], chunking: Chunking = SMALL, title: str = "") -> list[Piece]:
    return list(Cutter(chunking, lambda: title).pieces(blocks))


def prose(count: int, name: str = "w") -> str:
    """Sentences of four words each."""
    told = [f"{name.upper()}{n} is a word." for n in range(count // 4)]
    return " ".join(told)


WORD = st.sampled_from(
    ["law", "Rent", "rule.", "Term?", "no. 5", "中文字。", "§ 4", "x" * 70, "(a)"]
)
TEXT = st.lists(st.lists(WORD, min_size=1, max_size=40).map(" ".join), min_size=1, max_size=3).map(
    "\n".join
)


def blocks_of(*kinds: str) -> st.SearchStrategy[Block]:
    return st.builds(Block, kind=st.sampled_from(kinds), text=TEXT, level=st.integers(1, 3))


BLOCK = blocks_of("heading", "paragraph", "item", "table", "row", "record")


@settings(max_examples=300, deadline=None)
@given(st.lists(BLOCK, max_size=12))
def test_passages_are_exactly_what_stands_at_their_span_and_leave_nothing_out(
    blocks: list[Block],
) -> None:
    text = SEPARATOR.join(block.text for block in blocks)
    cutter = Cutter(SMALL, lambda: "Doc")
    pieces = list(cutter.pieces(blocks))
    assert cutter.characters == len(text)
    covered = set[int]()
    for piece in pieces:
        assert piece.text == text[piece.start : piece.end]
        assert piece.text == piece.text.strip() != ""
        covered.update(range(piece.start, piece.end))
    assert len({(piece.start, piece.end) for piece in pieces}) == len(pieces)
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)
    at = 0
    for block in blocks:
        end = at + len(block.text)
        missing = [i for i in range(at, end) if i not in covered and not text[i].isspace()]
        if missing and block.kind != "heading":
            # Only sections of fewer than three words are no passage.
            assert len(words(block.text)) < 3
        at = end + len(SEPARATOR)


@settings(max_examples=200, deadline=None)
@given(st.lists(blocks_of("paragraph", "item"), max_size=12))
def test_no_passage_is_much_longer_than_wanted(blocks: list[Block]) -> None:
    for piece in cut(blocks):
        assert len(words(piece.text)) <= 20 * 1.25 + 1


def test_passages_end_with_blocks_where_they_can() -> None:
    first, second = prose(12), prose(16, "v")
    assert [
        piece.text for piece in cut([Block("paragraph", first), Block("paragraph", second)])
    ] == [
        first,
        second,
    ]


def test_a_cut_paragraph_repeats_the_end_of_the_passage_before() -> None:
    pieces = cut([Block("paragraph", prose(40))])
    assert [piece.text.split()[0] for piece in pieces] == ["W0", "W4"]
    assert pieces[0].text.endswith("W4 is a word.")
    assert cut([Block("paragraph", prose(40))], Chunking(words=20, overlap=0))[1].text.startswith(
        "W5"
    )


def test_a_short_rest_goes_with_the_passage_before() -> None:
    assert len(cut([Block("paragraph", prose(24))])) == 1


def test_tables_stay_whole_until_they_are_very_long_and_are_then_cut_between_rows() -> None:
    row = "one | two | three"
    table = Block("table", "\n".join([row] * 10))
    assert [piece.text for piece in cut([table])] == [table.text]
    long = cut([Block("table", "\n".join([row] * 20))])
    assert len(long) > 1
    assert all(set(piece.text.split("\n")) == {row} for piece in long)


def test_records_of_a_collection_stay_whole_and_rows_do_when_short() -> None:
    assert len(cut([Block("record", prose(400), title="T")])) == 1
    pieces = cut([Block("row", prose(60), title="T"), Block("row", prose(8), title="U")])
    assert [piece.title for piece in pieces] == ["T", "T", "T", "T", "U"]


def test_titles_are_the_document_and_the_innermost_headings() -> None:
    blocks = [
        Block("paragraph", "Before any heading."),
        Block("heading", "Law", level=1),
        Block("heading", "Rent", level=2),
        Block("heading", "Deposit", level=3),
        Block("paragraph", "Three words here."),
        Block("heading", "Noise", level=2),
        Block("paragraph", "Three words more."),
    ]
    assert [piece.title for piece in cut(blocks, title="Handbook")] == [
        "Handbook",
        "Handbook › Rent › Deposit",
        "Handbook › Law › Noise",
    ]
    assert cut(blocks[:1])[0].title == ""
    assert (
        cut([Block("heading", "Law", level=1), Block("paragraph", "A b c.")], title="Law")[0].title
        == "Law"
    )


def test_a_sentence_in_large_letters_is_not_lost_as_a_heading() -> None:
    heading = "The deposit is returned two weeks after the keys."
    pieces = cut([Block("heading", heading, level=1), Block("heading", "Short", level=1)])
    assert [piece.text for piece in pieces] == [heading]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One here. Two here! Three?", ["One here.", "Two here!", "Three?"]),
        ("Nach § 5 Abs. 2 BGB gilt es. Z. B. so.", ["Nach § 5 Abs. 2 BGB gilt es.", "Z. B. so."]),
        ("Am 5. Mai kam Dr. Kurz. Er ging.", ["Am 5. Mai kam Dr. Kurz.", "Er ging."]),
        ('He said "never." She left.', ['He said "never."', "She left."]),
        ("Wrapped\nline goes on. \nNext.", ["Wrapped\nline goes on.", "Next."]),
        ("一句。二句！", ["一句。", "二句！"]),
        ("Duties:\npay rent;\nclean up", ["Duties:", "pay rent;", "clean up"]),
    ],
)
def test_sentences_end_where_readers_would_say(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


def test_an_overlap_that_repeats_too_much_is_refused() -> None:
    with pytest.raises(ValidationError, match="repeats too much"):
        Chunking(words=20, overlap=11)
