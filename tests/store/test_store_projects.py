from __future__ import annotations

import pytest

from distiller.schema.domain import Domain, Project
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.store import Store, slug

LAW = Domain(name="Residential tenancy law", exclusions=["commercial leases"], language="en-GB")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Residential tenancy law", "residential-tenancy-law"),
        ("  Mietrecht (Österreich) ", "mietrecht-österreich"),
        ("snake_case & more", "snake-case-more"),
        ("借地借家法", "借地借家法"),
        ("!?", "project"),
    ],
)
def test_slug(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_project_comes_back_as_it_was_made(store: Store) -> None:
    made = store.create_project(LAW)
    assert made.name == "residential-tenancy-law"
    assert made.domain == LAW
    for handle in (None, made.name, "Residential tenancy law", made.id):
        assert store.project(handle) == made


def test_newest_project_is_the_default_one(store: Store) -> None:
    first = store.create_project(LAW)
    second = store.create_project(LAW, "Second try")
    assert second.name == "second-try"
    assert store.project() == second
    assert store.projects() == [first, second]


def test_taken_name_is_refused(store: Store) -> None:
    made = store.create_project(LAW)
    with pytest.raises(InputError, match="residential-tenancy-law"):
        store.create_project(LAW, "Residential TENANCY law")
    assert store.projects() == [made]


def test_absent_projects(store: Store) -> None:
    with pytest.raises(NotFound, match="no project yet"):
        store.project()
    store.create_project(LAW)
    with pytest.raises(NotFound, match=r"'tax'.*residential-tenancy-law"):
        store.project("tax")


def test_update_counts_versions_and_refuses_the_outdated(store: Store) -> None:
    made = store.create_project(LAW)
    domain = LAW.model_copy(update={"audience": "tenants"})
    changed = store.update_project(made.model_copy(update={"domain": domain, "name": "Rent law"}))
    assert (changed.version, changed.name) == (2, "rent-law")
    assert store.project() == changed
    with pytest.raises(Conflict, match="residential-tenancy-law"):
        store.update_project(made)
    assert store.project() == changed


def test_update_to_a_taken_name_is_refused(store: Store) -> None:
    store.create_project(LAW, "taken")
    made = store.create_project(LAW)
    with pytest.raises(InputError, match="taken"):
        store.update_project(made.model_copy(update={"name": "taken"}))
    assert store.project(made.name) == made


def test_update_of_an_unknown_project(store: Store) -> None:
    with pytest.raises(Conflict):
        store.update_project(Project(id="p-9", name="unknown", domain=LAW))
