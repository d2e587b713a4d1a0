"""What stands on every page: who reviews, which project, how far it is, what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from distiller.schema.domain import Project
from distiller.settings import Settings
from distiller.store import Store


@dataclass(frozen=True)
class Here:
    """Where a page stands: what it reads, writes and signs with."""

    store: Store
    settings: Settings
    project: Project
    who: str
    """The reviewer's name, as it goes into the log."""

    def key(self, *parts: Any) -> str:
        """A widget key of this project, so that nothing is carried over to another one."""
        return "/".join(map(str, (self.project.id, *parts)))


@st.cache_resource(max_entries=4)
def _opened(database: str) -> Store:
    return Store.open(database)


def store(settings: Settings) -> Store:
    """The workspace's store, one per process."""
    return _opened(settings.database)


def guard(title: str) -> Here:
    """Call first on every page that needs a project; stops the page where there is none.

    The project is the one in the address (`?project=`), or the only one, or the one last used.
    """
    settings = Settings()
    opened = store(settings)
    projects = opened.projects()
    wanted = st.query_params.get("project") or st.session_state.get("shell/project")
    project = next((p for p in projects if p.name == wanted), projects[-1] if projects else None)
    st.title(title)
    if project is None:
        st.info("There is no project yet. Begin on the page Domain.")
        st.stop()
    st.session_state["shell/project"] = project.name
    st.query_params["project"] = project.name
    return Here(opened, settings, project, st.session_state.get("shell/who") or "reviewer")
