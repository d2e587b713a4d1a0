"""Identities of generated items, and what goes into every request."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

from distiller.generate.stage import Try
from distiller.schema.base import Item
from distiller.schema.usage import Prompt

T = TypeVar("T")
I = TypeVar("I", bound=Item)  # noqa: E741


def derived_id(kind: str, *parts: str) -> str:
    """The same for the same parts, so that a stage knows what it made already."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{kind}-{digest[:16]}"


def is_new(items: Iterable[I], stored: Iterable[Item]) -> list[I]:
    """Items whose id neither the store nor an earlier one of them has."""
    known = {item.id for item in stored}
    new = []
    for item in items:
        if item.id not in known:
            known.add(item.id)
            new.append(item)
    return new


def deal(options: Sequence[T], turn: int, *salt: str) -> T:
    """The option for a turn, as from a deck shuffled anew each time it is used up.

    So every option comes as often as any other, in an order that salt makes independent of other
    decks, and the option of a turn never depends on how many turns there are.
    """
    block, position = divmod(turn, len(options))
    order = list(range(len(options)))
    random.Random("/".join((*salt, str(block)))).shuffle(order)  # noqa: S311 (no secret)
    return options[order[position]]


def firmly(prompt: Prompt, language: str, attempt: Try) -> Prompt:
    """The prompt, and after an answer in another language a firmer word on it."""
    if not attempt.firm:
        return prompt
    reminder = f"{prompt.user}\nWrite every word in {language}, in no other language."
    return prompt.model_copy(update={"user": reminder})
