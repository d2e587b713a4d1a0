"""Which pages there are, in the order of the journey."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

_PACKAGE = Path(__file__).parents[1]
PAGES = next(
    (pages for pages in (_PACKAGE.parent / "pages", _PACKAGE / "_app" / "pages") if pages.is_dir()),
    _PACKAGE.parent / "pages",
)
"""Beside the package in a clone, inside it in a wheel. Sub-folders only: Streamlit runs files directly in `pages/` without app.py."""

ICON = Path(__file__).with_name("icon.png")
"""Of our own: Streamlit would fetch a named one from the network."""

SECTIONS: dict[str, list[tuple[str, str, str]]] = {
    "Define": [
        ("define/domain.py", "Domain", ":material/edit_note:"),
        ("define/knowledge.py", "Knowledge", ":material/hub:"),
    ],
    "Curate": [
        ("curate/queries.py", "Queries", ":material/search:"),
        ("curate/passages.py", "Passages", ":material/compare:"),
        ("curate/quality.py", "Quality", ":material/fact_check:"),
    ],
    "Train": [
        ("train/training.py", "Training", ":material/model_training:"),
        ("train/evaluation.py", "Evaluation", ":material/insights:"),
    ],
    "Admin": [
        ("admin/settings.py", "Settings", ":material/settings:"),
        ("admin/jobs.py", "Jobs", ":material/history:"),
    ],
}
"""Section → file, title, icon. The address of a page is its file's name: `/queries`."""


def path_of(title: str) -> str:
    """The file of a page, for `st.switch_page` and `st.page_link`."""
    return next(
        str(PAGES / file) for pages in SECTIONS.values() for file, name, _ in pages if name == title
    )


def navigation() -> StreamlitPage:
    """The page that was asked for, to be run."""
    st.set_page_config(page_title="Domain Distiller", page_icon=str(ICON), layout="wide")
    return st.navigation(
        {
            section: [
                st.Page(PAGES / file, title=title, icon=icon, default=title == "Domain")
                for file, title, icon in pages
            ]
            for section, pages in SECTIONS.items()
        }
    )
