"""Parts of a page that are drawn in the browser: each a Python module and a script beside it."""
