"""Projects: one per journey."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.exc import IntegrityError

from distiller.schema.base import new_id
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import Conflict, InputError, NotFound
from distiller.store.database import Database
from distiller.store.tables import projects


def slug(name: str) -> str:
    """Lower-case words joined by hyphens: `Mietrecht (Österreich)` → `mietrecht-österreich`."""
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-") or "project"


class Projects:
    """Make, find and change projects."""

    _database: Database

    def create_project(self, domain: Domain, name: str | None = None) -> Project:
        """A new project; its name is the domain's, as a slug, unless given.

        Raises InputError if the name is taken.
        """
        project = Project(id=new_id("p"), name=slug(name or domain.name), domain=domain)
        with self._database.write() as connection:
            try:
                connection.execute(projects.insert(), _row(project))
            except IntegrityError as error:
                raise InputError(
                    f"a project {project.name!r} is there already; go on with it or choose "
                    "another name"
                ) from error
        return project

    def project(self, name: str | None = None) -> Project:
        """The project of that name or id; the newest when None. Raises NotFound."""
        chosen = select(projects).order_by(projects.c.position.desc()).limit(1)
        if name is not None:
            chosen = chosen.where(projects.c.name.in_([name, slug(name)]) | (projects.c.id == name))
        with self._database.read() as connection:
            row = connection.execute(chosen).mappings().first()
        if row is not None:
            return _project(row)
        if name is None:
            raise NotFound("there is no project yet; make one from a domain first")
        known = ", ".join(project.name for project in self.projects()[-5:]) or "none yet"
        raise NotFound(f"there is no project {name!r}; the newest are: {known}")

    def projects(self) -> list[Project]:
        """All projects, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(projects).order_by(projects.c.position)).mappings()
            return [_project(row) for row in rows]

    def update_project(self, project: Project) -> Project:
        """Write name and domain; returns the project with its new version.

        Raises Conflict if it was changed since it was read, InputError if the name is taken.
        """
        changed = project.model_copy(
            update={"version": project.version + 1, "name": slug(project.name)}
        )
        statement = (
            update(projects)
            .where(projects.c.id == project.id, projects.c.version == project.version)
            .values(_row(changed))
        )
        with self._database.write() as connection:
            try:
                written = connection.execute(statement).rowcount
            except IntegrityError as error:
                raise InputError(
                    f"a project {changed.name!r} is there already; choose another name"
                ) from error
            if not written:
                raise Conflict(
                    f"project {project.name!r} was changed since it was read; "
                    "read it again and repeat the change"
                )
        return changed


def _row(project: Project) -> dict[str, Any]:
    return {**project.model_dump(mode="json"), "created": project.created}


def _project(row: RowMapping) -> Project:
    return Project.model_validate({name: row[name] for name in Project.model_fields})
