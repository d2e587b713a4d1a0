from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from distiller.schema import errors
from distiller.schema.errors import (
    BudgetExceeded,
    CompletionError,
    DistillerError,
    EndpointError,
    InputError,
    InvalidFile,
    NotFound,
    Refusal,
)

TREE = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, Exception)
]


def test_one_root() -> None:
    assert len(TREE) > 10
    assert all(issubclass(error, DistillerError) for error in TREE)


def test_the_tree_at_the_top_of_the_module_names_every_error() -> None:
    assert errors.__doc__ is not None
    assert [error.__name__ for error in TREE if error.__name__ not in errors.__doc__] == []


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_exit_status(error: type[DistillerError]) -> None:
    expected = 2 if issubclass(error, InputError) else 3 if error is BudgetExceeded else 1
    assert error.exit_status == expected


def test_file_errors_say_where() -> None:
    error = InvalidFile("a.jsonl", "is not a number", line=3, field="documents[2].grade")
    assert str(error) == "a.jsonl, line 3, field documents[2].grade: is not a number"
    assert (error.path, error.line, error.field) == (Path("a.jsonl"), 3, "documents[2].grade")
    assert str(InvalidFile("a.jsonl", "is empty")) == "a.jsonl: is empty"


def test_completion_errors_keep_the_completion() -> None:
    error = Refusal("the model declined", completion="I cannot help with that.")
    assert error.completion == "I cannot help with that."
    assert isinstance(error, CompletionError)
    assert isinstance(error, EndpointError)


def test_what_is_not_found_is_bad_input() -> None:
    assert issubclass(NotFound, InputError)
