"""The theme: text can be read, and colours that mean different things stay apart."""

import re
from collections.abc import Mapping
from itertools import combinations
from typing import Final, get_args

import pytest
from streamlit import config
from tests.support.colours import MACHADO, contrast, difference
from tests.support.repository import REPOSITORY

from secondtake.backend.models.runs import Status
from secondtake.studio.app import server_options
from secondtake.studio.theme.fonts import FONTS, font_faces, font_file
from secondtake.studio.theme.stylesheet import FOLDER, stylesheet
from secondtake.studio.theme.tokens import (
    INK,
    KIND_ICONS,
    KINDS,
    SIDES,
    STATUS_COLOURS,
    STATUS_ICONS,
    STATUSES,
    Shade,
    css_properties,
    shades,
)

MODES: Final = ("light", "dark")
READABLE: Final = 4.5
"""The least contrast of text, WCAG AA."""
VISIBLE: Final = 3.0
"""The least contrast of what is no text, WCAG AA."""

APART: Final[dict[str, tuple[Mapping[str, Shade], float]]] = {
    "sides": (SIDES, 62),
    "kinds": (KINDS, 11),
    "statuses": (STATUSES, 12),
}
"""Colours that must be told apart, and how far (CIE 1976); icons and words stand by kinds and
statuses, since 11 or 12 are not enough alone."""


def shade(name: str, mode: str) -> str:
    return str(getattr(shades()[name], mode))


@pytest.mark.parametrize("eyes", MACHADO)
@pytest.mark.parametrize("group", APART)
def test_colours_stay_apart_for_every_kind_of_eyes(group: str, eyes: str) -> None:
    colours, least = APART[group]
    found = {
        (mode, first, second): round(
            difference(getattr(colours[first], mode), getattr(colours[second], mode), eyes=eyes), 1
        )
        for mode in MODES
        for first, second in combinations(colours, 2)
    }
    assert {pair: apart for pair, apart in found.items() if apart < least} == {}


def test_the_check_of_colours_finds_a_bad_pair() -> None:
    # Red and green of the same lightness, the classic mistake.
    assert difference("#C0392B", "#5E7F00", eyes="all colours") > 60
    assert difference("#C0392B", "#5E7F00", eyes="deuteranopia") < 20


@pytest.mark.parametrize("mode", MODES)
def test_text_can_be_read_on_every_ground_it_stands_on(mode: str) -> None:
    pairs = [(ink, ground) for ink in INK for ground in ("bg", "bg2", "bg3", "accent-bg")]
    pairs += [(name, ground) for name in ("ok", "error", "running") for ground in ("bg", "bg2")]
    pairs += [(name, f"{name}-bg") for name in ("ok", "error", "running")]
    pairs += [("warn-ink", "warn-bg"), ("link", "bg"), ("accent", "bg"), ("accent", "accent-bg")]
    pairs += [("side-a", "side-a-bg"), ("side-b", "side-b-bg")]
    found = {pair: contrast(shade(pair[0], mode), shade(pair[1], mode)) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in found.items() if ratio < READABLE} == {}


@pytest.mark.parametrize("mode", MODES)
def test_bars_and_icons_can_be_seen_on_every_ground_they_stand_on(mode: str) -> None:
    pairs = [(kind, ground) for kind in KINDS for ground in ("bg", "bg2")]
    found = {pair: contrast(getattr(KINDS[pair[0]], mode), shade(pair[1], mode)) for pair in pairs}
    assert {pair: round(ratio, 2) for pair, ratio in found.items() if ratio < VISIBLE} == {}


@pytest.mark.parametrize("mode", MODES)
def test_white_can_be_read_on_a_primary_button(mode: str) -> None:
    assert contrast("#FFFFFF", shade("primary", mode)) >= READABLE


def test_contrast_is_as_its_standard_says() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def test_every_status_has_an_icon_and_a_colour() -> None:
    known = {*get_args(Status), "waiting"}
    assert set(STATUS_ICONS) == set(STATUS_COLOURS) == known
    assert set(STATUS_COLOURS.values()) <= set(shades())
    assert set(KIND_ICONS) == set(KINDS)


def test_every_colour_of_the_styles_is_a_token() -> None:
    components = REPOSITORY / "studio/secondtake/studio/components"
    files = [*FOLDER.glob("*.css"), *components.glob("*.css")]
    known = set(re.findall(r"--([a-z0-9-]+):", css_properties()))
    for file in files:
        text = file.read_text(encoding="utf-8")
        own = set(re.findall(r"(?<![\w-])--([a-z0-9-]+)\s*:", text))
        used = set(re.findall(r"var\(--([a-z0-9-]+)", text))
        given = set(re.findall(r"[\"'`]--([a-z0-9-]+)", "".join(scripts())))
        given |= set(re.findall(r"\"--([a-z0-9-]+)\"", "".join(modules())))
        assert used <= known | own | given, f"{file.name}: {used - known - own - given}"


def scripts() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in (REPOSITORY / "studio").rglob("*.js")]


def modules() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in (REPOSITORY / "studio").rglob("*.py")]


def test_the_stylesheet_is_one_that_the_browser_keeps() -> None:
    text = stylesheet()
    assert "<" not in text, "the browser's purifier would drop all of it"
    assert all(path.stat().st_size for path in FOLDER.glob("*.css"))
    assert text.count("{") == text.count("}")
    addresses = re.findall(r"url\(([^)]*)\)", text)
    assert all(address.startswith("'/fonts/") for address in addresses)
    assert "@import" not in text


def test_the_fonts_come_from_their_packages() -> None:
    for font in FONTS:
        path = font_file(font)
        assert path is not None
        assert path.read_bytes()[:4] == b"\x00\x01\x00\x00"
        assert f"font-family:'{font.family}'" in font_faces()
    assert font_faces().count("font-display:swap") == len(FONTS)


def test_every_option_is_one_that_streamlit_has() -> None:
    options = server_options(host="127.0.0.1", port=8501)
    assert set(options) <= set(config.get_config_options())
