"""Reading documents from the command line, in this process."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from distiller.cli import main


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("DISTILLER_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["distiller", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_documents_are_read_once_and_what_failed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "lease.md").write_text("# Keys\n\nThe tenant returns the keys on the last day.")
    (folder / "broken.json").write_text('{"text": ')
    command = ("ingest", "papers", "--domain", "tenancy law", "--json")
    assert run(monkeypatch, *command) == 0
    out, err = capsys.readouterr()
    (stage,) = json.loads(out)["stages"]
    assert (stage["stage"], stage["made"], stage["failed"]) == ("ingest", 1, 1)
    assert "broken.json: is not valid JSON" in err
    assert run(monkeypatch, *command) == 0
    (stage,) = json.loads(capsys.readouterr()[0])["stages"]
    assert (stage["made"], stage["present"]) == (0, 1)


def test_status_names_what_could_not_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "lease.txt").write_text("The tenant returns the keys on the last day.")
    (tmp_path / "empty.txt").write_bytes(b"")
    run(monkeypatch, "ingest", "lease.txt", "empty.txt", "--domain", "tenancy law")
    capsys.readouterr()
    assert run(monkeypatch, "status") == 0
    out = capsys.readouterr().out
    assert "2 documents of the team" in out
    assert "not read: empty.txt: is empty" in out
    assert run(monkeypatch, "status", "--json") == 0
    documents = json.loads(capsys.readouterr().out)["documents"]
    assert [(one["name"], one["passages"]) for one in documents] == [
        ("lease.txt", 1),
        ("empty.txt", 0),
    ]


def test_format_and_status_say_among_how_many_passages_queries_are_ranked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    records = [
        {"query": f"what about item {n}?", "positive_document": f"Item {n} is kept in room {n}."}
        for n in range(3)
    ]
    (tmp_path / "data.json").write_text(json.dumps(records))
    (tmp_path / "lease.txt").write_text("The tenant returns the keys on the last day.")
    assert run(monkeypatch, "import", "data.json", "--domain", "tenancy law") == 0
    assert run(monkeypatch, "ingest", "lease.txt") == 0
    capsys.readouterr()
    assert run(monkeypatch, "format", "--format", "beir", "--output", "beir") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["beir"]
    said = "ranked among 4 passages: 3 with a grade, 1 more of the documents"
    assert f"dev and test queries are {said}" in err
    assert len((tmp_path / "beir" / "corpus.jsonl").read_text().splitlines()) == 4
    assert run(monkeypatch, "status") == 0
    assert said in " ".join(capsys.readouterr().out.split())
    assert run(monkeypatch, "status", "--json") == 0
    (frozen,) = json.loads(capsys.readouterr().out)["frozen"]
    assert frozen["counts"]["background"] == 1


def test_only_unreadable_documents_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "scan.pdf").write_bytes(b"not a PDF")
    assert run(monkeypatch, "ingest", "scan.pdf", "--domain", "tenancy law") == 1
    assert "scan.pdf: is not a whole PDF" in capsys.readouterr().err


def test_negatives_are_mined_from_what_was_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = [
        {
            "query": f"{what} of the lease",
            "positive_document": f"The {what} of the lease is written in clause {n}.",
            "positive_explanation": "Says where.",
            "negative_documents": [],
        }
        for n, what in enumerate(("end", "beginning"), 1)
    ]
    (tmp_path / "data.json").write_text(json.dumps(data))
    (tmp_path / "more.md").write_text(
        "# Lease\n\nA lease has a beginning, and an end.\n\n# Law\n\nThe lease is a contract of law."
    )
    assert run(monkeypatch, "import", "data.json", "--domain", "tenancy law") == 0
    assert run(monkeypatch, "mine", "--with", "bm25", "--margin", "1") == 0
    assert run(monkeypatch, "ingest", "more.md") == 0
    capsys.readouterr()
    assert run(monkeypatch, "mine", "--with", "bm25", "--negatives", "2", "--json") == 0
    (stage,) = json.loads(capsys.readouterr()[0])["stages"]
    assert stage["stage"] == "mine"
    assert stage["made"] + stage["present"] == 4
