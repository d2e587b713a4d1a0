"""Streamlit components that pages share. Only this room, `pages/` and `app.py` know streamlit."""
