"""Domain templates: how people of a field search, and what they read."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from distiller.schema.errors import InvalidTemplate
from distiller.schema.examples import Complexity

MAX_BYTES = 1_000_000
_WORD = re.compile(r"\w+|[^\w\s]")

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""Text that goes into a prompt: short, and never empty."""


class QueryType(BaseModel):
    """A kind of query, and what a searcher may expect back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    description: Line
    answer_types: list[Line] = Field(min_length=1, max_length=20)
    complexities: list[Complexity] = Field(default=list(Complexity), min_length=1)
    """Keywords are never complex, a situation is never simple."""
    cues: dict[str, list[Line]] = Field(default_factory=dict)
    """Language → beginnings of words, one of which a passage has that answers such a query. Without
    any, every passage may; a language that is not among them has no passage known to."""

    def fits(self, text: str, language: str) -> bool:
        """Whether a passage may be asked for such a query."""
        if not self.cues:
            return True
        begins = tuple(cue.casefold() for cue in self.cues.get(language, ()))
        return bool(begins) and any(
            word.startswith(begins) for word in _WORD.findall(text.casefold())
        )


class Template(BaseModel):
    """What the prompts know of a field before anything is generated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    description: Line
    query_types: list[QueryType] = Field(min_length=1, max_length=40)
    personas: list[Line] = Field(min_length=1, max_length=40)
    """Who searches, as it follows "asked by": `a tenant facing eviction`."""
    document_types: list[Line] = Field(min_length=1, max_length=40)
    """Kinds of document that answer, as seeds; the knowledge base has the field's own."""
    sub_areas: list[Line] = Field(default_factory=list, max_length=40)
    """Angles from which such fields are commonly divided."""
    query_style: Line
    """How people of the field type their queries."""
    passage_style: Line
    """How the field's documents are written."""


def names() -> list[str]:
    """The packaged templates, `general` first."""
    folder = files("distiller.packs") / "templates"
    found = sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir())
    return ["general", *(name for name in found if name != "general")]


@cache
def template(name_or_path: str) -> Template:
    """A packaged template by name, or a user's own by the path of its YAML file.

    Raises:
        InvalidTemplate: no such template, or a file that does not fit; names line and field.
    """
    name = str(name_or_path)
    if name in names():
        entry = files("distiller.packs") / "templates" / f"{name}.yaml"
        return _parse(entry.read_text(encoding="utf-8"), entry.name)
    path = Path(name)
    if not path.is_file():
        raise InvalidTemplate(
            f"no template {name!r}: use one of {', '.join(names())}, or the path of a YAML file"
        )
    return _parse(_text(path), name)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidTemplate(f"{path}: larger than 1 MB, which no template is")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidTemplate(
            f"{path}, byte {error.start}: not UTF-8; save the file as UTF-8"
        ) from error
    except OSError as error:
        raise InvalidTemplate(f"{path}: cannot be read ({error.strerror})") from error


def _parse(text: str, name: str) -> Template:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "cannot be read"
        raise InvalidTemplate(f"{where}: not valid YAML ({problem})") from error
    if not isinstance(data, dict):
        raise InvalidTemplate(f"{name}: a template is a mapping with name, description, …")
    try:
        return Template.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidTemplate(
            f"{name}, line {_line(tree, first['loc'])}, field {_field(first['loc'])}: {first['msg']}"
        ) from error


def _field(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.lstrip(".")


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Line, counted from 1, of the deepest node on the way to a field."""
    line = 0
    for step in location:
        if node is None:
            break
        line = node.start_mark.line
        node = _child(node, step)
    return (node.start_mark.line if node is not None else line) + 1


def _child(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        child: yaml.Node = node.value[step]
        return child
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
