"""Prompts: Jinja templates in YAML files, each with a name and a version.

The system part of a prompt is the same for every item of a stage, so that servers can cache it.
Whatever a user or a model wrote passes through the filter `data`, which keeps it from closing
the tags that delimit it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pydantic import BaseModel, ConfigDict

from distiller.schema.usage import Prompt


class PromptFile(BaseModel):
    """A file of `prompts/`. A change of its text that changes completions raises its version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: int
    system: str
    user: str


def data(value: object, words: int = 400) -> str:
    """User text made safe to stand between tags: one line, no tags, at most so many words."""
    text = re.sub(r"</?\s*[\w-]+\s*/?>", " ", str(value))
    text = re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text)
    found = text.split()
    return " ".join(found[:words]) + (" …" if len(found) > words else "")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("distiller.packs", "prompts"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (prompts are plain text; `data` guards their delimiters)
    )
    environment.filters["data"] = data
    return environment


@cache
def _load(name: str) -> tuple[PromptFile, Template, Template]:
    text = (files("distiller.packs") / "prompts" / f"{name}.yaml").read_text(encoding="utf-8")
    file = PromptFile.model_validate(yaml.safe_load(text))
    compile_ = _environment().from_string
    return file, compile_(file.system), compile_(file.user)


def names() -> list[str]:
    """All prompts, in alphabetic order."""
    folder = files("distiller.packs") / "prompts"
    files_ = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".yaml") for name in files_ if name.endswith(".yaml"))


def render(name: str, **variables: object) -> Prompt:
    """The prompt of that name, filled in.

    Raises:
        jinja2.UndefinedError: a variable of the prompt was not given.
    """
    file, system, user = _load(name)
    return Prompt(
        name=file.name,
        version=file.version,
        system=system.render(**variables).strip(),
        user=user.render(**variables).strip(),
    )
