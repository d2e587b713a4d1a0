"""Pydantic models as the strict JSON schemas that structured outputs ask for."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel

_UNSUPPORTED = ("default", "title", "examples", "discriminator", "uniqueItems")
_LENGTHS = ("minLength", "maxLength")


def strict_schema(model: type[BaseModel], *, keep_lengths: bool = False) -> dict[str, Any]:
    """JSON schema of `model`: no additional properties, every property required.

    Args:
        model: What the completion shall be.
        keep_lengths: Keep `minLength` and `maxLength`, which OpenAI refuses and llama.cpp obeys.
    """
    dropped = _UNSUPPORTED if keep_lengths else (*_UNSUPPORTED, *_LENGTHS)
    schema: dict[str, Any] = _strict(model.model_json_schema(), dropped)
    return schema


def _strict(node: Any, dropped: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_strict(child, dropped) for child in node]
    if not isinstance(node, dict):
        return node
    strict: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "$defs"):  # names of ours, not keywords
            strict[key] = {name: _strict(child, dropped) for name, child in value.items()}
        elif key in ("enum", "const"):
            strict[key] = value
        elif key not in dropped:
            strict["anyOf" if key == "oneOf" else key] = _strict(value, dropped)
    if "properties" in strict:
        strict["required"] = list(strict["properties"])
        strict["additionalProperties"] = False
    return strict


def schema_name(model: type[BaseModel]) -> str:
    """A name that endpoints accept: letters, digits, `_` and `-`, at most 64."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", model.__name__)[:64]


def instruction(model: type[BaseModel]) -> str:
    """What a prompt adds where the endpoint takes no schema."""
    schema = json.dumps(strict_schema(model, keep_lengths=True), ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{schema}"
