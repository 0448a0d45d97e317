"""Colours and typefaces: the one place that names them.

The stylesheet, Streamlit's theme and charts are made of them. `tests/studio/test_theme.py` checks
that text can be read and that colours that mean different things stay apart for colour-blind eyes.
"""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Shade:
    """A colour by day and by night, each as `#RRGGBB`."""

    light: str
    dark: str


SURFACES: Final = {
    "bg": Shade("#FFFFFF", "#0F1216"),
    "bg2": Shade("#F6F7F9", "#171B21"),
    "bg3": Shade("#ECEEF2", "#20262E"),
    "line": Shade("#E4E7EC", "#262C34"),
    "line2": Shade("#D3D8E0", "#353C46"),
    "bar": Shade("#C4CAD6", "#454D59"),
}
"""Page; heads, sidebar and hover; chips. Then hairline, the edge of a control, bars of a count."""

INK: Final = {
    "ink": Shade("#171A21", "#E7EAEE"),
    "ink2": Shade("#5B6472", "#98A2B0"),
    "ink3": Shade("#646D7B", "#858F9D"),
    "warn-ink": Shade("#946200", "#F0B429"),
}
"""Text, second text, faint text, and text that warns: as a text `warn` is too light by day."""

ACCENT: Final = {
    "accent": Shade("#3E5BD8", "#7C93FF"),
    "accent-bg": Shade("#EEF1FD", "#1B2242"),
    "primary": Shade("#3E5BD8", "#4F6BE6"),
    "link": Shade("#3450C4", "#9FB0FF"),
}
"""Selection, news and focus. `primary` carries white text."""

STATUSES: Final = {
    "ok": Shade("#0B7A5E", "#4CC5A3"),
    "error": Shade("#B42318", "#FF7A59"),
    "warn": Shade("#A87100", "#F0B429"),
    "running": Shade("#1F5FA8", "#6AA6F0"),
}
"""How a run or a step ended; cancelled is `ink3`."""

TINTS: Final = {
    "ok-bg": Shade("#E6F4F0", "#12291F"),
    "error-bg": Shade("#FDECEA", "#33150F"),
    "warn-bg": Shade("#FBF3E0", "#2C2210"),
    "running-bg": Shade("#E8F0FA", "#12233A"),
}
"""Behind text in the colour of a status."""

SIDES: Final = {
    "side-a": Shade("#0F6F86", "#55BCD6"),
    "side-b": Shade("#B3500B", "#F3A25C"),
}
"""The two sides of a comparison: baseline and candidate."""

SIDE_TINTS: Final = {
    "side-a-bg": Shade("#E3F3F6", "#10282E"),
    "side-a-word": Shade("#BFE3EA", "#1C4A55"),
    "side-b-bg": Shade("#FDF1E5", "#2D1E10"),
    "side-b-word": Shade("#FAD7B0", "#5A3714"),
}

KINDS: Final = {
    "agent": Shade("#3D4653", "#D5DBE3"),
    "node": Shade("#848E96", "#6C7787"),
    "llm": Shade("#7A4FD0", "#9674F0"),
    "tool": Shade("#BE8200", "#EDB63E"),
    "retriever": Shade("#0E8FA8", "#3FC1DA"),
    "other": Shade("#B02E86", "#E0559F"),
}
"""Of spans, for bars and icons and never for text; `other` is mostly a person."""

KIND_ICONS: Final = {
    "agent": "smart_toy",
    "node": "crop_square",
    "llm": "neurology",
    "tool": "build",
    "retriever": "manage_search",
    "other": "person_raised_hand",
}
STATUS_ICONS: Final = {
    "ok": "check_circle",
    "error": "error",
    "interrupted": "error",
    "budget_exceeded": "money_off",
    "cancelled": "block",
    "running": "progress_activity",
    "waiting": "pause_circle",
}
"""By the status of a run; `waiting` is a running one that asks a person."""

STATUS_COLOURS: Final = {
    "ok": "ok",
    "error": "error",
    "interrupted": "error",
    "budget_exceeded": "warn",
    "cancelled": "ink3",
    "running": "running",
    "waiting": "warn",
}

_SYSTEM: Final = "-apple-system, 'Segoe UI', 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
_SYSTEM_MONO: Final = "ui-monospace, 'Cascadia Mono', Menlo, 'Liberation Mono', monospace"
FONT: Final = f"Inter, {_SYSTEM}"
MONO: Final = f"'JetBrains Mono', {_SYSTEM_MONO}"


def shades() -> dict[str, Shade]:
    """Return every colour by the name of its CSS property."""
    kinds = {f"kind-{name}": shade for name, shade in KINDS.items()}
    return {
        **SURFACES,
        **INK,
        **ACCENT,
        **STATUSES,
        **TINTS,
        **SIDES,
        **SIDE_TINTS,
        **kinds,
    }


def css_properties() -> str:
    """Return the colours and typefaces as CSS properties that follow light and dark."""
    colours = "".join(
        f"--{name}:light-dark({shade.light},{shade.dark});" for name, shade in shades().items()
    )
    return f"{colours}--font:{FONT};--mono:{MONO};"


def streamlit_theme() -> dict[str, Any]:
    """Return the tokens as options of Streamlit's own theme, by dotted name."""
    options: dict[str, Any] = {
        "theme.font": FONT,
        "theme.codeFont": MONO,
        "theme.baseFontSize": 14,
        "theme.codeFontSize": "12px",
        "theme.baseRadius": "6px",
        "theme.buttonRadius": "6px",
        "theme.showWidgetBorder": True,
        "theme.showSidebarBorder": True,
        "theme.linkUnderline": False,
    }
    for mode in ("light", "dark"):
        colour = {name: getattr(shade, mode) for name, shade in shades().items()}
        options |= {
            f"theme.{mode}.primaryColor": colour["primary"],
            f"theme.{mode}.backgroundColor": colour["bg"],
            f"theme.{mode}.secondaryBackgroundColor": colour["bg2"],
            f"theme.{mode}.textColor": colour["ink"],
            f"theme.{mode}.linkColor": colour["link"],
            f"theme.{mode}.borderColor": colour["line2"],
            f"theme.{mode}.codeTextColor": colour["ink"],
            f"theme.{mode}.codeBackgroundColor": colour["bg2"],
            f"theme.{mode}.sidebar.backgroundColor": colour["bg2"],
            f"theme.{mode}.sidebar.secondaryBackgroundColor": colour["bg3"],
            f"theme.{mode}.sidebar.borderColor": colour["line"],
        }
    return options
