"""Markup that is escaped by default: the only way to put HTML on a page.

What users, models and tools said is text. `el` escapes what it is given, writes out controls and
characters that turn text round, and knows no tag or attribute that could load or execute anything.
"""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final, Literal

import streamlit as st

from secondtake.backend.formats import visible

TAGS: Final = frozenset(
    [
        "a",
        "b",
        "br",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "time",
        "tr",
        "u",
        "ul",
    ]
)
"""Everything that `el` can make."""

VOID_TAGS: Final = frozenset({"br", "hr", "img"})

ATTRIBUTES: Final = frozenset(
    [
        "alt",
        "colspan",
        "datetime",
        "dir",
        "height",
        "href",
        "lang",
        "open",
        "role",
        "rowspan",
        "src",
        "tabindex",
        "target",
        "width",
    ]
)
"""Beside `cls`, `title`, `style`, `aria-*` and `data-*`."""

_NAMED: Final = re.compile(r"(?:aria|data)-[a-z][a-z0-9-]*")
_ADDRESS: Final = re.compile(r"(?:/(?!/)|\?|#|run\?)[\w\-.~!$&'()*+,;=:@/?%#]*", re.ASCII)
_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")
_PROPERTY: Final = re.compile(r"(?:--)?[a-z][a-z0-9-]*")
_CSS_WORD: Final = r"[#0-9A-Za-z.,%+\- ]|var\(--[a-z0-9-]+\)"
_CSS_VALUE: Final = re.compile(rf"(?:{_CSS_WORD}|(?:minmax|calc|repeat)\((?:{_CSS_WORD})*\))*")
_ICON: Final = re.compile(r"[a-z][a-z0-9_]*")


class Html:
    """Markup that is safe to show: what the functions of this module return, and nothing else."""

    __slots__ = ("_markup",)

    def __init__(self, markup: str) -> None:
        self._markup = markup

    def __str__(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return f"Html({self._markup!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Html) and other._markup == self._markup

    def __hash__(self) -> int:
        return hash(self._markup)


Child = Html | str | int | None
"""`Html` goes in as it is, text and numbers are escaped, None is left out."""

Attribute = str | int | bool | None
"""True is an attribute without a value; None and False leave it out."""


def el(
    tag: str,
    *children: Child | Iterable[Child],
    cls: str | None = None,
    title: str | None = None,
    style: Mapping[str, str] | None = None,
    **attributes: Attribute,
) -> Html:
    """Return an element with its children.

    Args:
        tag: one of `TAGS`.
        children: what is inside; see `Child`. Lists and generators are taken apart.
        cls: the classes, parted by spaces.
        title: the tooltip; any text.
        style: CSS properties with values that name no address.
        attributes: `data_run="x"` becomes `data-run="x"`. `href` is an address of the studio,
            `src` of a picture holds the picture itself.

    Raises:
        ValueError: the tag, an attribute or a style is none that is let through.
    """
    if tag not in TAGS:
        raise ValueError(f"no tag to make: {tag!r}")
    parts = [tag]
    if cls:
        parts.append(f'class="{_escaped(cls)}"')
    if title:
        parts.append(f'title="{_escaped(title)}"')
    if style:
        parts.append(f'style="{_style(style)}"')
    parts += [
        _attribute(tag, name.rstrip("_").replace("_", "-"), value)
        for name, value in attributes.items()
        if value is not None and value is not False
    ]
    opening = f"<{' '.join(parts)}>"
    if tag in VOID_TAGS:
        return Html(opening)
    return Html(f"{opening}{join(*children)}</{tag}>")


def text(value: str) -> Html:
    """Return any text as markup that shows just that text."""
    return Html(_escaped(value))


def join(*children: Child | Iterable[Child], separator: Child = "") -> Html:
    """Return children one after another, without an element around them."""
    return Html(str(_markup(separator)).join(str(_markup(child)) for child in _flat(children)))


def icon(name: str, *, cls: str = "", label: str = "") -> Html:
    """Return a Material symbol, from the font that comes with Streamlit.

    Args:
        name: of the symbol, as `check_circle`.
        cls: further classes, for its colour.
        label: what it means; without one it is hidden from screen readers.
    """
    if not _ICON.fullmatch(name):
        raise ValueError(f"no name of a symbol: {name!r}")
    classes = f"icon {cls}".rstrip()
    if not label:
        return el("span", name, cls=classes, aria_hidden="true")
    return el("span", name, cls=classes, title=label, role="img", aria_label=label)


def show(markup: Html, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """Put markup on the page, where the page is just now."""
    if not isinstance(markup, Html):
        raise TypeError("only Html is shown; make it with el()")
    st.html(str(markup), width=width)


def _flat(children: Iterable[Child | Iterable[Child]]) -> Iterable[Child]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html | str | int):
            yield child
        else:
            yield from (each for each in child if each is not None)


def _markup(child: Child) -> Html:
    return child if isinstance(child, Html) else text(str(child))


def _escaped(value: str) -> str:
    return escape(visible(value), quote=True)


def _attribute(tag: str, name: str, value: Attribute) -> str:
    if name not in ATTRIBUTES and not _NAMED.fullmatch(name):
        raise ValueError(f"no attribute to set: {name!r}")
    if value is True:
        return name
    written = str(value)
    if name == "href" and not _ADDRESS.fullmatch(written):
        raise ValueError(f"no address of the studio: {written!r}")
    if name == "src" and not (tag == "img" and _PICTURE.fullmatch(written)):
        raise ValueError("a picture holds its bytes as data:image/...;base64")
    return f'{name}="{_escaped(written)}"'


def _style(style: Mapping[str, str]) -> str:
    for name, value in style.items():
        if not _PROPERTY.fullmatch(name) or not _CSS_VALUE.fullmatch(value):
            raise ValueError(f"no style to set: {name!r}: {value!r}")
    return escape(";".join(f"{name}:{value}" for name, value in style.items()), quote=True)
