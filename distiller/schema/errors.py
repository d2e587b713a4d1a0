"""Every error that Domain Distiller raises on purpose.

```
DistillerError                  exit status 1
├── InputError                  2   bad usage or input; the message says what, where and what to do
│   ├── UnknownLanguage
│   ├── InvalidTemplate
│   ├── InvalidFile                 carries path, line and field
│   └── NotFound                    a project, model or collection that is not there
├── BudgetExceeded              3   the next completion would cost more than the user allowed
├── StageFailed                 1   every item of a stage failed
├── Conflict                    1   somebody else changed the row since it was read
├── ModelUnavailable            1   model weights are missing or are not what they should be
└── EndpointError               1   the language model's endpoint
    ├── EndpointUnreachable         connection refused, timed out, or 5xx after all retries
    ├── AuthenticationFailed        401, 403
    ├── ModelNotFound               404
    ├── RateLimited                 429 after all retries
    └── CompletionError             the endpoint answered, but not usably
        ├── EmptyCompletion
        ├── Refusal
        ├── InvalidCompletion       not the structure asked for, also after the repair request
        ├── TruncatedCompletion     `finish_reason=length` and nothing more to be had
        └── WrongLanguage
```
A message is one line, ends with what the user can do, and never contains a key.
"""

from __future__ import annotations

from pathlib import Path


class DistillerError(Exception):
    """Base of the tree. `exit_status` is what the command line returns."""

    exit_status = 1


class InputError(DistillerError):
    """Bad usage or input; nothing was changed."""

    exit_status = 2


class UnknownLanguage(InputError):
    """The language tag is not BCP 47, or not one that the packs cover."""


class InvalidTemplate(InputError):
    """A domain template that does not fit its model."""


class InvalidFile(InputError):
    """A file that cannot be read as what it should be.

    `line` counts from 1; `field` is the path inside the record (`negative_documents[2].document`).
    """

    def __init__(
        self, path: Path | str, problem: str, *, line: int | None = None, field: str | None = None
    ) -> None:
        self.path = Path(path)
        self.problem = problem
        self.line = line
        self.field = field
        where = str(path)
        if line is not None:
            where += f", line {line}"
        if field:
            where += f", field {field}"
        super().__init__(f"{where}: {problem}")


class NotFound(InputError):
    """A project, model, collection or item that is not there."""


class BudgetExceeded(DistillerError):
    """The budget does not cover the next completion. Everything done so far is kept."""

    exit_status = 3


class StageFailed(DistillerError):
    """Every item of a stage failed; the message names the commonest reason."""


class Conflict(DistillerError):
    """The row's version is not the one that was read: somebody else wrote in between."""


class ModelUnavailable(DistillerError):
    """Weights that are missing, or whose size or hash is not the pinned one."""


class EndpointError(DistillerError):
    """The language model's endpoint did not give a usable completion."""


class EndpointUnreachable(EndpointError):
    """No connection, a time-out, or a server error, after all retries."""


class AuthenticationFailed(EndpointError):
    """401 or 403: the key is missing, wrong or not allowed."""


class ModelNotFound(EndpointError):
    """404: the endpoint does not serve that model."""


class RateLimited(EndpointError):
    """429, after all retries that the endpoint asked for."""


class CompletionError(EndpointError):
    """The endpoint answered, but not usably. `completion` keeps the raw text."""

    def __init__(self, message: str, *, completion: str = "") -> None:
        self.completion = completion
        super().__init__(message)


class EmptyCompletion(CompletionError):
    """The completion has no text."""


class Refusal(CompletionError):
    """The model declined."""


class InvalidCompletion(CompletionError):
    """Not the structure asked for, also after the repair request."""


class TruncatedCompletion(CompletionError):
    """`finish_reason=length`, and asking for the rest brought nothing more."""


class WrongLanguage(CompletionError):
    """The completion is not in the project's language."""
