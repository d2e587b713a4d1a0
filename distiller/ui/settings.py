"""Settings that people change in the browser."""

from __future__ import annotations

import os

import streamlit as st

from distiller.ui.shell import Lobby
from distiller.ui.state import notice
from distiller.ui.text import plain

_VARIABLES = {
    "llm_url": "DISTILLER_LLM_URL",
    "llm_model": "DISTILLER_LLM_MODEL",
    "budget": "DISTILLER_BUDGET",
    "hide_judge": "DISTILLER_HIDE_JUDGE",
}
_LOCAL, _OTHER = "On this computer", "Another one, by its address"


def settings_form(place: Lobby) -> None:
    """Language model, budget, and the judge's grades; what the environment sets cannot change."""
    now = place.settings
    fixed = {name for name, variable in _VARIABLES.items() if os.environ.get(variable)}
    where = st.radio(
        "Language model",
        [_LOCAL, _OTHER],
        index=0 if now.uses_local_model else 1,
        captions=["Costs nothing, needs no network; slow.", "Any OpenAI-compatible endpoint."],
        disabled="llm_url" in fixed,
    )
    other = where == _OTHER
    with st.form("settings"):
        url = now.llm_url if other else "local"
        model = now.llm_model if other else ""
        if other:
            url = st.text_input(
                "Address",
                "" if now.llm_url == "local" else now.llm_url,
                placeholder="https://api.openai.com/v1",
                disabled="llm_url" in fixed,
                max_chars=500,
            )
            model = st.text_input(
                "Model", now.llm_model, disabled="llm_model" in fixed, max_chars=200
            )
            known = bool(now.openai_api_key.get_secret_value())
            st.caption(
                "Its key is never kept here: it stands in the variable OPENAI_API_KEY of whoever "
                f"starts the app ({'it is set' if known else 'it is not set'})."
            )
        budget = st.number_input(
            "Most that one project may cost, in US dollars",
            min_value=0.0,
            value=now.budget,
            step=1.0,
            placeholder="no limit",
            disabled="budget" in fixed,
        )
        hide = st.checkbox(
            "Hide the language model's grade until the reviewer has decided",
            now.hide_judge,
            disabled="hide_judge" in fixed,
            help="Whoever sees a grade first tends to agree with it.",
        )
        sent = st.form_submit_button("Save", type="primary")
    if fixed:
        names = ", ".join(sorted(_VARIABLES[name] for name in fixed))
        st.caption(plain(f"Set by whoever started the app, and not to be changed here: {names}"))
    if not sent:
        return
    values = {"llm_url": url.strip(), "llm_model": model.strip()}
    chosen = {**values, "budget": budget, "hide_judge": hide}
    try:
        now.keep(**{name: value for name, value in chosen.items() if name not in fixed})
    except (ValueError, OSError) as error:
        st.error(plain(f"Nothing was changed: {error}"))
        return
    notice("The settings were saved")
    st.rerun()
