"""The one stylesheet: tokens, typefaces and every file of `css/`."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import streamlit as st

from secondtake.studio.theme.fonts import font_faces
from secondtake.studio.theme.tokens import css_properties

FOLDER: Final = Path(__file__).parent / "css"
FIRST: Final = "base.css"

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)


@lru_cache
def stylesheet() -> str:
    """Return the stylesheet: tokens, typefaces, `base.css`, then the other files by name."""
    files = sorted(FOLDER.glob("*.css"), key=lambda path: (path.name != FIRST, path.name))
    # A `<` in it, even in a comment, and the browser's purifier drops the whole stylesheet.
    texts = [_COMMENT.sub("", path.read_text(encoding="utf-8")) for path in files]
    # On the root, since Streamlit opens popovers beside .stApp. light-dark() is decided where a
    # colour is used: by the color-scheme of .stApp, which theme_switch.js repeats on the root.
    return "\n".join([font_faces(), f":root {{ {css_properties()} }}", *texts])


def apply_stylesheet() -> None:
    """Send the stylesheet. Streamlit gives a body of only styles no room on the page."""
    st.html(f"<style>{stylesheet()}</style>")
