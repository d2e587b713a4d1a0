"""The app's entry: `streamlit run app.py` or `distiller app`."""

from distiller.ui.navigation import navigation

navigation().run()
