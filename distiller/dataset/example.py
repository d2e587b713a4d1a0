"""The example project: a field with knowledge and data, to try everything on."""

from __future__ import annotations

import json
from pathlib import Path

from distiller.dataset.importing import import_file
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import InputError, NotFound
from distiller.store import Store

EXAMPLE_NAME = "example-tenancy"
_HERE = Path(__file__).parents[1]
_FOLDERS = (_HERE.parent / "examples", _HERE / "examples")
"""In a clone, and in an installed wheel."""
_DOMAIN = Domain(
    name="Residential tenancy law",
    description="Homes that are let: rent, deposit, repairs, notice. The statute is invented.",
    audience="Tenants, landlords and the people who advise them",
    exclusions=["commercial leases", "holiday lets"],
    template="legal",
    example_queries=["how much deposit can a landlord ask for", "eviction notice period arrears"],
)


def open_example(store: Store) -> Project:
    """The example project; loaded where it is not there yet, or only in part.

    Raises:
        NotFound: The installation lacks the example's files.
    """
    try:
        project = store.project(EXAMPLE_NAME)
    except NotFound:
        folder = _folder()
        try:
            project = store.create_project(_DOMAIN, name=EXAMPLE_NAME)
        except InputError:  # another window was faster
            return store.project(EXAMPLE_NAME)
    else:
        counts = store.counts(project.id)
        if any(counts["concept"].values()) and any(counts["judgment"].values()):
            return project
        folder = _folder()
    for name in ("knowledge.json", "dataset.json"):
        import_file(store, project, folder / name)
    return project


def example_texts() -> tuple[dict[str, str], dict[str, str]]:
    """The example's queries and passages by number, without a project: texts to compare models on.

    Raises:
        NotFound: The installation lacks the example's files.
    """
    examples = json.loads((_folder() / "dataset.json").read_text(encoding="utf-8"))
    passages = dict.fromkeys(
        text
        for example in examples
        for text in (
            example["positive_document"],
            *(negative["document"] for negative in example["negative_documents"]),
        )
    )
    return (
        {f"q{number}": example["query"] for number, example in enumerate(examples)},
        {f"p{number}": text for number, text in enumerate(passages)},
    )


def _folder() -> Path:
    for folder in _FOLDERS:
        if (folder / "tenancy" / "dataset.json").exists():
            return folder / "tenancy"
    raise NotFound("this installation lacks the folder examples/tenancy; install it again")
