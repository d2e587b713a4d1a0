"""Completions to data: lenient JSON, and what can be saved of a reply that was cut off."""

from __future__ import annotations

import json
import re
from typing import Any

_FENCE = re.compile(r"```(?:json|JSON)?\s*\n?(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_REFUSAL = re.compile(
    r"^\W*(i['’]?m (really |very )?sorry|sorry,|i (cannot|can['’]?t|am unable to|won['’]?t) )",
    re.IGNORECASE,
)

Data = dict[str, Any]


def parse(text: str) -> Any:
    """The JSON value in a completion, fences and words around it set aside.

    Raises:
        ValueError: There is no complete JSON value in it; the message says where reading stopped.
    """
    problem: ValueError | None = None
    for candidate in _candidates(text):
        for variant in (candidate, _TRAILING_COMMA.sub(r"\1", candidate)):
            try:
                return json.loads(variant, strict=False)
            except ValueError as error:
                problem = problem or error
    raise ValueError(f"not JSON: {problem or 'the completion is empty'}")


def _candidates(text: str) -> list[str]:
    """The whole text, what fences enclose, and the stretch from the first brace to the last."""
    text = text.strip()
    found = [text, *(match.strip() for match in _FENCE.findall(text))]
    starts = [position for position in (text.find("{"), text.find("[")) if position >= 0]
    end = max(text.rfind("}"), text.rfind("]"))
    if starts and end > min(starts):
        found.append(text[min(starts) : end + 1])
    return [candidate for candidate in found if candidate]


def looks_like_refusal(text: str) -> bool:
    """Whether a reply that is not the JSON asked for declines in words."""
    return bool(_REFUSAL.match(text)) and "{" not in text


def salvage(text: str) -> Data | None:
    """The complete list items of an object that was cut off; None where there is none.

    Only lists directly inside the outer object count: `{"queries": [{…}, {…}, {…` gives the
    first two. The item that was being written is left out, also where it would parse.
    """
    start = text.find("{")
    if start < 0:
        return None
    text = text[start:]
    cut = _end_of_last_item(text)
    if cut is None:
        return None
    end, closers = cut
    try:
        data = json.loads(text[:end] + closers, strict=False)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _end_of_last_item(text: str) -> tuple[int, str] | None:  # noqa: C901 - one scanner, one loop
    """Where the last complete item of a list in the outer object ends, and what closes the rest."""
    stack: list[str] = []
    last: tuple[int, str] | None = None
    in_string = escaped = False
    for position, sign in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif sign == "\\":
                escaped = True
            elif sign == '"':
                in_string = False
                if stack == ["{", "["]:
                    last = position + 1, "]}"
        elif sign == '"':
            in_string = True
        elif sign in "{[":
            stack.append(sign)
        elif sign in "}]" and stack:
            stack.pop()
            if stack == ["{", "["]:
                last = position + 1, "]}"
            elif stack == ["{"] and sign == "]":
                last = position + 1, "}"
        elif sign == "," and stack == ["{", "["]:
            last = position, "]}"
    return last


def items(data: Data) -> int:
    """How many items the lists of an object hold together."""
    return sum(len(value) for value in data.values() if isinstance(value, list))


def merge(first: Data, rest: Data) -> Data:
    """Both objects as one: lists joined without repeating equal items, other fields from the first."""
    merged = dict(first)
    for name, value in rest.items():
        if isinstance(merged.get(name), list) and isinstance(value, list):
            merged[name] = merged[name] + [item for item in value if item not in merged[name]]
        else:
            merged.setdefault(name, value)
    return merged
