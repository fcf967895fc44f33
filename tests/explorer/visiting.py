"""Going from page to page without a browser."""

from streamlit.util import calc_hash


def go(app, view):
    """Go to a page as a link from elsewhere does: another page before would take a run."""
    app._page_hash = calc_hash(view.replace("_", "-").replace("overview", ""))
