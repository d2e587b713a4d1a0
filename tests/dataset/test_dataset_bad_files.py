"""Every bad file is one clear line that says where; nothing else happens."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from distiller.dataset import read, read_knowledge, read_queries
from distiller.dataset.formats import text_files
from distiller.schema.errors import InputError, InvalidFile, NotFound

GOOD = '{"query": "q", "positive_document": "p", "negative_documents": ["n"]}'


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "line", "field", "problem"),
    [
        ("empty.json", "", None, None, "is empty"),
        ("blank.jsonl", " \n\n", None, None, "is empty"),
        ("cut.json", f"[\n{GOOD},\n{GOOD[:40]}", 3, None, "cut off inside a record"),
        ("open.json", f"[\n{GOOD}\n", 3, None, "cut off: the list is not closed"),
        ("cut.jsonl", f"{GOOD}\n{GOOD[:40]}", 2, None, "cut off"),
        ("comma.json", f"[{GOOD}\n,]", 2, None, "not JSON"),
        ("no-comma.json", f"[{GOOD}\n{GOOD}]", 2, None, "expected ',' or ']'"),
        ("after.json", f"[{GOOD}]\n[]", 2, None, "follows the list"),
        ("latin.json", f"[\n{GOOD},\n".encode() + b'{"query": "Miete f\xfcr"}]', 3, None, "0xfc"),
        ("nan.jsonl", '{"query": "q", "documents": [], "x": NaN}', 1, None, "NaN is not"),
        (
            "twice.jsonl",
            '{"query": "a", "query": "b", "documents": []}',
            1,
            None,
            "'query' stands twice",
        ),
        ("half.jsonl", '{"query": "\\ud83c", "documents": []}', 1, None, "half of a character"),
        ("number.jsonl", f"{GOOD}\n17", 2, None, "expected an object, found int"),
        ("foreign.json", '[{"prompt": "x"}]', 1, None, "not a known record, it has 'prompt'"),
        ("query.json", '[{"query": 7, "documents": []}]', 1, "query", "valid string"),
        ("blank.json", '[{"query": "  ", "documents": []}]', 1, "query", "text is empty"),
        (
            "type.json",
            f'[{GOOD},\n\n{{"query": "q", "positive_document": "p", "negative_documents": ["n", 3]}}]',
            3,
            "negative_documents[1]",
            "valid string",
        ),
        (
            "label.jsonl",
            '{"query": "q", "documents": [{"text": "t", "is_relevant": "yes"}]}',
            1,
            "documents[0].is_relevant.bool",
            "boolean",
        ),
        (
            "missing.json",
            '[{"query": "q", "positive_document": "p", "positive_explanation": "",'
            ' "negative_documents": [{"strategy": "mined"}]}]',
            1,
            "negative_documents[0].document",
            "Field required",
        ),
        (
            "reasons.json",
            '[{"query": "q", "positive_document": "p", "negative_documents": ["n"],'
            ' "explanations": ["a", "b", "c"]}]',
            1,
            "explanations",
            "3 explanations for 1 negatives",
        ),
        (
            "grade.json",
            '[{"query": "q", "positive_document": "p", "_meta": {"distiller": {"positive": {"grade": 9}}}}]',
            1,
            "_meta.distiller.positive.grade",
            "less than or equal to 3",
        ),
        (
            "split.json",
            '[{"query": "q", "positive_document": "p", "_meta": {"distiller": {"split": "dev"}}}]',
            1,
            "_meta.distiller.split",
            "'train', 'val' or 'test'",
        ),
        (
            "metas.json",
            '[{"query": "q", "documents": [], "_meta": {"distiller": {"documents": [{}]}}}]',
            1,
            "_meta.distiller.documents",
            "describes 1, there are 0",
        ),
        (
            "both.json",
            '[{"query": "q", "positive_document": "p", "negative_documents": ["p"]}]',
            1,
            None,
            "both relevant and not relevant",
        ),
        (
            "queries.json",
            '[{"query": "q", "type": "factual"}]',
            1,
            None,
            "this is a queries file",
        ),
        ("head.csv", "question,text,label\n", 1, None, "must name the columns"),
        ("cells.csv", "query,document,is_relevant\nq,d,1\nq,with, comma,0\n", 3, None, "4 cells"),
        ("label.csv", "query,document,is_relevant\nq,d,maybe\n", 2, "is_relevant", "'maybe'"),
        ("cell.tsv", "query\tdocument\tis_relevant\nq\t \t1\n", 2, "document", "is empty"),
        (
            "quote.csv",
            'query,document,is_relevant\nq,"d\nd",1\nq,"never closed,1\n',
            4,
            None,
            "unclosed quotation",
        ),
        ("not.parquet", b"PAR1 and nothing more", None, None, "not a Parquet file"),
    ],
)
def test_a_bad_file_is_named_with_line_and_field(
    tmp_path: Path,
    name: str,
    content: str | bytes,
    line: int | None,
    field: str | None,
    problem: str,
) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(InvalidFile) as caught:
        read(path)
    error = caught.value
    assert (error.line, error.field) == (line, field)
    assert problem in str(error)
    assert str(path) in str(error)
    assert "\n" not in str(error)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "deep.json", "[" * 200_000)
    with pytest.raises(InvalidFile, match="nested too deeply"):
        read(path)


def test_a_number_of_ten_thousand_digits_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "n.jsonl", '{"query": "q", "documents": [], "x": ' + "9" * 10_000 + "}")
    with pytest.raises(InvalidFile):
        read(path)


def test_whole_characters_may_be_escaped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"query": "\\ud83c\\udfe0", "documents": []}')
    assert read(path)[0].query == "🏠"


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such file"):
        read(tmp_path / "nowhere.json")


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_BYTES", 2**20)
    path = write(tmp_path / "big.json", b"x" * (2**20 + 1))
    with pytest.raises(InvalidFile, match="larger than 1 MB; split the file"):
        read(path)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_byte_order_marks_and_line_ends_do_not_matter(
    tmp_path: Path, mark: bytes, ends: str
) -> None:
    lines = write(tmp_path / "a.jsonl", mark + ends.join([GOOD, "", GOOD]).encode())
    table = ends.join(["query,document,is_relevant", "q,p,TRUE", "q,n,0", ""])
    cells = write(tmp_path / "a.csv", mark + table.encode())
    for path in (lines, cells):
        [one] = read(path)
        assert [one.query, one.positives[0].text, one.negatives[0].text] == ["q", "p", "n"]


def test_foreign_tables_may_have_other_delimiters_orders_and_columns(tmp_path: Path) -> None:
    text = 'is_relevant;"document";Query;note\nyes;a, b;q;checked\nno;c;q;\n'
    [one] = read(write(tmp_path / "a.csv", text))
    assert (one.query, one.positives[0].text, one.negatives[0].text) == ("q", "a, b", "c")
    assert one.meta == {"note": "checked"}


def collection(folder: Path, **files: str) -> Path:
    contents = {
        "corpus.jsonl": '{"_id": "1", "text": "one"}\n{"_id": "2", "text": "two"}\n',
        "queries.jsonl": '{"_id": "a", "text": "query"}\n',
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\na\t1\t1\n",
    }
    for name, content in {**contents, **files}.items():
        write(folder / name, content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "line", "problem"),
    [
        ("corpus.jsonl", '{"_id": "1", "text": "x"}\n{"_id": "1", "text": "y"}', 2, "stands twice"),
        ("corpus.jsonl", '{"_id": 1, "text": "x"}', 1, "valid string"),
        ("queries.jsonl", '{"_id": "a"}', 1, "Field required"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\na\t1\n", 2, "2 columns"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\na\t1\t0.5\n", 2, "not a whole number"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\na\t9\t1\n", 2, "'9' is not in the corpus"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nz\t1\t1\n", 2, "'z' is not in queries"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\na\t1\t1\na\t1\t0\n", 3, "two grades"),
    ],
)
def test_a_bad_collection_is_named_with_file_and_line(
    tmp_path: Path, name: str, content: str, line: int, problem: str
) -> None:
    with pytest.raises(InvalidFile, match=problem) as caught:
        read(collection(tmp_path, **{name: content}))
    assert caught.value.path == tmp_path / name
    assert caught.value.line == line


def test_a_folder_without_the_layout_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no corpus.jsonl"):
        read(tmp_path)


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    folder = collection(tmp_path)
    packed = gzip.compress((folder / "corpus.jsonl").read_bytes())
    (folder / "corpus.jsonl").unlink()
    write(folder / "corpus.jsonl.gz", packed[:-9])
    with pytest.raises(InvalidFile, match="gzip archive is broken"):
        read(folder)


def test_a_bad_bootstrap_or_queries_file_is_named_with_its_field(tmp_path: Path) -> None:
    path = write(tmp_path / "kb.json", json.dumps({"domain": "d", "concepts": [{"term": 5}]}))
    with pytest.raises(InvalidFile) as caught:
        read_knowledge(path)
    assert caught.value.field == "concepts[0].term"
    path = write(tmp_path / "q.json", '[{"query": "q"},\n{"query": "q", "complexity": "odd"}]')
    with pytest.raises(InvalidFile, match="'simple', 'moderate' or 'complex'") as caught:
        read_queries(path)
    assert (caught.value.line, caught.value.field) == (2, "complexity")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format 'xml'; choose one of splade"):
        read(write(tmp_path / "a.json", "[]"), "xml")
