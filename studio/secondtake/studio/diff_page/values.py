"""Configuration, inputs and state: what differs, place by place."""

from collections.abc import Sequence
from typing import Any, Final

from secondtake.backend.formats import counted
from secondtake.backend.models.diffs import Change
from secondtake.studio.diff_page.header import letter
from secondtake.studio.diff_page.texts import alone, compared, marked
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.json_text import laid_out, name_line

CHANGES_SHOWN: Final = 200
VALUE_CHARS: Final = 4000
PATH_CHARS: Final = 300
AROUND: Final = 200

_KINDS: Final = {"changed": "changed", "added": "only B", "removed": "only A"}
_ICONS: Final = {"changed": "edit", "added": "add", "removed": "remove"}


def values(changes: Sequence[Change], *, named: str) -> Html:
    """Return what differs of a value.

    Args:
        changes: by place.
        named: what it is, as `inputs`, for the sentence where nothing differs.
    """
    if not changes:
        said = f"No difference: the {named} are the same on both sides, or were not recorded."
        return el("div", icon("check", cls="empty-icon"), el("p", said), cls="empty")
    return join(table(changes))


def table(changes: Sequence[Change]) -> Html:
    """Return changes as a table."""
    head = el(
        "div",
        el("div", "place"),
        el("div", ""),
        el("div", letter("A")),
        el("div", letter("B")),
        cls="diff-value-row diff-columns pane-sticky",
    )
    rows = [_row(change) for change in changes[:CHANGES_SHOWN]]
    more = len(changes) - len(rows)
    if more > 0:
        said = f"{counted(more, 'more change')}: `secondtake diff A B --json` has all of them."
        rows.append(el("div", said, cls="pane-note"))
    return el("div", head, rows, cls="diff-values", data_testid="diff-values")


def _row(change: Change) -> Html:
    before, after = _values(change)
    path = name_line(change.path or "(the value itself)", limit=PATH_CHARS)
    return el(
        "div",
        el("div", path, cls="mono", title=path),
        el("div", icon(_ICONS[change.kind]), _KINDS[change.kind], cls="diff-kind"),
        before,
        after,
        cls=f"diff-value-row is-{change.kind}",
    )


def _values(change: Change) -> tuple[Html, Html]:
    if change.kind == "added":
        return el("div", cls="is-none"), el("div", _alone(change.b), cls=f"{_face(change.b)} is-b")
    if change.kind == "removed":
        return el("div", _alone(change.a), cls=f"{_face(change.a)} is-a"), el("div", cls="is-none")
    one, other = compared(laid_out(change.a), laid_out(change.b))
    return (
        el("div", marked(one, around=AROUND, limit=VALUE_CHARS), cls=_face(change.a)),
        el("div", marked(other, around=AROUND, limit=VALUE_CHARS), cls=_face(change.b)),
    )


def _face(value: Any) -> str:
    """Return the class of the typeface: sentences are read, values are looked at."""
    return "wrapped" if isinstance(value, str) and " " in value.strip() else "mono"


def _alone(value: Any) -> list[Html]:
    return marked(alone(laid_out(value)), around=AROUND, limit=VALUE_CHARS)
