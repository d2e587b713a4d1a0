"""The command line's names, help and exit statuses: what scripts of our users rely on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCE = (sys.executable, "-m", "typer", "distiller.cli", "utils", "docs", "--name", "distiller")
COMMANDS = {
    "bootstrap": ["--domain", "--description", "--language", "--template", "--concepts"],
    "generate-queries": ["--project", "--count", "--complexity"],
    "generate-documents": [
        "--project",
        "--positives-per-query",
        "--negatives-per-query",
        "--length",
        "--contrastive",
    ],
    "validate": ["--strict"],
    "format": ["--format", "--split", "--output"],
    "import": [],
    "train": ["--project", "--train-file", "--val-file", "--base", "--output", "--preset"],
    "evaluate": ["--model", "--collection", "--json"],
    "search": ["--model", "--collection"],
    "pipeline": ["--domain", "--queries", "--train", "--collection"],
    "status": ["--project", "--json"],
}


def distiller(*arguments: str, cwd: Path | None = None, **environment: str):
    """Run the real program; OPENAI_API_KEY and DISTILLER_* of the developer do not reach it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DISTILLER_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-m", "distiller", *arguments],
        cwd=cwd,
        env=clean | {"COLUMNS": "200", "NO_COLOR": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_options_and_says_what_it_does(command: str) -> None:
    shown = distiller(command, "--help")
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


@pytest.mark.parametrize("room", ["store", "llm", "dataset", "generate", "evaluate", "pipeline"])
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
    "no start model": (["pipeline", "--domain", "law", "--train", "--base", "./no"], "./no"),
    "val file alone": (["train", "--val-file", "x.json"], "--train-file"),
    "no train file": (["train", "--train-file", "nowhere.json"], "nowhere.json"),
    "no model to measure": (["evaluate", "--collection", "nowhere"], "--model"),
    "a negative budget": (["bootstrap", "--domain", "law", "--budget", "-1"], "--budget"),
    "bad url": (["bootstrap", "--domain", "law", "--llm", "not a url"], "not a url"),
}


@pytest.mark.parametrize(("arguments", "named"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_named_in_one_line_and_changes_nothing(
    arguments: list[str], named: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.yaml").write_text("name: [unclosed")
    done = distiller(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    if done.stderr.startswith("distiller: "):  # ours; typer frames its own in a box
        assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("workspace/models/*"))
    assert distiller("status", cwd=tmp_path).returncode == 2, "no project may have been made"


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


def test_import_status_and_format_round_trip(tmp_path: Path) -> None:
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
    made = distiller("import", "data.json", "--domain", "tenancy", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    status = json.loads(distiller("status", "--json", cwd=tmp_path).stdout)
    assert sum(status["counts"]["query"].values()) == 1
    assert sum(status["counts"]["passage"].values()) == 2
    out = distiller("format", "--format", "jsonl", "--output", "out.jsonl", cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["query"] == example["query"]
    assert {document["text"]: document["is_relevant"] for document in record["documents"]} == {
        example["positive_document"]: True,
        "Deposits for hotel rooms are returned at checkout.": False,
    }
