"""The command line's names, help and exit statuses: what scripts of our users rely on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from distiller.cli import main

REFERENCE = (sys.executable, "-m", "typer", "distiller.cli", "utils", "docs", "--name", "distiller")
COMMANDS = {
    "bootstrap": ["--domain", "--description", "--language", "--template", "--concepts", "--from"],
    "generate-queries": [
        "--project",
        "--count",
        "--complexity",
        "--per-passage",
        "--grounded-share",
    ],
    "generate-documents": [
        "--project",
        "--positives-per-query",
        "--negatives-per-query",
        "--grounded-negatives",
        "--length",
        "--contrastive",
    ],
    "ingest": ["PATH", "--project", "--words", "--overlap"],
    "mine": ["--negatives", "--with", "--skip", "--depth", "--margin", "--project"],
    "teach": ["--teacher", "--project"],
    "validate": ["--strict"],
    "repair": ["--check", "--repair-attempts", "--attempts", "--dry-run", "--project", "--json"],
    "format": ["--format", "--split", "--output"],
    "import": [],
    "train": [
        "--project",
        "--train-file",
        "--val-file",
        "--base",
        "--output",
        "--preset",
        "--set",
        "--rounds",
        "--seed",
        "--canary",
        "--zip",
        "--elsewhere",
        "--keep-split",
    ],
    "import-model": ["FOLDER|ZIP", "--project", "--json"],
    "evaluate": ["--model", "--collection", "--json"],
    "search": ["--model", "--collection"],
    "pipeline": [
        "--domain",
        "--queries",
        "--train",
        "--rounds",
        "--collection",
        "--corpus",
        "--teacher",
        "--repair",
        "--repair-attempts",
        "--attempts",
    ],
    "status": ["--project", "--json"],
    "export onnx": ["--model", "--output", "--int8", "--collection"],
}


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def distiller(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Done]:
    """The program in this process and an empty folder, without the developer's own settings."""
    for name in os.environ:
        if name.startswith(("DISTILLER_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["distiller", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Done(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_options_and_says_what_it_does(
    command: str, distiller: Callable[..., Done]
) -> None:
    shown = distiller(*command.split(), "--help")
    assert shown.returncode == 0
    assert [option for option in COMMANDS[command] if option not in shown.stdout] == []


def test_help_imports_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "openai", "sqlalchemy", "pandas", "pydantic", "scipy")
    program = (
        "import sys\n"
        "sys.argv = ['distiller', '--help']\n"
        "from distiller.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "room", ["store", "llm", "dataset", "generate", "corpus.ingest", "evaluate", "pipeline"]
)
def test_rooms_that_need_no_model_load_no_torch(room: str) -> None:
    program = f"import sys, distiller.{room}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


BAD_INPUT = {
    "count 0": (["generate-queries", "--count", "0"], "--count"),
    "count -1": (["generate-queries", "--count", "-1"], "--count"),
    "no concepts": (["bootstrap", "--domain", "law", "--concepts", "0"], "--concepts"),
    "empty domain": (["bootstrap", "--domain", "  "], "needs a name"),
    "unknown language": (["bootstrap", "--domain", "law", "--language", "xx"], "xx"),
    "unknown template": (["bootstrap", "--domain", "law", "--template", "nosuch"], "nosuch"),
    "broken template": (["bootstrap", "--domain", "law", "--template", "broken.yaml"], "broken"),
    "no project": (["generate-queries", "--count", "5"], "project"),
    "no collection": (["pipeline", "--domain", "law", "--collection", "nowhere"], "nowhere"),
    "no documents": (["ingest", "nowhere"], "nowhere"),
    "nothing to read": (["pipeline", "--domain", "law", "--corpus", "nowhere"], "nowhere"),
    "nothing to mine": (["mine"], "project"),
    "no model to mine with": (["mine", "--with", "./no"], "./no"),
    "no such teacher": (["teach", "--teacher", "oracle"], "oracle"),
    "overlap too large": (["ingest", ".", "--words", "40", "--overlap", "30"], "repeats"),
    "no start model": (["pipeline", "--domain", "law", "--train", "--base", "./no"], "./no"),
    "val file alone": (["train", "--val-file", "x.json"], "--train-file"),
    "rounds of words": (["pipeline", "--domain", "law", "--train", "--rounds", "2"], "--corpus"),
    "rounds of files": (["train", "--train-file", "x.json", "--rounds", "2"], "--rounds"),
    "keep split alone": (["train", "--keep-split"], "--train-file"),
    "no number": (["train", "--train-file", "x.json", "--set", "epochs=many"], "epochs=many"),
    "no setting": (["train", "--train-file", "x.json", "--set", "speed=1"], "speed"),
    "files elsewhere": (["train", "--train-file", "x", "--elsewhere", "y.jsonl.gz"], "--elsewhere"),
    "no name for the data": (["train", "--elsewhere", "data.jsonl"], ".jsonl.gz"),
    "no project for a model": (["import-model", "nowhere"], "project"),
    "no train file": (["train", "--train-file", "nowhere.json"], "nowhere.json"),
    "no canary": (["train", "--train-file", "x.json", "--canary", "nowhere"], "nowhere"),
    "no model to measure": (["evaluate", "--collection", "nowhere"], "--model"),
    "a negative budget": (["bootstrap", "--domain", "law", "--budget", "-1"], "--budget"),
    "no such check": (["repair", "--check", "nosuch"], "project"),
    "bad url": (["bootstrap", "--domain", "law", "--llm", "not a url"], "not a url"),
}


@pytest.mark.parametrize(("arguments", "named"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_named_in_one_line_and_changes_nothing(
    arguments: list[str], named: str, tmp_path: Path, distiller: Callable[..., Done]
) -> None:
    (tmp_path / "broken.yaml").write_text("name: [unclosed")
    done = distiller(*arguments)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    if done.stderr.startswith("distiller: "):  # ours; typer frames its own in a box
        assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("workspace/models/*"))
    assert distiller("status").returncode == 2, "no project may have been made"


def test_reference_is_what_the_commands_say() -> None:
    """`make docs` writes it."""
    made = subprocess.run(
        [*REFERENCE, "--title", "The command line"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
    )
    written = Path(__file__).parents[2] / "docs" / "command-line.md"
    assert written.read_text(encoding="utf-8").strip() == made.stdout.strip()


def test_module_is_the_same_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "distiller", "evaluate", "--model", "bm25", "--collection", "no"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("distiller: ")


def test_import_status_and_format_round_trip(
    tmp_path: Path, distiller: Callable[..., Done]
) -> None:
    """A file in, the same content out: without a language model or a network."""
    example = {
        "query": "can my landlord keep the deposit?",
        "positive_document": "A landlord may keep part of a deposit only to cover unpaid rent.",
        "positive_explanation": "says when it may be kept",
        "negative_documents": [
            {
                "document": "Deposits for hotel rooms are returned at checkout.",
                "explanation": "about hotels",
                "strategy": "topical_shift",
            }
        ],
        "_meta": {},
    }
    (tmp_path / "data.json").write_text(json.dumps([example]))
    made = distiller("import", "data.json", "--domain", "tenancy")
    assert made.returncode == 0, made.stderr
    status = json.loads(distiller("status", "--json").stdout)
    assert sum(status["counts"]["query"].values()) == 1
    assert sum(status["counts"]["passage"].values()) == 2
    out = distiller("format", "--format", "jsonl", "--output", "out.jsonl")
    assert out.returncode == 0, out.stderr
    (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["query"] == example["query"]
    assert {document["text"]: document["is_relevant"] for document in record["documents"]} == {
        example["positive_document"]: True,
        "Deposits for hotel rooms are returned at checkout.": False,
    }
