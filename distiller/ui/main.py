"""What each visit runs, in a folder that has no `pages/` beside it.

Beside one, Streamlit answers the first visitor of a fresh server who follows a link to a page with
"Page not found", for it looks for pages by itself until `st.navigation` was called once.
"""

from distiller.ui.navigation import navigation

navigation().run()
