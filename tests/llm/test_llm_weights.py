from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from distiller.llm import weights
from distiller.llm.weights import PACKAGED, PackagedModel, join, resolve
from distiller.schema.errors import InputError, ModelUnavailable, NotFound

SLICES = [b"GGUF" + b"a" * 100, b"b" * 50, b"c" * 7]
WHOLE = b"".join(SLICES)
MODEL = PackagedModel(
    name="small",
    file="small.gguf",
    package="small-part",
    version="1",
    slices=3,
    size=4 + 100 + 50 + 7,
    sha256=hashlib.sha256(WHOLE).hexdigest(),
)


class Packages:
    """Installed slices, as package metadata shows them: real files, listed under fake names."""

    def __init__(self, folder: Path) -> None:
        self.paths = {}
        for number, content in enumerate(SLICES, 1):
            path = folder / f"part{number:02d}.bin"
            path.write_bytes(content)
            self.paths[f"small-part{number}"] = path

    def files(self, package: str) -> list[Any]:
        if package not in self.paths:
            raise metadata.PackageNotFoundError(package)
        path = metadata.PackagePath(self.paths[package].name)
        path.dist = type("Dist", (), {"locate_file": lambda _, file: self.paths[package]})()
        return [metadata.PackagePath("small/__init__.py"), path]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    folder = tmp_path / "packages"
    folder.mkdir()
    installed = Packages(folder)
    monkeypatch.setattr(weights.metadata, "files", installed.files)
    return installed


def test_slices_are_joined_in_order_and_once(packages: Packages, tmp_path: Path) -> None:
    path = join(MODEL, tmp_path / "models")
    assert path.read_bytes() == WHOLE
    packages.paths.clear()  # from now on the joined file is enough
    assert join(MODEL, tmp_path / "models") == path
    assert [p.name for p in path.parent.iterdir() if p.suffix == ".part"] == []


def test_a_damaged_file_is_joined_again(packages: Packages, tmp_path: Path) -> None:
    path = join(MODEL, tmp_path / "models")
    path.write_bytes(WHOLE[:-1] + b"x")
    assert join(MODEL, tmp_path / "models").read_bytes() == WHOLE


@pytest.mark.parametrize("change", [b"b" * 49 + b"x", b"b" * 49, b""])
def test_anything_else_is_refused_and_nothing_is_left(
    packages: Packages, tmp_path: Path, change: bytes
) -> None:
    packages.paths["small-part2"].write_bytes(change)
    with pytest.raises(ModelUnavailable, match=r"not the pinned model.*reinstall"):
        join(MODEL, tmp_path / "models")
    assert [p.suffix for p in (tmp_path / "models").iterdir() if p.suffix != ".lock"] == []


@pytest.mark.parametrize("removed", ["package", "file"])
def test_a_missing_slice_says_what_to_install(
    packages: Packages, tmp_path: Path, removed: str
) -> None:
    if removed == "package":
        del packages.paths["small-part3"]
    else:
        packages.paths["small-part3"].unlink()
    with pytest.raises(ModelUnavailable, match=r"slice 3 of 3.*pip install small-part1==1"):
        join(MODEL, tmp_path / "models")


def test_a_folder_that_cannot_be_written(packages: Packages, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailable, match="DISTILLER_CACHE_DIR"):
        join(MODEL, tmp_path / "models")


def test_a_gguf_file(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(WHOLE)
    found = resolve(str(path), tmp_path)
    assert (found.name, found.path) == ("own", path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelUnavailable, match="not a GGUF file"):
        resolve(str(path), tmp_path)


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    for missing in (str(tmp_path / "no.gguf"), "models/no.gguf"):
        with pytest.raises(NotFound, match="no model file"):
            resolve(missing, tmp_path)
    with pytest.raises(InputError, match=r"qwen-1\.5b, qwen-0\.5b"):
        resolve("qwen-7b", tmp_path)


def test_a_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in ("owner/repository", "owner/repository:model-q4_k_m.gguf"):
        with pytest.raises(ModelUnavailable, match="cannot fetch owner/repository"):
            resolve(name, tmp_path)


def test_the_default_is_packaged_and_every_package_is_in_the_extra() -> None:
    requirements = metadata.requires("domain-distiller") or []
    default = PACKAGED[weights.DEFAULT]
    named = {f"{default.package}{n}=={default.version}" for n in range(1, default.slices + 1)}
    assert named <= {requirement.split(";")[0].strip() for requirement in requirements}
