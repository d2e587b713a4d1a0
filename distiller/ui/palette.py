"""The colours of charts: those of the theme that the reader has chosen."""

from __future__ import annotations

import streamlit as st


def theme() -> str:
    """`light` or `dark`, as the page is shown."""
    return "dark" if st.context.theme.type == "dark" else "light"


def palette() -> list[str]:
    """Colours that are told apart also by colour-blind eyes."""
    found = st.get_option(f"theme.{theme()}.chartCategoricalColors")
    return list(found or st.get_option("theme.chartCategoricalColors") or ["#0072B2"])
