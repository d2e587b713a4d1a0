"""Collections in: variations of the layout, and every fault at its place."""

from __future__ import annotations

import gzip
import json
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distiller.evaluate import _records, held_out, load, load_corpus
from distiller.schema.dataset import (
    DatasetSnapshot,
    Example,
    LabelledPassage,
    UnlabelledPassage,
)
from distiller.schema.errors import InputError, InvalidFile, NotFound, UnknownLanguage

CORPUS = [
    {"_id": "p1", "title": "Deposit", "text": "The landlord returns the deposit in a month."},
    {"_id": "p2", "title": "", "text": "The tenant may paint the walls of the flat."},
]
QUERIES = [
    {"_id": "q1", "text": "when is the deposit returned", "metadata": {"type": "factual", "n": 1}},
    {"_id": "q2", "text": "never judged"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\tp1\t2\n"


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "tenancy"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(jsonl(CORPUS))
    (folder / "queries.jsonl").write_text(jsonl(QUERIES))
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


def test_reads_the_beir_layout(folder):
    found = load(folder, language="en-GB")
    assert found.name == "tenancy"
    assert found.corpus == {
        "p1": "Deposit The landlord returns the deposit in a month.",
        "p2": "The tenant may paint the walls of the flat.",
    }
    assert found.queries == {"q1": "when is the deposit returned"}
    assert found.qrels == {"q1": {"p1": 2}}
    assert found.slices == {"q1": {"type": "factual"}}
    assert (found.language, found.notes) == ("en-GB", ())
    assert load_corpus(folder) == found.corpus


def test_reads_gzip_everywhere(folder):
    plain = load(folder)
    for file in [*folder.glob("*.jsonl"), *folder.glob("qrels/*")]:
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert load(folder) == plain


@pytest.mark.parametrize(
    "qrels",
    [
        "q1\tp1\t2\n",
        "\ufeffquery-id\tcorpus-id\tscore\r\n\r\nq1\tp1\t2\r\n",
        "q1\tp1\t2\nq1\tp1\t2\n",
        "\nquery_id\tdoc_id\trelevance\nq1\tp1\t2\n",
        "q1 0 p1 2",
        "q1\t0\tp1\t2\n",
    ],
    ids=[
        "no header",
        "BOM and CRLF",
        "same line twice",
        "blank line first",
        "TREC by spaces",
        "TREC by tabs",
    ],
)
def test_reads_variations_of_qrels(folder, qrels):
    (folder / "qrels" / "test.tsv").write_bytes(qrels.encode())
    assert load(folder).qrels == {"q1": {"p1": 2}}


def test_qrels_may_stand_beside_the_queries(folder):
    (folder / "qrels" / "test.tsv").rename(folder / "qrels.tsv")
    assert load(folder).qrels == {"q1": {"p1": 2}}


def test_chooses_the_split(folder):
    (folder / "qrels" / "dev.tsv").write_text("q2\tp2\t1\n")
    assert load(folder, split="dev").queries == {"q2": "never judged"}
    with pytest.raises(NotFound, match=r"qrels/train.tsv; choose a split of: dev, test"):
        load(folder, split="train")


def test_a_missing_title_or_null_is_no_title(folder):
    (folder / "corpus.jsonl").write_text(
        '{"_id": "p1", "text": "a"}\n\n{"_id": "p2", "title": null, "text": "b"}\n'
    )
    assert load(folder, language="en").corpus == {"p1": "a", "p2": "b"}


@pytest.mark.parametrize(
    ("name", "content", "line", "field", "problem"),
    [
        ("corpus.jsonl", '{"_id": "p1", "text": "a"}\n{"_id": "p2", "te', 2, None, "not JSON"),
        ("corpus.jsonl", "[1]\n", 1, None, "JSON object"),
        ("corpus.jsonl", "[" * 100_000, 1, None, "not JSON"),
        ("corpus.jsonl", '{"text": "a"}', 1, "_id", "missing"),
        ("corpus.jsonl", '{"_id": 1, "text": "a"}', 1, "_id", "not a number"),
        ("corpus.jsonl", '{"_id": "", "text": "a"}', 1, "_id", "empty"),
        ("corpus.jsonl", '{"_id": "p1"}', 1, "text", "missing"),
        ("corpus.jsonl", '{"_id": "p1", "text": null}', 1, "text", "not null"),
        ("corpus.jsonl", '{"_id": "p1", "text": ["a"]}', 1, "text", "not a list"),
        ("corpus.jsonl", '{"_id": "p1", "text": "\\ud800"}', 1, "text", "half a character"),
        ("corpus.jsonl", '{"_id": "p1", "title": {}, "text": "a"}', 1, "title", "not an object"),
        ("corpus.jsonl", jsonl([*CORPUS, CORPUS[0]]), 3, "_id", "second time"),
        ("corpus.jsonl", "", None, None, "no passage"),
        ("corpus.jsonl", '{"_id": "p1", "text": " "}', None, None, "no passage with text"),
        ("queries.jsonl", '{"_id": "q1", "text": true}', 1, "text", "not true or false"),
        ("queries.jsonl", jsonl([QUERIES[0], QUERIES[0]]), 2, "_id", "second time"),
        ("queries.jsonl", "\n", None, None, "no query"),
        ("qrels/test.tsv", "q1\tp1\n", 1, None, "three columns"),
        ("qrels/test.tsv", QRELS + "q1\tp2\t1.5\n", 3, "score", "not a whole number"),
        ("qrels/test.tsv", QRELS + "q1\tp1\t3\n", 3, "score", "another grade"),
        ("qrels/test.tsv", QRELS[: QRELS.index("\n") + 1], None, None, "no judgment"),
        ("qrels/test.tsv", "q9\tp1\t1\n", None, None, "queries is in the collection"),
        ("qrels/test.tsv", "q1\tp9\t1\n", None, None, "passages of the judged queries"),
        ("metadata.json", "{", None, None, "not JSON"),
        ("metadata.json", "[]", None, None, "JSON object"),
        ("metadata.json", '{"language": 1}', None, "language", "BCP 47"),
        ("metadata.json", '{"language": "xx"}', None, "language", "unknown language"),
    ],
)
def test_a_fault_is_named_with_its_place(folder, name, content, line, field, problem):
    (folder / name).write_text(content)
    with pytest.raises(InvalidFile, match=problem) as caught:
        load(folder)
    assert (caught.value.path, caught.value.line, caught.value.field) == (
        folder / name,
        line,
        field,
    )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_bytes_that_are_not_utf8_are_named_by_line(folder, name):
    with (folder / name).open("ab") as file:
        file.write("Kündigung\n".encode("latin-1"))
    with pytest.raises(InvalidFile, match=r"line 3: not UTF-8 \(byte 2\)"):
        load(folder)


def test_truncated_and_false_gzip(folder):
    whole = gzip.compress((folder / "corpus.jsonl").read_bytes())
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(whole[:-12])
    with pytest.raises(InvalidFile, match="truncated"):
        load(folder)
    (folder / "corpus.jsonl.gz").write_bytes(b"no gzip at all")
    with pytest.raises(InvalidFile, match="cannot be read"):
        load(folder)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    (folder / "corpus.jsonl.gz").write_bytes(damaged)
    with pytest.raises(InvalidFile):
        load(folder)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(folder, monkeypatch):
    monkeypatch.setattr(_records, "LONGEST_LINE", 1000)
    (folder / "corpus.jsonl").write_text(jsonl(CORPUS) + "x" * 1001)
    with pytest.raises(InvalidFile, match="line 3: longer than"):
        load(folder)


def test_missing_files_say_what_is_missing(folder, tmp_path):
    with pytest.raises(NotFound, match="no collection at"):
        load(tmp_path / "nowhere")
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(NotFound, match="judgments are needed"):
        load(folder)
    (folder / "queries.jsonl").unlink()
    with pytest.raises(NotFound, match=r"no queries.jsonl or queries.jsonl.gz"):
        load(folder)


def test_judgments_of_what_is_not_there_are_counted_and_left_out(folder):
    (folder / "qrels" / "test.tsv").write_text(QRELS + "q1\tp8\t1\nq1\tp9\t1\nq7\tp1\t1\n")
    found = load(folder, language="en")
    assert found.qrels == {"q1": {"p1": 2}}
    assert found.notes == (
        "test.tsv: 1 judged queries are not in the queries file",
        "test.tsv: 2 judged passages are not in the corpus; their judgments are left out",
    )


def test_language_is_taken_declared_or_detected(folder):
    assert load(folder).language == "en"
    assert "language detected: en" in load(folder).notes
    (folder / "metadata.json").write_text('{"language": "fr"}')
    assert load(folder).language == "fr"
    assert load(folder, language="de").language == "de"
    with pytest.raises(UnknownLanguage):
        load(folder, language="klingon")


def test_text_in_no_language_counts_as_english(folder):
    (folder / "corpus.jsonl").write_text('{"_id": "p1", "text": "12 34"}')
    assert load(folder).language == "en"


def test_decomposed_letters_are_noted_and_can_be_composed(folder):
    decomposed = unicodedata.normalize("NFD", "Kündigung")
    (folder / "corpus.jsonl").write_text(jsonl([{"_id": "p1", "text": decomposed}]))
    assert any("1 of 1 passages" in note for note in load(folder, language="de").notes)
    composed = load(folder, language="de", normalize=True)
    assert composed.corpus == {"p1": "Kündigung"}
    assert composed.notes == ()


words = st.text(st.characters(codec="utf-8"), max_size=30)
keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Z"]), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(keys, words, min_size=1, max_size=5),
    st.dictionaries(keys, words, min_size=1, max_size=5),
    st.booleans(),
)
def test_whatever_is_written_is_read(folder, corpus, queries, ascii_only):
    corpus = {**corpus, "p": "text"}
    qrels = {query_id: {"p": 1} for query_id in queries}
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text(
            "".join(
                json.dumps({"_id": key, "text": text}, ensure_ascii=ascii_only) + "\n"
                for key, text in rows.items()
            ),
            encoding="utf-8",
        )
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\tp\t1\n" for q in queries), encoding="utf-8"
    )
    found = load(folder, language="en")
    assert found.corpus == {key: text.strip() for key, text in corpus.items()}
    assert found.queries == queries
    assert found.qrels == qrels


def passage(passage_id, grade, title=""):
    return LabelledPassage(
        passage_id=passage_id, text=f"text {passage_id}", title=title, grade=grade
    )


def test_held_out_queries_face_all_passages_of_the_dataset():
    examples = [
        Example(query_id="q1", query="one", positives=[passage("a", 3)], split="train"),
        Example(
            query_id="q2",
            query="two",
            type="factual",
            positives=[passage("b", 2, "Title")],
            negatives=[passage("c", 0)],
            split="test",
        ),
        Example(query_id="q3", query="nothing judged", split="test"),
    ]
    snapshot = DatasetSnapshot(id="s", project_id=None, content_hash="0", examples=examples, seed=1)
    found = held_out(snapshot, "test", language="de")
    assert found.corpus == {"a": "text a", "b": "Title text b", "c": "text c"}
    assert found.queries == {"q2": "two"}
    assert found.qrels == {"q2": {"b": 2, "c": 0}}
    assert found.slices == {"q2": {"type": "factual"}}
    assert found.language == "de"
    assert not found.notes
    with pytest.raises(InputError, match="val split has no judged query"):
        held_out(snapshot, "val")


def test_held_out_queries_face_the_background_and_the_report_says_of_what_it_is_part():
    example = Example(query_id="q", query="one", positives=[passage("a", 3)], split="test")
    other = UnlabelledPassage(passage_id="b", text="text b", title="Title")
    snapshot = DatasetSnapshot(
        id="s",
        project_id=None,
        content_hash="0",
        examples=[example],
        background=[other],
        seed=1,
        lineage={"background_of": 1},
    )
    found = held_out(snapshot)
    assert found.corpus == {"a": "text a", "b": "Title text b"}
    assert found.qrels == {"q": {"a": 3}}
    assert not found.notes
    part = snapshot.model_copy(update={"lineage": {"background_of": 5}})
    assert any("1 of 5 others of the documents" in note for note in held_out(part).notes)
