"""Which language model writes, what it may cost, and what reviewers see."""

import streamlit as st

from distiller.ui.settings import settings_form
from distiller.ui.shell import lobby

place = lobby("Settings")
st.markdown("These hold for all projects of this workspace, and for everybody who uses it.")
settings_form(place)
