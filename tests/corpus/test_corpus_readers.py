from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from distiller.corpus.blocks import Block, Unreadable
from distiller.corpus.reading import blocks_of, read
from tests.corpus.files import (
    PARAGRAPH,
    make_docx,
    make_pdf,
    make_scanned_pdf,
    make_two_columns,
)


def blocks(path: Path) -> list[Block]:
    return list(blocks_of(read(path)[1]))


def shape(path: Path) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks(path)]


def problem(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        blocks(path)
    return str(caught.value)


def written(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_text_is_cut_at_empty_lines_and_list_items(tmp_path: Path) -> None:
    text = "First line\nwrapped.\r\n\r\nThe tenant must:\n- pay\n- clean\n\n  \nLast."
    assert shape(written(tmp_path / "a.txt", text)) == [
        ("paragraph", "First line\nwrapped."),
        ("paragraph", "The tenant must:"),
        ("item", "- pay"),
        ("item", "- clean"),
        ("paragraph", "Last."),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_of_other_encodings_is_read(tmp_path: Path, encoding: str) -> None:
    text = "Über die Rückgabe der Kaution entscheidet der Zustand der Räume. " * 20
    path = written(tmp_path / "a.txt", text.encode(encoding))
    kind, reading = read(path)
    assert kind == "txt"
    assert next(reading.blocks).text == text.strip()
    assert bool(reading.notes) == (encoding == "cp1252")


def test_markdown_keeps_structure_and_drops_markup(tmp_path: Path) -> None:
    text = (
        "---\ntitle: House *rules*\n---\n# Deposit\n\nThe **landlord** keeps\nthe [deposit](http://x.y).\n\n"
        "## When\n\n1. after `two` weeks\n2. never\n   - really\n\n"
        "| Term | Weeks |\n|---|---|\n| short | 2 |\n\n```\ncode here\n```\n\n<p>Some <b>HTML</b></p>\n"
    )
    path = written(tmp_path / "a.md", text)
    assert read(path)[1].title == "House *rules*"
    assert [(b.kind, b.level, b.text) for b in blocks(path)] == [
        ("heading", 1, "Deposit"),
        ("paragraph", 0, "The landlord keeps\nthe deposit."),
        ("heading", 2, "When"),
        ("item", 0, "after two weeks"),
        ("item", 0, "never"),
        ("item", 0, "really"),
        ("table", 0, "Term | Weeks\nshort | 2"),
        ("paragraph", 0, "code here"),
        ("paragraph", 0, "Some HTML"),
    ]


def test_html_is_read_without_navigation_and_scripts(tmp_path: Path) -> None:
    text = (
        "<html><head><title> Rent\n law </title><style>p {}</style></head><body>"
        "<nav><a>Home</a></nav><main><h1>Rent</h1>Loose text<p>One <b>bold</b><br>line.</p>"
        "<ul><li>first</li><li><p>second</p></li></ul>"
        "<table><tr><th>Term</th><th>Weeks</th></tr><tr><td>short</td><td>2</td></tr></table>"
        f"<script>alert(1)</script><div>{'Long enough to be the main part. ' * 10}</div></main>"
        "<footer>Imprint</footer></body></html>"
    )
    path = written(tmp_path / "a.html", text)
    assert read(path)[1].title == "Rent law"
    assert shape(path) == [
        ("heading", "Rent"),
        ("paragraph", "Loose text"),
        ("paragraph", "One bold\nline."),
        ("item", "first"),
        ("item", "second"),
        ("table", "Term | Weeks\nshort | 2"),
        ("paragraph", ("Long enough to be the main part. " * 10).strip()),
    ]


def test_html_says_its_encoding(tmp_path: Path) -> None:
    page = "<meta charset='iso-8859-1'><p>Kündigung</p>".encode("iso-8859-1")
    assert shape(written(tmp_path / "a.htm", page)) == [("paragraph", "Kündigung")]


def test_tables_that_lay_out_a_page_are_not_data(tmp_path: Path) -> None:
    page = "<table><tr><td><h2>Head</h2><p>Body</p></td></tr></table>"
    assert shape(written(tmp_path / "a.html", page)) == [("heading", "Head"), ("paragraph", "Body")]


def test_pdf_gives_headings_paragraphs_and_tables_without_running_heads(tmp_path: Path) -> None:
    path = make_pdf(tmp_path / "a.pdf", pages=5)
    assert read(path)[1].title == "Tenancy handbook"
    found = shape(path)
    assert len(found) == 5 * 4
    assert found[:4] == [
        ("heading", "Chapter 1: Deposits"),
        ("paragraph", (PARAGRAPH * 2).strip()),
        ("paragraph", "Rule 1 holds in every region."),
        ("table", "Term | Weeks\nshort lease | two\nlong lease | six"),
    ]


def test_columns_of_a_pdf_are_read_one_after_the_other(tmp_path: Path) -> None:
    left, right = "left column word " * 60, "right column word " * 60
    text = " ".join(
        block.text for block in blocks(make_two_columns(tmp_path / "a.pdf", left, right))
    )
    assert text.split() == f"{left} {right}".split()


def test_docx_gives_headings_lists_and_tables(tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx")
    assert read(path)[1].title == "House rules"
    assert [(b.kind, b.level, b.text) for b in blocks(path)] == [
        ("heading", 1, "Quiet hours"),
        ("paragraph", 0, PARAGRAPH.strip()),
        ("heading", 2, "At night"),
        ("item", 0, "No drilling after ten in the evening."),
        ("item", 0, "No parties on weekdays."),
        ("table", 0, "Day | Hours\nSunday | all day long"),
    ]


def test_rows_of_a_table_are_passages_with_titles(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv", 'title;text;year\nDeposit;"Two\nweeks; at most";2020\n;Only text;\n'
    )
    assert [(b.kind, b.title, b.text) for b in blocks(path)] == [
        ("row", "Deposit", "Two\nweeks; at most"),
        ("row", "", "Only text"),
    ]


def test_rows_without_a_text_column_say_all_their_cells(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", "name\tweeks\tregion\nShort lease\t2\tnorth\n")
    assert [(b.title, b.text) for b in blocks(path)] == [("Short lease", "weeks: 2\nregion: north")]


def test_records_of_json_are_found_where_they_lie(tmp_path: Path) -> None:
    record = {"Title": "Deposit", "Body": "Two weeks.", "n": 1}
    for content in ([record], {"documents": [record]}, {"meta": 1, "all": [record]}):
        path = written(tmp_path / "a.json", json.dumps(content))
        assert [(b.title, b.text) for b in blocks(path)] == [("Deposit", "Two weeks.")]


def test_broken_json_lines_are_left_out_and_noted(tmp_path: Path) -> None:
    lines = '\ufeff{"text": "one"}\n{"text": \n\n{"text": "two"}\n\xff\n'
    path = written(tmp_path / "a.jsonl", lines.encode("utf-8")[:-3] + b"\xff\n")
    _, reading = read(path)
    assert [block.text for block in reading.blocks] == ["one", "two"]
    assert reading.notes == ["2 lines are not valid JSON and left out: 2, 5"]


def test_beir_corpus_is_told_from_other_lines_and_read_packed(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write(json.dumps({"_id": "7", "title": "T", "text": "Long. " * 900}) + "\n")
        file.write(json.dumps({"_id": "8", "title": "Only a title", "text": ""}) + "\n")
    kind, reading = read(path)
    assert kind == "beir"
    assert [(b.kind, b.title, b.text) for b in reading.blocks] == [
        ("record", "T", ("Long. " * 900).strip()),
        ("record", "", "Only a title"),
    ]


def test_files_that_cannot_be_read_say_why_and_what_to_do(tmp_path: Path) -> None:
    assert problem(written(tmp_path / "a.txt", b"")) == "is empty"
    assert problem(written(tmp_path / "b.txt", " \n ")) == "has no text"
    assert "is not text" in problem(written(tmp_path / "c.txt", bytes(range(256)) * 9))
    assert problem(written(tmp_path / "d.zip", b"PK")) == (
        ".zip cannot be read; give csv, docx, html, json, jsonl, md, pdf, tsv, txt"
    )
    assert "line 1" in problem(written(tmp_path / "e.json", '{"a": '))
    assert "no line that is valid JSON" in problem(written(tmp_path / "f.jsonl", "hello\nyou\n"))
    packed = written(tmp_path / "g.jsonl.gz", b"\x1f\x8b\x08broken")
    assert problem(packed) == "is not a whole gzip file; pack it again"
    assert problem(written(tmp_path / "h.docx", b"no zip at all")).startswith("is not a whole Word")
    legacy = written(tmp_path / "i.docx", b"\xd0\xcf\x11\xe0\xa1\xb1")
    assert "without a password" in problem(legacy)


def test_pdfs_that_cannot_be_read_say_why_and_what_to_do(tmp_path: Path) -> None:
    assert problem(make_scanned_pdf(tmp_path / "a.pdf")).startswith("has no text, only pictures")
    locked = make_pdf(tmp_path / "b.pdf", password="secret")
    assert problem(locked) == "is encrypted; save it without a password"
    whole = make_pdf(tmp_path / "c.pdf").read_bytes()
    assert problem(written(tmp_path / "d.pdf", whole[:300])).startswith("is not a whole PDF")
    assert problem(written(tmp_path / "e.pdf", "hello")).startswith("is not a whole PDF")


@pytest.mark.parametrize(
    ("part", "megabytes"), [("word/document.xml", 310), ("word/media/image1.png", 1_010)]
)
def test_a_document_that_unpacks_to_far_too_much_is_refused_before_it_is(
    tmp_path: Path, part: str, megabytes: int
) -> None:
    path = tmp_path / "bomb.docx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open(part, "w", force_zip64=True) as opened,
    ):
        for _ in range(megabytes // 10):
            opened.write(b" " * 10_000_000)
    assert path.stat().st_size < 2_000_000
    assert problem(path) == f"would unpack to {megabytes:,} MB; save it in several parts"
