"""The two typefaces, from their packages to the browser.

Inter and JetBrains Mono (SIL Open Font License) come as dependencies and are served by the studio
itself. Where they are missing the system's own typefaces take their place.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Font:
    """A typeface: its name in CSS, and the file that it comes in."""

    family: str
    package: str
    file: str
    weights: str
    address: str
    """Where the studio serves it."""


FONTS: Final = (
    Font(
        family="Inter",
        package="fontpkg_inter",
        file="Inter[opsz,wght].ttf",
        weights="100 900",
        address="/fonts/inter.ttf",
    ),
    Font(
        family="JetBrains Mono",
        package="fontpkg_jetbrains_mono",
        file="JetBrainsMono[wght].ttf",
        weights="100 800",
        address="/fonts/jetbrains-mono.ttf",
    ),
)


@lru_cache
def font_file(font: Font) -> Path | None:
    """Return where the file of a typeface is; None when its package is not installed."""
    spec = find_spec(font.package)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "files" / font.file
        if path.is_file():
            return path
    return None


def font_faces() -> str:
    """Return the CSS that names the typefaces. Text shows at once, in the system's until then."""
    return "".join(
        f"@font-face{{font-family:'{font.family}';font-weight:{font.weights};font-display:swap;"
        f"src:url('{font.address}') format('truetype');}}"
        for font in FONTS
        if font_file(font) is not None
    )
