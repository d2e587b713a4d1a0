"""What stands on every page: who reviews, which project, how far it is, what comes next."""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from distiller.schema.domain import Project
from distiller.schema.errors import DistillerError
from distiller.settings import Settings
from distiller.store import Store
from distiller.ui.guidelines import guidelines
from distiller.ui.navigation import path_of
from distiller.ui.state import show_notice
from distiller.ui.text import plain
from distiller.ui.tracker import tracker

_PROJECT, _WHO = "shell/project", "shell/who"
MAX_NAME = 80


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


@dataclass(frozen=True)
class Lobby:
    """Where a page stands that also works without a project."""

    store: Store
    settings: Settings
    here: Here | None


@st.cache_resource(max_entries=4)
def _opened(database: str) -> Store:
    return Store.open(database)


_SEEN: dict[str, float] = {}
_LOOK_S = 10.0


def _see_to_worker(store: Store, settings: Settings) -> None:
    """Work that waits or runs needs somebody who watches over it, also after a crash."""
    if time.monotonic() - _SEEN.get(settings.database, -_LOOK_S) < _LOOK_S:
        return
    _SEEN[settings.database] = time.monotonic()
    if store.jobs(active=True):
        from distiller.jobs import ensure_worker

        ensure_worker(store, settings)


def guard(title: str) -> Here:
    """Call first on every page that needs a project; stops the page where there is none."""
    found = lobby(title)
    if found.here is None:
        st.info(
            "There is no project yet. A project holds one field: its knowledge, queries and "
            "passages. Begin by describing your field, or open the example.",
            icon=":material/explore:",
        )
        st.page_link(
            path_of("Domain"), label="Begin on the page Domain", icon=":material/arrow_forward:"
        )
        st.stop()
    return found.here


def lobby(title: str) -> Lobby:
    """Draw the frame of a page, and say where it stands.

    The project is the one in the address (`?project=`), else the one last looked at, else the
    newest. One that is named and not there stops the page: another would be shown silently.
    """
    settings = Settings()
    try:
        store = _opened(settings.database)
        _see_to_worker(store, settings)
        projects = store.projects()
    except DistillerError as error:
        st.error(plain(str(error)))
        st.stop()
    st.title(title)
    show_notice()
    project = _chosen(projects)
    who = _reviewer()
    if project is None:
        return Lobby(store, settings, None)
    here = Here(store, settings, project, who)
    with st.sidebar:
        _switcher(projects, project)
        tracker(here.store, project)
        _jobs(here)
        guidelines()
    return Lobby(store, settings, here)


def _jobs(here: Here) -> None:
    from distiller.ui.jobs import jobs_chip  # it needs this module's Here

    jobs_chip(here.store, here.project.id)


def switch_to(project: Project) -> None:
    """Make a project the one that every page shows."""
    st.session_state[_PROJECT] = project.name
    for name in list(st.query_params):
        if name != "who":
            del st.query_params[name]
    st.query_params["project"] = project.name


def _chosen(projects: list[Project]) -> Project | None:
    named = st.query_params.get("project")
    if named and all(project.name != named for project in projects):
        st.error(
            f"There is no project {plain(named)} in this workspace. "
            "Check the link, or choose another project."
        )
        if st.button("Show my projects"):
            del st.query_params["project"]
            st.rerun()
        st.stop()
    wanted = named or st.session_state.get(_PROJECT)
    newest = projects[-1] if projects else None
    project = next((project for project in projects if project.name == wanted), newest)
    if project:
        st.session_state[_PROJECT] = project.name
        if named != project.name:
            st.query_params["project"] = project.name
    return project


def _switcher(projects: list[Project], current: Project) -> None:
    def switch() -> None:
        name = st.session_state["shell/switch"]
        for project in projects:  # the state of a widget can be forged
            if project.name == name:
                switch_to(project)

    names = [project.name for project in projects]
    titles = {project.name: project.domain.name for project in projects}
    alike = {title for title in titles.values() if list(titles.values()).count(title) > 1}
    st.session_state["shell/switch"] = current.name
    st.selectbox(
        "Project",
        names,
        key="shell/switch",
        format_func=lambda name: name if titles.get(name) in alike else titles.get(name, name),
        on_change=switch,
    )


def _reviewer() -> str:
    """Whoever decides signs with a name; it stands in the address and survives a reload."""
    if _WHO not in st.session_state:
        st.session_state[_WHO] = st.query_params.get("who", "")[:MAX_NAME] or _account()
    signed: str = st.session_state[_WHO]
    # A widget's own state is dropped between pages; the name must not be, so it is kept apart.
    field = f"{_WHO}/{signed}"

    def rename() -> None:
        st.session_state[_WHO] = " ".join(st.session_state[field].split()) or _account()

    with st.sidebar:
        st.text_input(
            "Your name",
            signed,
            key=field,
            max_chars=MAX_NAME,
            on_change=rename,
            help="Every decision and edit is signed with it.",
        )
    if st.query_params.get("who") != signed:
        st.query_params["who"] = signed
    return signed


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "reviewer"
