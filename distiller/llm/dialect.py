"""What an endpoint understands, found out once per endpoint and model and remembered."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import BaseModel, Field, ValidationError

from distiller.llm.schemas import instruction, schema_name, strict_schema
from distiller.schema.base import Record, now

Body = dict[str, Any]
Messages = list[dict[str, str]]

FORGET_AFTER = timedelta(days=30)
"""Servers are updated; what an old one refused is tried again after that long."""


class Mode(StrEnum):
    """Ways to ask for a structure, best first."""

    JSON_SCHEMA = "json_schema"
    TOOL = "tool"
    JSON_OBJECT = "json_object"
    PROMPT = "prompt"
    """The schema stands in the prompt only, and the reply is read leniently."""


class Dialect(Record):
    """How to phrase requests for one endpoint and model."""

    structured: Mode | None = None
    """None until a mode has worked."""
    length_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    seed: bool = True
    top_logprobs: int = 20
    """Alternatives per token that may be asked for; 0 where the endpoint gives none."""
    string_lengths: bool = False
    """Whether `maxLength` may stand in a strict schema."""
    learned: datetime = Field(default_factory=now)

    def body(
        self,
        model: str,
        messages: Messages,
        *,
        max_tokens: int,
        temperature: float,
        seed: int | None,
    ) -> Body:
        """The body of a chat completion request."""
        body: Body = {"model": model, "messages": messages, self.length_field: max_tokens}
        if self.temperature:
            body["temperature"] = temperature
        if self.seed and seed is not None:
            body["seed"] = seed
        return body

    def adapted(self, complaint: str) -> Dialect | None:
        """The dialect that avoids what the endpoint complained about; None where that is not clear."""
        complaint = complaint.lower()
        if "max_completion_tokens" in complaint and self.length_field == "max_tokens":
            return self.model_copy(update={"length_field": "max_completion_tokens"})
        if "logprobs" in complaint and self.top_logprobs:
            return self.model_copy(update={"top_logprobs": 5 if self.top_logprobs > 5 else 0})
        for field in ("temperature", "seed"):
            if field in complaint and getattr(self, field):
                return self.model_copy(update={field: False})
        return None


def structure(mode: Mode, schema: type[BaseModel], *, lengths: bool = False) -> Body:
    """What a request's body says about the structure in that mode."""
    if mode is Mode.JSON_OBJECT:
        return {"response_format": {"type": "json_object"}}
    if mode is Mode.PROMPT:
        return {}
    strict = {
        "name": schema_name(schema),
        "strict": True,
        "schema": strict_schema(schema, keep_lengths=lengths),
    }
    if mode is Mode.JSON_SCHEMA:
        return {"response_format": {"type": "json_schema", "json_schema": strict}}
    tool = {"name": strict["name"], "strict": True, "parameters": strict["schema"]}
    tool["description"] = "Hand over the answer."
    return {
        "tools": [{"type": "function", "function": tool}],
        "tool_choice": {"type": "function", "function": {"name": strict["name"]}},
    }


def messages_for(mode: Mode, system: str, user: str, schema: type[BaseModel]) -> Messages:
    """System and user message, with the schema in words where the mode needs it."""
    if mode in (Mode.JSON_OBJECT, Mode.PROMPT):
        system = f"{system}\n\n{instruction(schema)}"
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


class Dialects:
    """Dialects of all endpoints, in a file that processes share.

    Args:
        path: JSON file; written through a temporary file, under a lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, endpoint: str, model: str) -> Dialect | None:
        """What was learned of that endpoint and model not too long ago."""
        try:
            dialect = Dialect.model_validate(self._read()[f"{endpoint} {model}"])
        except (KeyError, ValidationError):
            return None
        return dialect if now() - dialect.learned < FORGET_AFTER else None

    def remember(self, endpoint: str, model: str, dialect: Dialect) -> None:
        """Keep it for the next process. A folder that cannot be written costs only the memory."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock", timeout=5):
                known = {**self._read(), f"{endpoint} {model}": dialect.model_dump(mode="json")}
                draft = self._path.with_suffix(f".{os.getpid()}.tmp")
                draft.write_text(json.dumps(known, indent=1), "utf-8")
                draft.replace(self._path)
        except OSError:  # includes the lock's time-out
            return

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
