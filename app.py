"""The app's entry: `streamlit run app.py` or `distiller app`."""

from streamlit.starlette import App

from distiller.ui.entry import MAIN, with_worker

app = App(MAIN, lifespan=with_worker)
