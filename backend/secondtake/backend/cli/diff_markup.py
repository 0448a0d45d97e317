"""Builds HTML in which whatever a run said is text: escaped unless it was built here."""

from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

from secondtake.backend.formats import visible
from secondtake.backend.run_diffs import sentence_parts

_EMPTY: Final = frozenset({"meta", "rect", "line", "path", "circle", "use", "col"})
"""Elements without content."""


class Html(str):
    """Markup that was built here; any other text is escaped."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"


def el(tag: str, *children: Child, **attributes: str | float | bool | None) -> Html:
    """Return an element.

    Args:
        tag: its name, ours.
        children: texts, which are escaped, elements, or lists of both; None is nothing.
        attributes: `cls` is `class`, `_` in a name is `-`; None and False are left out.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _EMPTY:
        return Html(f"<{tag}{written}>" if tag in ("meta", "col") else f"<{tag}{written}/>")
    return Html(f"<{tag}{written}>{join(*children)}</{tag}>")


def join(*children: Child) -> Html:
    """Return children one after the other."""
    return Html("".join(map(_child, children)))


def prose(text: str | None) -> list[Html]:
    """Return a sentence of ours, with what stands between backticks as code."""
    parts = sentence_parts(text or "")
    return [el("code", part) if is_name else join(part) for part, is_name in parts]


def icon(name: str) -> Html:
    """Return one of the signs of `SIGNS`."""
    return el("svg", el("use", href=f"#i-{name}"), cls=f"icon i-{name}", aria_hidden="true")


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return escape(visible(child))
    return "".join(map(_child, child))


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = "class" if name == "cls" else name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(visible(str(value)))}"'


SIGNS: Final = Html(
    '<svg class="signs" aria-hidden="true">'
    '<symbol id="i-llm" viewBox="0 0 16 16"><path d="M8 1l1.7 5.3L15 8l-5.3 1.7L8 15l-1.7-5.3L1 8'
    'l5.3-1.7z"/></symbol>'
    '<symbol id="i-tool" viewBox="0 0 16 16"><path d="M14.6 4.3a4.2 4.2 0 0 1-5.6 5.1L4.4 14a1.7'
    ' 1.7 0 0 1-2.4-2.4L6.6 7a4.2 4.2 0 0 1 5.1-5.6L9.3 3.8l.5 2.4 2.4.5z"/>'
    "</symbol>"
    '<symbol id="i-retriever" viewBox="0 0 16 16"><path d="M7 1.5a5.5 5.5 0 1 0 3.3 9.9'
    "l3.2 3.2 1.1-1.1-3.2-3.2A5.5 5.5 0 0 0 7 1.5zm0 1.6a3.9 3.9 0 1 1 0"
    ' 7.8 3.9 3.9 0 0 1 0-7.8z"/></symbol>'
    '<symbol id="i-other" viewBox="0 0 16 16"><path d="M8 8.2a3.3 3.3 0 1 0 0-6.6 3.3'
    ' 3.3 0 0 0 0 6.6zm0 1.4c-3 0-6 1.5-6 3.8V15h12v-1.6c0-2.3-3-3.8-6-3.8z"/>'
    "</symbol>"
    '<symbol id="i-edited" viewBox="0 0 16 16"><path d="M2 14l.7-3.3 7.9-7.9 2.6 2.6'
    '-7.9 7.9zM11.4 2l.9-.9a.9.9 0 0 1 1.3 0l1.3 1.3a.9.9 0 0 1 0 1.3l-.9.9z"/>'
    "</symbol>"
    '<symbol id="i-moved" viewBox="0 0 16 16"><path d="M5 1.5L8 5H5.8v6H4.2V5H2zm6 13L8 11'
    'h2.2V5h1.6v6H14z"/></symbol>'
    '<symbol id="i-inserted" viewBox="0 0 16 16"><path d="M7.2 3h1.6v4.2H13v1.6H8.8V13'
    'H7.2V8.8H3V7.2h4.2z"/></symbol>'
    '<symbol id="i-deleted" viewBox="0 0 16 16"><path d="M3 7.2h10v1.6H3z"/></symbol>'
    '<symbol id="i-fork" viewBox="0 0 16 16"><path d="M7.2 15V9.6L3.5 5.9V8H2V3h5v1.5H4.7'
    'L8 7.8l3.3-3.3H9V3h5v5h-1.5V5.9L8.8 9.6V15z"/></symbol>'
    '<symbol id="i-fold" viewBox="0 0 16 16"><path d="M8 1.5l3.2 3.2-1.1 1.1L8 3.7 5.9'
    ' 5.8 4.8 4.7zm0 13l-3.2-3.2 1.1-1.1L8 12.3l2.1-2.1 1.1 1.1z"/></symbol>'
    "</svg>"
)
"""The signs of a page, drawn once."""
